import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTree, encodeTree } from '../../../core/otlp/tree.ts';
import { slabs } from '../../../core/telemetry/slab.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { looseRequest, seededRandom } from '../../../core/testing/random-telemetry.ts';
import { requestOf, traceId, walk } from '../testing/spans.ts';
import { Arena, Header, NONE } from './arena.ts';
import { Batches } from './batches.ts';
import { DecisionCache } from './decision-cache.ts';
import { TraceGrouper } from './grouper.ts';
import { Outbox } from './outbox.ts';
import { Resources } from './resources.ts';
import { TraceTable } from './trace-table.ts';
import { Traces } from './traces.ts';

const idOf = (n: number) => Buffer.from(traceId(n), 'hex');

test('the table is a map in the order of arrival, whatever comes and goes', () => {
  const random = seededRandom(1);
  const table = new TraceTable(7);
  const model = new Map<number, number>();
  for (let i = 0; i < 60_000; i++) {
    const id = Math.floor(random() * 4000);
    const slot = table.find(idOf(id), 0);
    assert.equal(slot, model.get(id) ?? NONE);
    if (slot === NONE) model.set(id, table.insert(idOf(id), 0));
    else if (random() < 0.7) {
      table.remove(slot);
      model.delete(id);
    }
  }
  assert.equal(table.size, model.size);
  const order: number[] = [];
  for (let slot = table.oldest; slot !== NONE; slot = table.newer(slot)) order.push(slot);
  assert.deepEqual(order, [...model.values()]);
  const copy = Buffer.alloc(16);
  for (const [id, slot] of model) {
    table.copyId(slot, copy, 0);
    assert.deepEqual(copy, idOf(id));
  }
});

test('a cache keeps what was used last', () => {
  for (const capacity of [1, 3, 5000]) {
    const random = seededRandom(capacity);
    const cache = new DecisionCache(capacity, 3);
    const model = new Map<number, number>();
    for (let i = 0; i < 40_000; i++) {
      const id = Math.floor(random() * capacity * 2);
      const known = model.get(id);
      assert.equal(cache.get(idOf(id), 0), known);
      if (known !== undefined) model.delete(id);
      const policy = known ?? i % 100;
      if (known === undefined && random() < 0.3) continue;
      cache.put(idOf(id), 0, policy);
      model.set(id, policy);
      if (model.size > capacity) for (const oldest of model.keys()) if (model.delete(oldest)) break;
    }
  }
});

test('a trace waits so many ticks after the next one, and may be brought forward', () => {
  const table = new TraceTable(1);
  const batches = new Batches(table, 3);
  const slots = [1, 2, 3].map((n) => table.insert(idOf(n), 0));
  const [a, b, c] = slots as [number, number, number];
  for (const slot of slots) batches.add(slot);
  assert.equal(batches.hurry(b, 1), true);
  assert.equal(batches.hurry(b, 2), false, 'never back');
  const due: number[][] = [];
  for (let tick = 0; tick < 5; tick++) {
    batches.advance();
    const now: number[] = [];
    for (let slot = batches.due(); slot !== NONE; slot = batches.due()) {
      now.push(slot);
      batches.remove(slot);
      batches.remove(slot);
    }
    due.push(now);
    if (tick === 0) assert.equal(batches.first(), b);
  }
  assert.deepEqual(due, [[], [b], [], [a, c], []]);
  assert.equal(batches.first(), NONE);
});

test('resources are kept once, as long as they are used', () => {
  const resources = new Resources();
  const bytes = Buffer.from('aabbaa');
  const first = resources.add(bytes, 0, 2);
  assert.equal(resources.add(bytes, 4, 6), first);
  assert.notEqual(resources.add(bytes, 2, 4), first);
  assert.equal(resources.bytes, 4);
  resources.release(first);
  assert.equal(resources.get(first).toString(), 'aa');
  resources.release(first);
  assert.equal(resources.bytes, 2);
  assert.equal(resources.add(bytes, 0, 6), first, 'its number is free again');
});

test('an arena uses blocks again, and empties those that little is left in', () => {
  const arena = new Arena();
  const random = seededRandom(5);
  const lengths = Array.from({ length: 300_000 }, () => Math.floor(random() * 600));
  const chunks = lengths.map((length, i) => {
    const chunk = arena.allocate(length);
    arena.write(chunk, Header.TRACE, i);
    arena.bytes.fill(i & 0xff, arena.at, arena.at + length);
    return chunk;
  });
  const reserved = arena.reserved;
  const kept = chunks.map((_, i) => i).filter((i) => i % 50 === 0);
  for (const [i, chunk] of chunks.entries()) if (i % 50 !== 0) arena.free(chunk);
  for (let i = 0; i < 100; i++) {
    arena.compact((from, to) => {
      const index = arena.read(to, Header.TRACE);
      assert.equal(chunks[index], from);
      chunks[index] = to;
    });
  }
  assert.ok(arena.reserved < reserved / 2, `${arena.reserved} of ${reserved}`);
  for (const i of kept) {
    arena.locate(chunks[i] as number);
    const bytes = arena.bytes.subarray(arena.at, arena.at + arena.read(chunks[i] as number, Header.LENGTH));
    assert.ok(bytes.length === lengths[i] && bytes.every((byte) => byte === (i & 0xff)));
    arena.free(chunks[i] as number);
  }
  assert.equal(arena.alive, 0);
  const large = arena.allocate(3 << 20);
  assert.equal(arena.bytes.length - arena.at, 3 << 20);
  arena.free(large);
  assert.ok(arena.reserved <= 1 << 20);
});

