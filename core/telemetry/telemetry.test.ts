import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlabPool } from './slab.ts';
import { Telemetry } from './telemetry.ts';

function message(pool: SlabPool, text: string): Telemetry {
  const { slab, start } = pool.allocate(text.length);
  slab.buffer.write(text, start, 'latin1');
  return new Telemetry('traces', [{ buffer: slab.buffer, start, end: start + text.length, slab }], 1);
}

/** The slabs that the pool hands out for the next few MiB of messages, released afterwards. */
function nextSlabs(pool: SlabPool): Set<Buffer> {
  const held = Array.from({ length: 30 }, () => message(pool, 'x'.repeat(200_000)));
  const seen = held.flatMap((batch) => batch.ranges.map((range) => range.buffer));
  for (const batch of held) batch.release();
  return new Set(seen);
}

test('a slab is used again only when every batch in it has been released', () => {
  const pool = new SlabPool();
  const kept = message(pool, 'kept');
  const first = kept.ranges[0]?.buffer;
  nextSlabs(pool);
  assert.ok(!nextSlabs(pool).has(first as Buffer), 'still held');
  assert.equal(kept.bytes().toString(), 'kept');
  kept.release();
  assert.ok(nextSlabs(pool).has(first as Buffer), 'free now');
});

test('derived and joined batches keep the memory of what they were made from', () => {
  const pool = new SlabPool();
  const a = message(pool, 'aaa');
  const b = message(pool, 'bbb');
  const first = a.ranges[0]?.buffer;
  const joined = Telemetry.join([a, b]);
  assert.equal(joined.items, 2);
  assert.equal(joined.byteLength, 6);
  const part = joined.derive([joined.ranges[1] as (typeof joined.ranges)[0]], 1);
  joined.release();
  nextSlabs(pool);
  assert.ok(!nextSlabs(pool).has(first as Buffer), 'the part still reads it');
  assert.equal(part.bytes().toString(), 'bbb');
  part.release();
  assert.ok(nextSlabs(pool).has(first as Buffer));
});

test('fan-out: as many releases as references, one more is a defect that shows', () => {
  const batch = message(new SlabPool(), 'x');
  batch.retain();
  batch.release();
  assert.equal(batch.bytes().toString(), 'x');
  batch.release();
  assert.throws(() => batch.release(), /released more often/);
  assert.throws(() => batch.retain(), /after its release/);
});

test('a large message has a slab of its own, which is used again for the next of about its size', () => {
  const pool = new SlabPool();
  const small = pool.allocate(10);
  const large = pool.allocate(300_000);
  assert.notEqual(large.slab, small.slab);
  assert.deepEqual([small.slab.shared, large.slab.shared], [true, false]);
  const { buffer } = large.slab;
  assert.notEqual(pool.allocate(400_000).slab.buffer, buffer, 'still held');
  large.slab.release();
  assert.equal(pool.allocate(500_000).slab.buffer, buffer, 'free now');
});

test('memory that is kept for messages to come is bounded, and so is the size of one', () => {
  const pool = new SlabPool();
  const round = () => {
    const taken = Array.from({ length: 20 }, () => pool.allocate(4_000_000).slab);
    for (const slab of taken) slab.release();
    return taken.map(({ buffer }) => buffer);
  };
  const first = new Set(round());
  assert.equal(round().filter((buffer) => first.has(buffer)).length, 8);
  const huge = pool.allocate(5_000_000).slab;
  assert.equal(huge.buffer.length, 5_000_000);
  huge.release();
  assert.notEqual(pool.allocate(5_000_000).slab, huge);
});
