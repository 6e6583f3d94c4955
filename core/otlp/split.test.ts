import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNALS, type Signal } from '../signal.ts';
import { Slab } from '../telemetry/slab.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { looseRequest, randomRequest } from '../testing/random-telemetry.ts';
import { countItems } from './readers/groups.ts';
import { scan } from './scan/scan.ts';
import { split, take, takeBytes } from './split.ts';
import { decodeTree, encodeTree, type Metric, type TreeOf } from './tree.ts';
import { writeVarint } from './wire.ts';

const SEEDS = 100;
/** Bytes of unknown fields that a random request may have beside its groups. */
const UNKNOWN = 64;
// biome-ignore lint/suspicious/noExplicitAny: walks the groups of all three signals alike
type Group = any;

const NAMES = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
} as const satisfies Record<Signal, readonly [string, string, string]>;

const DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;

/** A batch in a slab, as a receiver makes it. */
function received(signal: Signal, request: Buffer): Telemetry {
  const slab = new Slab(request.length);
  slab.retain();
  request.copy(slab.buffer);
  const range = { buffer: slab.buffer, start: 0, end: request.length, slab };
  return new Telemetry(signal, [range], scan(signal, request, 0, request.length));
}

function points(metric: Metric): unknown[] {
  return DATA.flatMap((name) => (metric[name]?.dataPoints ?? []) as unknown[]);
}

/** The split over objects: takes the first `size` items out of `tree`. */
function takeFromTree(signal: Signal, tree: Group, size: number): Group {
  const [groups, scopes, members] = NAMES[signal];
  let left = size;
  const weight = (member: Metric) => (signal === 'metrics' ? points(member).length : 1);
  const weightOf = (scope: Group): number => scope[members].reduce((n: number, m: Metric) => n + weight(m), 0);
  const weightOfGroup = (group: Group): number => group[scopes].reduce((n: number, s: Group) => n + weightOf(s), 0);
  const takeSome = (list: Group[], weigh: (x: Group) => number, cut: (x: Group) => Group): Group[] => {
    const taken: Group[] = [];
    while (list.length > 0 && left > 0) {
      const fits = weigh(list[0]) <= left;
      taken.push(fits ? list.shift() : cut(list[0]));
      if (fits) left -= weigh(taken.at(-1));
    }
    return taken;
  };
  const cutMetric = (metric: Group): Group => {
    const data = DATA.find((name) => metric[name] !== undefined) as (typeof DATA)[number];
    const head = metric[data].dataPoints.splice(0, left);
    left = 0;
    return { ...metric, metadata: [], [data]: { ...metric[data], dataPoints: head } };
  };
  const cutScope = (scope: Group): Group => ({ ...scope, [members]: takeSome(scope[members], weight, cutMetric) });
  const cutGroup = (group: Group): Group => ({ ...group, [scopes]: takeSome(group[scopes], weightOf, cutScope) });
  return { [groups]: takeSome(tree[groups], weightOfGroup, cutGroup) };
}

/** Every item with everything around it, however it is grouped. */
function flat(signal: Signal, trees: readonly TreeOf[Signal][]): unknown[] {
  const [groups, scopes, members] = NAMES[signal];
  const items: unknown[] = [];
  for (const tree of trees as Group[]) {
    for (const group of tree[groups]) {
      for (const scope of group[scopes]) {
        const around = [group.resource, group.schemaUrl, scope.scope, scope.schemaUrl];
        for (const member of scope[members]) {
          if (signal !== 'metrics') items.push([...around, member]);
          else for (const point of points(member)) items.push([...around, member.name, member.unit, point]);
        }
      }
    }
  }
  return items;
}