/** All spans with their resource and scope, each as text, sorted. */
function contents(batches: readonly Telemetry[]): string[] {
  const found: string[] = [];
  for (const batch of batches) {
    for (const { resource, scopeSpans } of decodeTree('traces', batch).resourceSpans) {
      for (const { scope, spans } of scopeSpans) {
        for (const span of spans) {
          const only = {
            resource: resource ?? emptyResource(),
            scopeSpans: [{ scope: scope ?? emptyScope(), spans: [span], schemaUrl: '' }],
            schemaUrl: '',
          };
          found.push(encodeTree('traces', { resourceSpans: [only] }).toString('hex'));
        }
      }
    }
  }
  return found.sort();
}
const [
  {
    resource: NO_RESOURCE,
    scopeSpans: [{ scope: NO_SCOPE } = {}],
  } = { scopeSpans: [] },
] = decodeTree('traces', Telemetry.of('traces', Buffer.from('0a080a0012040a001200', 'hex'), 1)).resourceSpans;
const emptyResource = () => NO_RESOURCE as NonNullable<typeof NO_RESOURCE>;
const emptyScope = () => NO_SCOPE as NonNullable<typeof NO_SCOPE>;

test('what is written in a row is one range; memory in between is left out', () => {
  const outbox = new Outbox(false);
  const add = (byte: number) =>
    outbox.add(10, 1, { policy: undefined }, (target, at) => {
      target.fill(byte, at, at + 10);
    });
  add(1);
  add(2);
  const other = slabs.allocate(5);
  other.slab.buffer.fill(9, other.start, other.start + 5);
  add(3);
  const batch = outbox.take();
  assert.deepEqual(batch?.bytes(), Buffer.concat([1, 2, 3].map((byte) => Buffer.alloc(10, byte))));
  assert.deepEqual([batch?.items, batch?.ranges.length], [3, 2]);
  assert.equal(outbox.take(), undefined);
  batch?.release();
  other.slab.release();
});

test('whatever comes in goes out the same, grouped by trace', () => {
  for (let seed = 0; seed < 200; seed++) {
    const request = looseRequest('traces', seed);
    const batch = Telemetry.of('traces', request, 0);
    const traces = new Traces(1, 1);
    const grouper = new TraceGrouper(seed, { sizes: seed % 2 === 0, roots: false });
    const groups = walk(batch);
    const slots = new Set<number>();
    let spans = 0;
    while (groups.nextResource()) {
      grouper.read(groups);
      for (let i = 0; i < grouper.traces; i++) {
        const id = [grouper.idBuffer(i), grouper.idAt[i] as number] as const;
        let slot = traces.table.find(...id);
        if (slot === NONE) slot = traces.open(...id, 0);
        slots.add(slot);
        traces.add(slot, grouper, i, groups, 0);
        spans += grouper.count[i] as number;
      }
      traces.endResource();
    }
    const outbox = new Outbox(false);
    for (const slot of slots) traces.send(slot, outbox, { policy: undefined });
    const sent = outbox.take();
    assert.equal(sent?.items ?? 0, spans);
    assert.deepEqual(contents(sent === undefined ? [] : [sent]), contents([batch]), `seed ${seed}`);
    for (const slot of slots) traces.remove(slot);
    assert.equal(traces.bytes, 0);
    sent?.release();
  }
});

test('a trace costs its bytes and less than 200 more', () => {
  const traces = new Traces(1, 1);
  const grouper = new TraceGrouper(1, { sizes: false, roots: false });
  const TRACES = 2000;
  let wire = 0;
  for (let round = 0; round < 2; round++) {
    for (let first = 0; first < TRACES; first += 50) {
      const spans = Array.from({ length: 100 }, (_, i) => ({
        traceId: traceId(first + (i >> 1)),
        name: 'x'.repeat(300),
      }));
      const groups = walk(requestOf(spans));
      while (groups.nextResource()) {
        grouper.read(groups);
        for (let i = 0; i < grouper.traces; i++) {
          const [buffer, at] = [grouper.idBuffer(i), grouper.idAt[i] as number];
          const known = traces.table.find(buffer, at);
          traces.add(known === NONE ? traces.open(buffer, at, 0) : known, grouper, i, groups, 0);
          wire += grouper.runLength(i);
        }
        traces.endResource();
      }
    }
  }
  /** Bytes a trace in the columns of the table, at worst half empty. */
  const COLUMNS = 100;
  assert.ok((traces.bytes - wire) / TRACES + COLUMNS < 200, `${(traces.bytes - wire) / TRACES}`);
});
