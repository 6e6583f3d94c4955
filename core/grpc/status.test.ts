import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusCode } from '../status-code.ts';
import {
  decodeMessage,
  encodeMessage,
  fromHttpStatus,
  fromReset,
  isGrpcContentType,
  parseStatusCode,
} from './status.ts';
import { formatTimeout, parseTimeout } from './timeout.ts';

test('messages are percent-encoded as UTF-8 and come back', () => {
  assert.equal(encodeMessage('plain text, 2 + 2'), 'plain text, 2 + 2');
  assert.equal(encodeMessage('100% "ö"\n€'), '100%25 "%C3%B6"%0A%E2%82%AC');
  for (const text of ['', '%', '%41', 'a\0b', '\u{1f600} done', '%zz']) {
    assert.equal(decodeMessage(encodeMessage(text)), text);
  }
  assert.equal(decodeMessage('100% of %zz'), '100% of %zz');
});

test('status codes outside the list are UNKNOWN', () => {
  for (let code = 0; code <= 16; code++) assert.equal(parseStatusCode(`${code}`), code);
  for (const value of ['', '17', '-1', '1.5', 'x', '007']) assert.equal(parseStatusCode(value), StatusCode.UNKNOWN);
});

test('content types of gRPC', () => {
  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc;charset=utf-8']) {
    assert.equal(isGrpcContentType(type), true, type);
  }
  for (const type of ['', 'application/grpcweb', 'application/grpc-web', 'application/json']) {
    assert.equal(isGrpcContentType(type), false, type);
  }
});

test('answers of proxies map to codes', () => {
  const code = (status: string): StatusCode => fromHttpStatus(status, 'text/html').code;
  assert.deepEqual(
    ['400', '401', '403', '404', '429', '502', '503', '504', '500', ''].map(code),
    [13, 16, 7, 12, 14, 14, 14, 14, 2, 2],
  );
  assert.deepEqual(
    [0, 1, 2, 7, 8, 11, 12, 99].map((c) => fromReset(c).code),
    [13, 13, 13, 14, 1, 8, 7, 13],
  );
});

test('timeouts', () => {
  const cases = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['99999999m', 99_999_999],
    ['4u', 0.004],
  ] as const;
  for (const [text, ms] of cases) assert.equal(parseTimeout(text), ms);
  for (const text of ['', '1', 'S', '1s', '123456789S', '-1S', '1.5S', ' 1S'])
    assert.equal(parseTimeout(text), undefined);
  assert.equal(formatTimeout(5000), '5000000u');
  assert.equal(formatTimeout(0.0001), '1u');
  assert.equal(formatTimeout(3_600_000), '3600000m');
  assert.equal(formatTimeout(1e12), '16666667M');
  for (const ms of [1, 20.5, 5000, 1e6, 1e9, 1e14]) {
    const back = parseTimeout(formatTimeout(ms))!;
    assert.ok(back >= ms && back < ms * 1.001 + 60_000, `${ms} ms became ${back}`);
  }
});
