import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Taken } from './taken.ts';

test('parts that were taken are passed over in the next attempt, others are not', () => {
  const taken = new Taken();
  const asked: boolean[] = [];
  const ask = (position: bigint, attempt: number, takes: boolean) => {
    const has = taken.has({ position, attempt });
    asked.push(has);
    if (!has && takes) taken.add();
  };
  ask(1n, 0, true);
  ask(1n, 0, false);
  ask(1n, 1, false);
  ask(1n, 1, true);
  ask(1n, 2, false);
  ask(1n, 2, false);
  ask(2n, 0, true);
  ask(2n, 0, true);
  assert.deepEqual(asked, [false, false, true, false, true, true, false, false]);
});
