import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_CONTEXT } from './context.ts';
import { Joiner } from './joiner.ts';
import { Slab } from './slab.ts';
import { Telemetry } from './telemetry.ts';

/** A batch in a slab of its own, and whether somebody still holds that slab. */
function slabbed(text: string): { batch: Telemetry; held: () => boolean } {
  const slab = new Slab(text.length);
  slab.buffer.write(text, 'latin1');
  slab.retain();
  const batch = new Telemetry('logs', [{ buffer: slab.buffer, start: 0, end: text.length, slab }], 1);
  const held = (): boolean => {
    try {
      slab.release();
    } catch {
      return false;
    }
    slab.retain();
    return true;
  };
  return { batch, held };
}

test('keeps the order of small and large batches and lets go of the small ones at once', () => {
  const joiner = new Joiner();
  const large = 'L'.repeat(5000);
  const parts = ['a', 'bb', large, 'c', 'd'.repeat(4096)].map(slabbed);
  for (const { batch } of parts) joiner.add(batch);
  assert.deepEqual(
    parts.map(({ held }) => held()),
    [false, false, true, false, false],
  );
  assert.equal(joiner.items, 5);
  assert.equal(joiner.byteLength, 1 + 2 + 5000 + 1 + 4096);
  const joined = joiner.take(EMPTY_CONTEXT);
  assert.equal(joined.items, 5);
  assert.equal(joined.bytes().toString('latin1'), `abb${large}c${'d'.repeat(4096)}`);
  joined.release();
  assert.equal(parts[2]?.held(), false);
});

test('what was taken is not touched by what is added later', () => {
  const joiner = new Joiner();
  joiner.add(slabbed('first').batch);
  const first = joiner.take(EMPTY_CONTEXT);
  for (let i = 0; i < 100; i++) joiner.add(slabbed('x'.repeat(4000)).batch);
  const second = joiner.finish(EMPTY_CONTEXT);
  assert.equal(first.bytes().toString(), 'first');
  assert.equal(second.byteLength, 400_000);
  assert.equal(second.bytes().toString(), 'x'.repeat(400_000));
  assert.throws(() => new Joiner().take(EMPTY_CONTEXT), /nothing was added/);
});
