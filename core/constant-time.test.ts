import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Comparable } from './constant-time.ts';

const equal = (a: string | Buffer, b: string | Buffer): boolean => new Comparable(a).equals(new Comparable(b));

test('texts are the same or they are not, whatever their lengths and wherever they differ', () => {
  const long = 's'.repeat(100_000);
  for (const text of ['', 'a', 'sécret', long]) assert.ok(equal(text, Buffer.from(text)));
  for (const other of ['', 's', `${long}s`, long.slice(1), `x${long.slice(1)}`, `${long.slice(1)}x`]) {
    assert.equal(equal(long, other), false);
  }
});

test('where texts differ does not show in the time it takes', () => {
  const secret = 's'.repeat(1 << 20);
  const [early, late] = [`x${secret.slice(1)}`, `${secret.slice(1)}x`].map((text) => new Comparable(text));
  const expected = new Comparable(secret);
  const time = (given: Comparable): number => {
    const start = performance.now();
    for (let i = 0; i < 2000; i++) expected.equals(given);
    return performance.now() - start;
  };
  // the best of several, as the machine does other things too; a comparison of the texts takes 1000 times as long
  const best = (given: Comparable) => Math.min(...Array.from({ length: 20 }, () => time(given)));
  const ratio = best(early as Comparable) / best(late as Comparable);
  assert.ok(ratio > 0.2 && ratio < 5, `ratio ${ratio}`);
});
