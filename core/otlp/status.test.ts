import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeStatus, decodeStatusJson, encodeStatus, encodeStatusJson } from './status.ts';

const STATUSES = [
  { code: 3, message: 'bad request' },
  { code: 14, message: 'später, "bitte"', retryAfterMs: 1500 },
  { code: 8, message: '', retryAfterMs: 0 },
  { code: 8, message: 'x', retryAfterMs: 0.5 },
  { code: 0, message: '' },
];

test('a status survives both encodings', () => {
  for (const status of STATUSES) {
    assert.deepEqual(decodeStatus(encodeStatus(status)), status);
    assert.deepEqual(decodeStatusJson(encodeStatusJson(status)), status);
  }
});

test('JSON form of google.rpc.Status', () => {
  assert.equal(encodeStatusJson({ code: 3, message: 'no' }).toString(), '{"code":3,"message":"no"}');
  const delays = [0, 2000, 1500, 0.25, 1e-6].map((retryAfterMs) => {
    const { details } = JSON.parse(encodeStatusJson({ code: 8, message: '', retryAfterMs }).toString());
    assert.equal(details[0]['@type'], 'type.googleapis.com/google.rpc.RetryInfo');
    return details[0].retryDelay;
  });
  assert.deepEqual(delays, ['0s', '2s', '1.500s', '0.000250s', '0.000000001s']);
});

test('binary form of google.rpc.Status', () => {
  const hex = encodeStatus({ code: 14, message: 'no', retryAfterMs: 1500 }).toString('hex');
  const url = Buffer.from('type.googleapis.com/google.rpc.RetryInfo').toString('hex');
  // 1.5 s: Duration {seconds 1, nanos 500000000} in RetryInfo in Any
  assert.equal(hex, `080e12026e6f1a360a28${url}120a0a0808011080cab5ee01`);
});

test('what is no status is none, never an error', () => {
  for (const text of ['', '[]', 'null', '"x"', '<html>', '{"code":"3"}', '{"message":5}', '{"details":{}}']) {
    if (text !== '') assert.equal(decodeStatusJson(Buffer.from(text)), undefined, text);
    assert.doesNotThrow(() => decodeStatus(Buffer.from(text)));
  }
  const bytes = encodeStatus({ code: 14, message: 'no', retryAfterMs: 1500 });
  for (let end = 0; end <= bytes.length; end++) assert.doesNotThrow(() => decodeStatus(bytes.subarray(0, end)));
  for (let i = 0; i < bytes.length; i++) {
    const broken = Buffer.from(bytes);
    broken[i] = 0xff;
    assert.doesNotThrow(() => decodeStatus(broken));
  }
});

test('other details are passed over', () => {
  const json = { code: 8, details: [{ '@type': 'x/other', retryDelay: '9s' }, null, 5] };
  assert.deepEqual(decodeStatusJson(Buffer.from(JSON.stringify(json))), { code: 8, message: '' });
});
