import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixedText, shortText, timeText } from './go-format.ts';

test('floats as %v and %f of Go', () => {
  for (const [value, short, fixed] of [
    [0, '0', '0.000000'],
    [-0, '-0', '-0.000000'],
    [100000, '100000', '100000.000000'],
    [1000000, '1e+06', '1000000.000000'],
    [-123456789, '-1.23456789e+08', '-123456789.000000'],
    [0.0001, '0.0001', '0.000100'],
    [0.00001, '1e-05', '0.000010'],
    [0.0078125, '0.0078125', '0.007812'],
    [0.0234375, '0.0234375', '0.023438'],
    [3e22, '3e+22', '30000000000000000000000.000000'],
    [5e-324, '5e-324', '0.000000'],
    [Number.NaN, 'NaN', 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf', '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf', '-Inf'],
  ] as const) {
    assert.equal(shortText(value), short);
    assert.equal(fixedText(value), fixed);
  }
});

test('times as Go prints them, wrapping where int64 does', () => {
  assert.equal(timeText(0n), '1970-01-01 00:00:00 +0000 UTC');
  assert.equal(timeText(1581452772000000321n), '2020-02-11 20:26:12.000000321 +0000 UTC');
  assert.equal(timeText(1581452772010000000n), '2020-02-11 20:26:12.01 +0000 UTC');
  assert.equal(timeText(2n ** 64n - 1n), '1969-12-31 23:59:59.999999999 +0000 UTC');
});
