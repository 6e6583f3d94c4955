import assert from 'node:assert/strict';
import { packEntry, packPosition, unpackPosition, unpackStates } from '../../../core/checkpoints/store.ts';
import { StateReader, StateWriter } from '../../../core/stream/codec.ts';
import { Distinct } from '../../../core/stream/distinct.ts';
import { Quantiles } from '../../../core/stream/quantiles.ts';
import type { Target } from '../engine.ts';

const DAMAGED = /^the snapshot is damaged/;
const EXACT = 20;
const MANY = 1500;

interface Stored {
  encode(to: StateWriter): void;
}

function written(...parts: readonly Stored[]): Buffer {
  const to = new StateWriter();
  for (const part of parts) part.encode(to);
  return to.text('end').finish();
}

/** State of stream operators: damaged, or read so that it is written the same way again. */
export const snapshot: Target = {
  name: 'snapshot',
  seeds: () =>
    [EXACT, MANY].map((count) => {
      const distinct = new Distinct();
      const quantiles = new Quantiles();
      for (let i = 0; i < count; i++) {
        distinct.add(`value ${i}`);
        quantiles.add(count === MANY ? i % 50 : i);
      }
      return packEntry(1, written(distinct, quantiles));
    }),
  check(input) {
    const [state] = unpackStates([['window', 'group 1', input]]);
    unpackPosition(input.length > 8 ? packPosition(input.readBigInt64LE(0)) : input);
    const bytes = state?.entries.get('group 1');
    if (bytes === undefined) return false;
    try {
      const from = new StateReader(bytes);
      const distinct = Distinct.decode(from);
      const quantiles = Quantiles.decode(from);
      assert.ok(distinct.estimate >= 0, 'an estimate');
      for (const q of [0.5, 0.99, 1]) quantiles.quantile(q);
      const once = written(distinct, quantiles);
      const again = new StateReader(once);
      assert.deepEqual(written(Distinct.decode(again), Quantiles.decode(again)), once, 'written again');
    } catch (error) {
      if (error instanceof Error && DAMAGED.test(error.message)) return false;
      throw error;
    }
    return true;
  },
};
