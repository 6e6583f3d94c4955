import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNALS } from '../signal.ts';
import { WireError } from './fields.ts';
import { JsonError } from './json/error.ts';
import {
  decodeExportResponse,
  decodeExportResponseJson,
  encodeExportResponse,
  encodeExportResponseJson,
  FULL_SUCCESS,
} from './service.ts';

test('full success is the empty message, as the collector writes it', () => {
  assert.deepEqual(encodeExportResponse(), Buffer.from([0x0a, 0x00]));
  for (const signal of SIGNALS) assert.equal(encodeExportResponseJson(signal).toString(), '{"partialSuccess":{}}');
});

test('an empty body and an empty message are full success', () => {
  assert.deepEqual(decodeExportResponse(Buffer.alloc(0)), FULL_SUCCESS);
  assert.deepEqual(decodeExportResponse(Buffer.from([0x0a, 0x00])), FULL_SUCCESS);
});

test('partial success survives the round trip', () => {
  for (const partial of [
    { rejected: 3, errorMessage: 'quota' },
    { rejected: 0, errorMessage: 'is slow “today”' },
    { rejected: Number.MAX_SAFE_INTEGER, errorMessage: '' },
    { rejected: -1, errorMessage: 'nonsense, but int64' },
  ]) {
    assert.deepEqual(decodeExportResponse(encodeExportResponse(partial)), partial);
  }
});

test('JSON names the rejected items of the signal, as a string', () => {
  const partial = { rejected: 2, errorMessage: 'a "b"' };
  const texts = SIGNALS.map((signal) => encodeExportResponseJson(signal, partial).toString());
  assert.deepEqual(texts, [
    '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"a \\"b\\""}}',
    '{"partialSuccess":{"rejectedDataPoints":"2","errorMessage":"a \\"b\\""}}',
    '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"a \\"b\\""}}',
  ]);
});

test('JSON is read by the rules of OTLP/JSON', () => {
  for (const signal of SIGNALS) {
    for (const partial of [FULL_SUCCESS, { rejected: 2, errorMessage: 'a "b"' }]) {
      assert.deepEqual(decodeExportResponseJson(signal, encodeExportResponseJson(signal, partial)), partial);
    }
    assert.deepEqual(decodeExportResponseJson(signal, Buffer.from('{}')), FULL_SUCCESS);
    assert.throws(() => decodeExportResponseJson(signal, Buffer.from('<html>')), JsonError);
  }
  const text = '{"partial_success":{"rejected_spans":7,"future":[1]}}';
  assert.deepEqual(decodeExportResponseJson('traces', Buffer.from(text)), { rejected: 7, errorMessage: '' });
});

test('unknown fields are passed over, truncated ones refused', () => {
  const bytes = Buffer.concat([encodeExportResponse({ rejected: 5, errorMessage: 'x' }), Buffer.from([0x78, 0x01])]);
  assert.deepEqual(decodeExportResponse(bytes), { rejected: 5, errorMessage: 'x' });
  const response = encodeExportResponse({ rejected: 300, errorMessage: 'full' });
  for (let end = 1; end < response.length; end++) {
    assert.throws(() => decodeExportResponse(response.subarray(0, end)), WireError, `${end} bytes`);
  }
});
