import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../testing/fake-clock.ts';
import { Turns } from './turns.ts';

test('a few run, others wait in order, and what is too much is refused', async () => {
  const turns = new Turns();
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const take = (number: number, bytes: number): Promise<void> | undefined =>
    turns.take(bytes, () => {
      started.push(number);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.push(resolve);
      return promise;
    });
  const taken = Array.from({ length: 6 }, (_, i) => take(i, 60 << 20));
  assert.deepEqual(started, [0, 1, 2, 3]);
  assert.equal(take(10, 60 << 20), undefined);
  ends[3]!();
  await taken[3];
  await settle();
  assert.deepEqual(started.slice(4), [4]);
  assert.notEqual(take(11, 60 << 20), undefined);
  for (let i = 0; i < ends.length; i++) {
    ends[i]!();
    await settle();
  }
  assert.deepEqual(started.slice(4), [4, 5, 11]);
});

test('a failure gives the turn on', async () => {
  const turns = new Turns();
  const failures = Array.from({ length: 20 }, () => turns.take(1, () => Promise.reject(new Error('no'))));
  const results = await Promise.allSettled(failures);
  assert.ok(results.every(({ status }) => status === 'rejected'));
  assert.equal(await turns.take(1, () => Promise.resolve('yes')), 'yes');
});
