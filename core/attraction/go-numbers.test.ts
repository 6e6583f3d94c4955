import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goParseFloat, goParseInt } from './go-numbers.ts';

test('floats are read as Go reads them', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ...([
      ['1_000', 1000],
      ['0x1_0p0', 16],
      ['0x_1p0', 1],
      ['nan', Number.NaN],
      ['-inf', -Infinity],
    ] as const),
    ...([
      ['.5', 0.5],
      ['5.', 5],
      ['0x1p-2', 0.25],
      ['0x.8p1', 1],
      ['+1', 1],
      ['1e-400', 0],
      ['0X1P+3', 8],
    ] as const),
    ...([
      ['0x1.00000000000008p0', 1],
      ['0x1.00000000000018p0', 1 + 2 ** -51],
      ['0x1p-1074', 5e-324],
    ] as const),
    ...['1e400', '+nan', '1e', '', ' 1', '0x1', '1__0', '_1', '1_', '1_.5', '1._5', '0x1p1024', 'x'].map(
      (text) => [text, undefined] as const,
    ),
  ];
  for (const [text, expected] of cases) assert.equal(goParseFloat(text), expected, text);
});

test('integers are decimal and have 64 bits', () => {
  const cases = { '+8': 8n, '-007': -7n, '9223372036854775807': 2n ** 63n - 1n, '-9223372036854775808': -(2n ** 63n) };
  for (const [text, expected] of Object.entries(cases)) assert.equal(goParseInt(text), expected, text);
  for (const text of ['', '-', '1.0', '1_000', '0x1', ' 1', '9223372036854775808']) {
    assert.equal(goParseInt(text), undefined, text);
  }
});
