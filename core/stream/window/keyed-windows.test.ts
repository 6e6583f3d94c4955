import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NaiveFiring, NaiveWindows } from '../../testing/naive-windows.ts';
import { seededRandom } from '../../testing/random-telemetry.ts';
import { TestPartition } from '../../testing/test-partition.ts';
import { StateReader, type StateWriter } from '../codec.ts';
import { KeyedWindows, WINDOWS_VERSION } from './keyed-windows.ts';
import type { Aggregation, Windowing } from './windowing.ts';

/** Keeps the values, so that what is lost or doubled shows. */
class Collected implements Aggregation<number> {
  readonly rows: (number[] | undefined)[] = [];

  begin(row: number): void {
    this.rows[row] = [];
  }

  add(into: number, item: number): void {
    this.at(into).push(item);
  }

  merge(into: number, from: number): void {
    this.at(into).push(...this.at(from));
  }

  size(row: number): number {
    return 100 + this.at(row).length;
  }

  end(row: number): void {
    this.rows[row] = undefined;
  }

  encode(row: number, to: StateWriter): void {
    to.uint32(this.at(row).length);
    for (const value of this.at(row)) to.double(value);
  }

  decode(row: number, from: StateReader): void {
    this.rows[row] = Array.from({ length: from.uint32() }, () => from.double());
  }

  at(row: number): number[] {
    const values = this.rows[row];
    if (values === undefined) throw new Error(`row ${row} is not in use`);
    return values;
  }
}

type Firing = NaiveFiring & { readonly incomplete: boolean };

interface Subject {
  readonly windows: KeyedWindows<number>;
  readonly partition: TestPartition;
  readonly firings: Firing[];
}

function subject(
  windowing: Windowing,
  limits: { maxKeys?: number; maxBytes?: number; fields?: string[] } = {},
): Subject {
  const partition = new TestPartition();
  const firings: Firing[] = [];
  const aggregation = new Collected();
  const windows = new KeyedWindows<number>(partition, {
    windowing,
    aggregation,
    fields: limits.fields ?? ['key'],
    maxKeys: limits.maxKeys ?? 1_000,
    maxBytes: limits.maxBytes ?? Number.POSITIVE_INFINITY,
    fire: ({ key }, start, end, row, late, incomplete) => {
      firings.push({ key, start, end, values: aggregation.at(row).toSorted((a, b) => a - b), late, incomplete });
    },
  });
  return { windows, partition, firings };
}

/** The state of one in another. */
function restored({ windows, partition }: Subject, windowing: Windowing): Subject {
  const next = subject(windowing);
  next.partition.clock.watermark = partition.clock.watermark;
  next.windows.restore(windows.snapshot('all') as Map<string, Buffer>, WINDOWS_VERSION);
  return next;
}

function mark({ windows, partition }: Subject, watermark: number): void {
  if (partition.clock.advance('source', watermark)) windows.advance(watermark);
}

const SHAPES: readonly (readonly [string, (random: () => number) => Windowing])[] = [
  ['tumbling', (random) => ({ type: 'tumbling', size: 1 + below(random, 30), offset: 0, lateness: 0 })],
  [
    'sliding',
    (random) => ({
      type: 'sliding',
      size: 1 + below(random, 40),
      slide: 1 + below(random, 25),
      offset: 0,
      lateness: 0,
    }),
  ],
  ['session', (random) => ({ type: 'session', gap: 1 + below(random, 20), lateness: 0 })],
];

function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}

function shapeOf(make: (random: () => number) => Windowing, random: () => number): Windowing {
  const shape = make(random);
  const lateness = random() < 0.5 ? 0 : below(random, 30);
  if (shape.type === 'session') return { ...shape, lateness };
  const step = shape.type === 'sliding' ? shape.slide : shape.size;
  return { ...shape, lateness, offset: below(random, 2 * step) - step + 1 };
}

for (const [name, make] of SHAPES) {
  test(`${name} windows fire what windows that keep copies do, also after snapshots`, () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const windowing = shapeOf(make, random);
      const naive = new NaiveWindows(windowing);
      let real = subject(windowing);
      const seen: Firing[] = [];
      const disorder = below(random, 60);
      let now = 1_000;
      for (let i = 0; i < 80; i++) {
        const where = `seed ${seed}, step ${i}, ${JSON.stringify(windowing)}`;
        now += below(random, 8);
        const key = `k${below(random, 3)}`;
        const time = now - below(random, disorder + 1);
        const verdict = real.windows.add(key, time, i, undefined, '');
        assert.equal(verdict, naive.add(key, time, i) ? 'taken' : 'late', where);
        if (random() < 0.6) {
          const watermark = now - below(random, 30);
          naive.advance(watermark);
          mark(real, watermark);
        }
        assert.equal(real.windows.open, naive.open, where);
        if (random() < 0.1) {
          seen.push(...real.firings);
          real = restored(real, windowing);
        }
        assert.deepEqual([...seen, ...real.firings].map(plain), naive.firings.map(plain), where);
      }
      naive.advance(Number.POSITIVE_INFINITY);
      mark(real, Number.POSITIVE_INFINITY);
      assert.deepEqual([...seen, ...real.firings].map(plain), naive.firings.map(plain), `seed ${seed}`);
      assert.equal(real.windows.keys, 0);
      assert.equal(real.windows.bytes, 0, 'the memory of all that is gone is given back');
      assert.equal(real.windows.open, 0);
    }
  });
}