for (const signal of SIGNALS) {
  test(`${signal}: parts are those of the split over objects`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const request = Buffer.concat([looseRequest(signal, seed), randomRequest(signal, seed + 1)]);
      const max = 1 + (seed % 7);
      const tree = decodeTree(signal, Telemetry.of(signal, request, 0));
      let batch: Telemetry | undefined = received(signal, request);
      while (batch !== undefined) {
        const { head, rest }: { head: Telemetry; rest: Telemetry | undefined } = take(batch, max);
        const expected = rest === undefined ? tree : takeFromTree(signal, tree, max);
        assert.deepEqual(decodeTree(signal, head), expected, `seed ${seed}`);
        assert.equal(head.items, countItems(signal, head));
        if (rest !== undefined) assert.equal(head.items, max);
        for (const { buffer, start, end } of head.ranges) scan(signal, buffer, start, end);
        head.release();
        batch = rest;
      }
    }
  });

  test(`${signal}: by size, no part is too large unless it is one item, and none is lost`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const request = Buffer.concat([looseRequest(signal, seed), looseRequest(signal, seed + 1)]);
      const max = 200 + 300 * (seed % 9);
      const whole = received(signal, request);
      const before = flat(signal, [decodeTree(signal, whole)]);
      const trees: TreeOf[Signal][] = [];
      let batch: Telemetry | undefined = whole;
      while (batch !== undefined) {
        const { head, rest }: { head: Telemetry; rest: Telemetry | undefined } = takeBytes(batch, max);
        assert.ok(
          head.byteLength <= max + UNKNOWN || head.items <= 1,
          `${head.byteLength} bytes, ${head.items} items, seed ${seed}`,
        );
        trees.push(decodeTree(signal, head));
        batch = rest;
      }
      assert.deepEqual(flat(signal, trees), before, `seed ${seed}`);
    }
  });
}

test('fields nobody knows go with each part of what contains them', () => {
  const unknown = [0xf8, 0x3f, 0x07];
  const span = [0x12, 2, 0x2a, 0];
  const scope = [0x12, 2 * span.length + unknown.length, ...span, ...unknown, ...span];
  const request = Buffer.from([0x0a, scope.length + unknown.length, ...unknown, ...scope]);
  const parts = split(received('traces', request), 1);
  assert.equal(parts.length, 2);
  for (const part of parts) assert.equal(part.bytes().toString('hex').split('f83f07').length - 1, 2);
});

test('groups that are not cut are shared, and every part holds the memory it needs', () => {
  const request = encodeTree('logs', { resourceLogs: [] });
  const records = (n: number) => Buffer.concat(Array.from({ length: n }, () => Buffer.from([0x12, 2, 0x10, 9])));
  const group = (n: number) => Buffer.from([0x0a, 2 + 4 * n, 0x12, 4 * n, ...records(n)]);
  const batch = received('logs', Buffer.concat([request, group(2), group(5), group(2)]));
  const [range] = batch.ranges;
  const parts = split(batch, 3);
  assert.deepEqual(
    parts.map((part) => part.items),
    [3, 3, 3],
  );
  assert.equal(parts[0]?.ranges[0]?.buffer, range?.buffer);
  assert.equal(parts[2]?.ranges.at(-1)?.buffer, range?.buffer);
  const [, , last] = parts;
  parts[0]?.release();
  parts[1]?.release();
  assert.equal(last?.bytes().toString('hex'), Buffer.concat([group(1), group(2)]).toString('hex'));
  last?.release();
  assert.throws(() => range?.slab?.release(), /more often/, 'all references are gone');
});

test('the memory of a group that was cut is free when its parts are', () => {
  // larger than what is put together in one slab, so that the slab has no other readers
  const span = prefixed(0x12, prefixed(0x2a, Buffer.alloc(400_000, 0x61)));
  const request = prefixed(0x0a, prefixed(0x12, Buffer.concat([span, span])));
  const parts = split(received('traces', request), 1);
  const slab = parts[0]?.ranges[0]?.slab;
  assert.equal(slab, parts[1]?.ranges[0]?.slab);
  parts[0]?.release();
  slab?.retain();
  slab?.release();
  parts[1]?.release();
  assert.throws(() => slab?.release(), /more often/);
});

function prefixed(tag: number, content: Buffer): Buffer {
  const prefix = Buffer.alloc(10);
  prefix[0] = tag;
  return Buffer.concat([prefix.subarray(0, writeVarint(prefix, 1, content.length)), content]);
}

test('a batch within the limit is handed back as it is', () => {
  const batch = received('traces', randomRequest('traces', 3));
  assert.equal(take(batch, batch.items).head, batch);
  assert.equal(takeBytes(batch, batch.byteLength).head, batch);
});

test('scope groups of old versions are split too', () => {
  const span = [0x12, 2, 0x2a, 0];
  const old = Buffer.from([0x0a, 3 + 2 * span.length, 0xc2, 0x3e, 2 * span.length, ...span, ...span]);
  const batch = received('traces', old);
  assert.equal(batch.items, 2);
  const parts = split(batch, 1).map((part) => decodeTree('traces', part));
  assert.deepEqual(
    parts.map((tree) => tree.resourceSpans[0]?.scopeSpans[0]?.spans.length),
    [1, 1],
  );
});
