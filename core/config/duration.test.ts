import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from './duration.ts';

const GOOD: readonly (readonly [string, number])[] = [
  ['0', 0],
  ['-0', 0],
  ['+5s', 5000],
  ['300ms', 300],
  ['1.5h', 5_400_000],
  ['2h45m', 9_900_000],
  ['-1m', -60_000],
  ['.5s', 500],
  ['1.s', 1000],
  ['1us', 0.001],
  ['1µs', 0.001],
  ['1μs', 0.001],
  ['5ns', 5e-6],
  ['1h2m3.5s', 3_723_500],
];

test('durations are read as in Go', () => {
  for (const [text, ms] of GOOD) assert.deepEqual(parseDuration(text), { ms: ms === 0 ? 0 : ms }, text);
});

const BAD: readonly (readonly [string, string])[] = [
  ['', 'time: invalid duration'],
  ['abc', 'time: invalid duration'],
  ['.', 'time: invalid duration'],
  ['s', 'time: invalid duration'],
  ['5', 'time: missing unit in duration'],
  ['1h5', 'time: missing unit in duration'],
  ['5x', 'time: unknown unit'],
  ['1d', 'time: unknown unit'],
  ['5S', 'time: unknown unit'],
  ['1h 2m', 'time: unknown unit'],
  ['100000000h', 'time: invalid duration'],
];

test('what is no duration is refused in the words of Go', () => {
  for (const [text, error] of BAD) assert.deepEqual(parseDuration(text), { error }, text);
});

test('durations print as in Go and read back', () => {
  const shown = ['0s', '200ms', '1.5µs', '5ns', '1m30s', '5m0s', '1h0m0s', '1h1m1.5s', '-2s'];
  for (const text of shown) {
    const parsed = parseDuration(text);
    assert.ok('ms' in parsed);
    assert.equal(formatDuration(parsed.ms), text);
  }
});
