import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimalText, fixedText, shortText, timeText } from './go-format.ts';

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

test('decimal text has no exponent, however large or small the number', () => {
  const cases: readonly (readonly [number, string])[] = [
    ...([
      [0, '0'],
      [-0, '-0'],
      [1.5, '1.5'],
      [-42, '-42'],
      [100, '100'],
      [0.1, '0.1'],
    ] as const),
    ...([
      [1e21, '1000000000000000000000'],
      [1.25e22, '12500000000000000000000'],
      [1e-7, '0.0000001'],
    ] as const),
    ...([
      [-1.5e-7, '-0.00000015'],
      [123456.789, '123456.789'],
      [Number.NaN, 'NaN'],
      [Infinity, '+Inf'],
    ] as const),
  ];
  for (const [value, text] of cases) assert.equal(decimalText(value), text);
});