function plain({ key, start, end, values, late }: NaiveFiring): unknown[] {
  return [key, start, end, values.toSorted((a, b) => a - b), late];
}

const TUMBLING: Windowing = { type: 'tumbling', size: 10, offset: 0, lateness: 0 };

test('a window ends when event time comes to its last millisecond', () => {
  const one = subject(TUMBLING);
  one.windows.add('a', 0, 1, undefined, '');
  one.windows.add('a', 9, 2, undefined, '');
  one.windows.add('a', 10, 3, undefined, '');
  mark(one, 8);
  assert.deepEqual(one.firings, []);
  mark(one, 9);
  assert.deepEqual(one.firings.map(plain), [['a', 0, 10, [1, 2], false]]);
});

test('slices of windows that are no multiple of their slide are two for each slide', () => {
  const one = subject({ type: 'sliding', size: 25, slide: 10, offset: 0, lateness: 0 });
  for (const time of [20, 24, 25, 29, 30]) one.windows.add('a', time, time, undefined, '');
  const entries = [...one.windows.snapshot('changed').values()];
  const from = new StateReader(entries[0] as Buffer);
  assert.deepEqual([from.text(), from.text()], ['a', '']);
  const slices = Array.from({ length: from.uint32() }, () => {
    const slice = [from.double(), from.double()];
    for (let values = from.uint32(); values > 0; values--) from.double();
    return slice;
  });
  assert.deepEqual(slices, [
    [20, 25],
    [25, 30],
    [30, 35],
  ]);
});

test('events between windows that do not touch are of none', () => {
  const one = subject({ type: 'sliding', size: 5, slide: 10, offset: 0, lateness: 0 });
  assert.equal(one.windows.add('a', 107, 1, undefined, ''), 'taken');
  assert.equal(one.windows.keys, 0);
  mark(one, 108);
  assert.equal(one.windows.add('a', 106, 1, undefined, ''), 'late');
});

test('keys beyond max_keys are not taken until one is free', () => {
  const one = subject(TUMBLING, { maxKeys: 1 });
  assert.equal(one.windows.add('a', 1, 1, undefined, ''), 'taken');
  assert.equal(one.windows.add('b', 1, 1, undefined, ''), 'too many keys');
  mark(one, 9);
  assert.equal(one.windows.add('b', 11, 1, undefined, ''), 'taken');
});

test('beyond max_state nothing is taken, event time goes on, and windows that end give room', () => {
  const one = subject(TUMBLING, { maxBytes: 103 });
  const verdicts = [1, 2, 3, 4, 25, 26].map((time) => one.windows.add('a', time, time, 'source', ''));
  assert.deepEqual(verdicts, ['taken', 'taken', 'taken', 'too much state', 'too much state', 'taken']);
  assert.deepEqual(one.firings.map(plain), [['a', 0, 10, [1, 2, 3], false]]);
});

test('finish sends what is open as incomplete, once', () => {
  const one = subject({ type: 'tumbling', size: 10, offset: 0, lateness: 100 });
  one.windows.add('a', 5, 1, undefined, '');
  mark(one, 9);
  one.windows.add('a', 15, 2, undefined, '');
  one.windows.finish();
  one.windows.finish();
  assert.deepEqual(
    one.firings.map(({ values, incomplete }) => [values, incomplete]),
    [
      [[1], false],
      [[2], true],
    ],
  );
});

test('a session that grows waits once', () => {
  const one = subject({ type: 'session', gap: 10, lateness: 0 });
  for (let time = 0; time < 1_000; time += 5) one.windows.add('a', time, time, undefined, '');
  assert.equal(one.windows.open, 1);
  mark(one, 2_000);
  assert.equal(one.firings.length, 1);
});

test('what was kept with other keys or windows does not count; of another version it is refused', () => {
  const before = subject(TUMBLING);
  before.windows.add('a', 5, 1, undefined, '');
  const entries = before.windows.snapshot('all') as Map<string, Buffer>;
  for (const [windowing, fields] of [
    [{ ...TUMBLING, size: 20 } as Windowing, ['key']],
    [TUMBLING, ['other']],
  ] as const) {
    const after = subject(windowing, { fields: [...fields] });
    after.windows.restore(entries, WINDOWS_VERSION);
    assert.equal(after.windows.keys, 0);
    assert.equal(after.partition.logger.messages('warn').length, 1);
  }
  assert.throws(() => subject(TUMBLING).windows.restore(entries, WINDOWS_VERSION + 1), /version/);
});

test('a snapshot of changes has what changed', () => {
  const one = subject(TUMBLING);
  one.windows.add('a', 5, 1, undefined, '');
  one.windows.add('b', 5, 1, undefined, '');
  assert.equal(one.windows.snapshot('all').size, 3);
  assert.equal(one.windows.snapshot('changed').size, 0);
  one.windows.add('b', 6, 1, undefined, '');
  assert.deepEqual(
    [...one.windows.snapshot('changed').values()].map((bytes) => bytes !== undefined),
    [true],
  );
  mark(one, 20);
  assert.deepEqual([...one.windows.snapshot('changed').values()], [undefined, undefined]);
});
