import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPrometheusDuration, parsePrometheusDuration } from './duration.ts';

test('durations are read as Prometheus reads them and print as it prints them', () => {
  const good: readonly (readonly [string, number, string])[] = [
    ['0', 0, '0s'],
    ['0s', 0, '0s'],
    ['30s', 30_000, '30s'],
    ['1h30m', 5_400_000, '1h30m'],
    ['90m', 5_400_000, '1h30m'],
    ['15d', 15 * 86_400_000, '15d'],
    ['1w', 7 * 86_400_000, '1w'],
    ['1y1d1ms', 366 * 86_400_000 + 1, '366d1ms'],
    ['250ms', 250, '250ms'],
  ];
  for (const [text, ms, printed] of good) {
    assert.deepEqual(parsePrometheusDuration(text), { ms }, text);
    const parsed = parsePrometheusDuration(text);
    assert.ok('ms' in parsed);
    assert.equal(formatPrometheusDuration(parsed.ms), printed);
    assert.deepEqual(parsePrometheusDuration(formatPrometheusDuration(parsed.ms)), parsed);
  }
});

test('what Prometheus refuses is refused in its words', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['', 'empty duration string'],
    ['1', 'not a valid duration string: "1"'],
    ['-1s', 'not a valid duration string: "-1s"'],
    ['1.5h', 'unknown unit "." in duration "1.5h"'],
    ['1s1m', 'not a valid duration string: "1s1m"'],
    ['1s1s', 'not a valid duration string: "1s1s"'],
    ['10us', 'unknown unit "us" in duration "10us"'],
    ['300y', 'duration out of range'],
  ];
  for (const [text, error] of bad) assert.deepEqual(parsePrometheusDuration(text), { error }, text);
});
