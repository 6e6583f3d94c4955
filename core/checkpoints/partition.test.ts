import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpointed } from '../checkpoint.ts';
import type { OutgoingRecord } from '../kafka/client.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { CheckpointedPartition, type Outcome } from './partition.ts';
import type { Snapshot, SnapshotStore, Stored } from './store.ts';

/** A store that a test lets succeed, fail or wait. */
class TestStore implements SnapshotStore {
  readonly snapshots: Snapshot[] = [];
  readonly closed: string[] = [];
  isUncertain = true;
  fail: Error | undefined;
  hold: Promise<void> | undefined;

  async open(): Promise<Stored | undefined> {
    return undefined;
  }
  async store(_partition: string, snapshot: Snapshot): Promise<void> {
    await this.hold;
    if (this.fail !== undefined) throw this.fail;
    this.snapshots.push(snapshot);
  }
  async close(partition: string): Promise<void> {
    this.closed.push(partition);
  }
  async shutdown(): Promise<void> {}
}

/** State that is one number. */
class Count implements Checkpointed {
  readonly version = 1;
  value = 0;
  #stored = -1;
  readonly asked: string[] = [];
  forgotten = 0;
  underWay: PromiseWithResolvers<void> | undefined;

  partitions(): readonly string[] {
    return ['t/0'];
  }
  snapshot(_partition: string, which: 'all' | 'changed'): ReadonlyMap<string, Buffer> {
    this.asked.push(which);
    if (which === 'changed' && this.value === this.#stored) return new Map();
    this.#stored = this.value;
    return new Map([['n', Buffer.from([this.value])]]);
  }
  restore(_partition: string, entries: ReadonlyMap<string, Buffer>): void {
    this.value = entries.get('n')?.[0] ?? 0;
  }
  forget(): void {
    this.value = 0;
    this.forgotten++;
  }
  settled(): Promise<void> | undefined {
    return this.underWay?.promise;
  }
}

function setUp() {
  const clock = new FakeClock();
  const store = new TestStore();
  const count = new Count();
  const stored: bigint[] = [];
  const lost: Error[] = [];
  const reports: Outcome[] = [];
  const states = new Map<string, Checkpointed>([['connector count ', count]]);
  const partition = new CheckpointedPartition(
    { partition: 't/0', stored: (position) => stored.push(position), lost: (error) => lost.push(error) },
    {
      store,
      states,
      clock,
      ...{ intervalMs: 1000, minPauseMs: 200, timeoutMs: 5000 },
      report: (outcome) => reports.push(outcome),
    },
  );
  return { clock, store, count, stored, lost, reports, partition, states };
}

const record = (name: string): OutgoingRecord => ({
  topic: 'out',
  key: undefined,
  value: Buffer.from(name),
  headers: [],
});
const first = () => 0;

test('between two records: what is due holds back the next one until it is stored', async () => {
  const { clock, store, count, stored, partition } = setUp();
  partition.begin(undefined);
  assert.equal(partition.before(10n), undefined);
  count.value = 1;
  partition.emit([record('a')], first);
  clock.advance(1000);
  assert.equal(store.snapshots.length, 0, 'a record is under way');
  let open = () => {};
  store.hold = new Promise((resolve) => {
    open = resolve;
  });
  let went = false;
  const due = Promise.resolve(partition.before(11n)).then(() => {
    went = true;
  });
  await settle();
  assert.equal(went, false);
  open();
  await due;
  const [snapshot] = store.snapshots;
  assert.equal(snapshot?.position, 11n);
  assert.deepEqual([...(snapshot?.states[0]?.entries ?? [])], [['n', Buffer.from([1])]]);
  assert.deepEqual(
    snapshot?.outputs.map((one) => String(one.record.value)),
    ['a'],
  );
  assert.deepEqual(stored, [11n]);
});

test('while the source rests a checkpoint is taken by itself, and not where nothing has happened', async () => {
  const { clock, store, count, stored, partition } = setUp();
  partition.begin(undefined);
  void partition.before(0n);
  count.value = 1;
  partition.idle(1n);
  clock.advance(1000);
  await settle();
  assert.equal(store.snapshots.length, 1);
  clock.advance(10_000);
  await settle();
  assert.equal(store.snapshots.length, 1, 'nothing new');
  await partition.before(1n);
  partition.idle(2n);
  clock.advance(1000);
  await settle();
  assert.deepEqual(stored, [1n, 2n]);
  assert.deepEqual(store.snapshots[1]?.states, [], 'the position alone has changed');
  assert.deepEqual(count.asked.slice(0, 2), ['all', 'changed']);
});

test('results that come while a checkpoint is stored wait for the next one', async () => {
  const { clock, store, partition } = setUp();
  partition.begin(undefined);
  partition.emit([record('a')], first);
  partition.idle(1n);
  let open = () => {};
  store.hold = new Promise((resolve) => {
    open = resolve;
  });
  clock.advance(1000);
  partition.emit([record('b')], first);
  open();
  store.hold = undefined;
  await settle();
  clock.advance(1000);
  await settle();
  const outputs = store.snapshots.map(({ outputs: all }) => all.map((one) => String(one.record.value)));
  assert.deepEqual(outputs, [['a'], ['b']]);
});

test('after a failure that leaves all open the state is dropped, and nothing more is handed on', async () => {
  const { clock, store, count, lost, partition } = setUp();
  partition.begin({
    position: 5n,
    states: [{ owner: 'connector count ', version: 1, entries: new Map([['n', Buffer.from([7])]]) }],
  });
  assert.equal(count.value, 7);
  store.fail = new Error('broker away');
  void partition.before(5n);
  clock.advance(1000);
  await assert.rejects(async () => partition.before(6n), /broker away/);
  assert.deepEqual(lost, [store.fail]);
  assert.equal(count.forgotten, 1);
  await assert.rejects(async () => partition.before(6n), /broker away/);
  store.fail = undefined;
  await partition.close();
  assert.equal(store.snapshots.length, 0, 'nothing is stored of what was dropped');
});

test('after a failure that changed nothing the next checkpoint is of everything', async () => {
  const { clock, store, count, lost, reports, partition } = setUp();
  store.isUncertain = false;
  store.fail = new Error('disk full');
  partition.begin(undefined);
  count.value = 1;
  partition.idle(1n);
  clock.advance(1000);
  await settle();
  store.fail = undefined;
  clock.advance(1000);
  await settle();
  assert.deepEqual(lost, []);
  assert.deepEqual(count.asked, ['all', 'all']);
  assert.deepEqual(
    reports.map(({ error }) => error?.message),
    ['disk full', undefined],
  );
});

test('a checkpoint that takes too long has failed', async () => {
  const { clock, store, lost, partition } = setUp();
  store.hold = new Promise(() => {});
  partition.begin(undefined);
  partition.idle(1n);
  clock.advance(1000);
  await settle();
  clock.advance(5000);
  await settle();
  assert.match(String(lost[0]), /not stored within 5000 ms/);
});

test('a partition that is given away has a last checkpoint, then its state is dropped', async () => {
  const { store, count, partition } = setUp();
  partition.begin(undefined);
  void partition.before(2n);
  count.value = 2;
  partition.idle(3n);
  await partition.close();
  assert.equal(store.snapshots[0]?.position, 3n);
  assert.equal(count.forgotten, 1);
  assert.deepEqual(store.closed, ['t/0']);
  await assert.rejects(async () => partition.before(4n), /given away/);
});

test('the pause after a long checkpoint is kept, and many results make one come early', async () => {
  const { clock, store, partition } = setUp();
  partition.begin(undefined);
  partition.emit([record('x'.repeat(33 << 20))], first);
  partition.idle(1n);
  await settle();
  assert.equal(store.snapshots.length, 1, 'before its time');
  void partition.before(1n);
  partition.idle(2n);
  clock.advance(999);
  await settle();
  assert.equal(store.snapshots.length, 1);
  clock.advance(1);
  await settle();
  assert.equal(store.snapshots.length, 2);
});

test('a component that comes later has all of its state stored first', async () => {
  const { clock, count, partition, states } = setUp();
  partition.begin(undefined);
  partition.rest();
  count.value = 1;
  await clock.advanceAsync(1000);
  const other = new Count();
  states.set('connector other ', other);
  await clock.advanceAsync(1000);
  await clock.advanceAsync(1000);
  assert.deepEqual(
    [count.asked, other.asked],
    [
      ['all', 'changed', 'changed'],
      ['all', 'changed'],
    ],
  );
});

test('what is stored and is gone in a snapshot of everything is removed', async () => {
  const { clock, store, count, partition } = setUp();
  store.isUncertain = false;
  const old = new Map([
    ['n', Buffer.from([1])],
    ['old', Buffer.from([2])],
  ]);
  partition.begin({ position: 5n, states: [{ owner: 'connector count ', version: 1, entries: old }] });
  store.fail = new Error('disk full');
  count.value = 2;
  partition.idle(6n);
  clock.advance(1000);
  await settle();
  store.fail = undefined;
  clock.advance(1000);
  await settle();
  const [snapshot] = store.snapshots;
  assert.deepEqual(
    [...(snapshot?.states[0]?.entries ?? [])],
    [
      ['n', Buffer.from([2])],
      ['old', undefined],
    ],
  );
  count.value = 3;
  partition.idle(7n);
  clock.advance(1000);
  await settle();
  assert.deepEqual([...(store.snapshots[1]?.states[0]?.entries ?? [])], [['n', Buffer.from([3])]]);
});

test('a last checkpoint that fails because somebody else has the partition is no reason to begin anew', async () => {
  const { store, count, lost, partition } = setUp();
  partition.begin(undefined);
  partition.idle(3n);
  store.fail = new Error('fenced');
  await partition.close();
  assert.deepEqual(lost, []);
  assert.equal(count.forgotten, 1);
  assert.deepEqual(store.closed, ['t/0']);
});

test('a partition that is given away in the middle of something has no last checkpoint', async () => {
  const { store, count, partition } = setUp();
  partition.begin(undefined);
  void partition.before(3n);
  count.value = 2;
  await partition.close();
  assert.deepEqual(store.snapshots, []);
  assert.equal(count.forgotten, 1);
});

test('a snapshot waits for results that are under way, and so does the source', async () => {
  const { clock, store, count, partition } = setUp();
  partition.begin(undefined);
  partition.idle(1n);
  const underWay = Promise.withResolvers<void>();
  count.underWay = underWay;
  clock.advance(1000);
  let went = false;
  const next = Promise.resolve(partition.before(1n)).then(() => {
    went = true;
  });
  await clock.advanceAsync(10_000);
  assert.deepEqual([store.snapshots.length, went], [0, false]);
  count.value = 5;
  partition.emit([record('late')], first);
  count.underWay = undefined;
  underWay.resolve();
  await next;
  const [snapshot] = store.snapshots;
  assert.deepEqual([...(snapshot?.states[0]?.entries ?? [])], [['n', Buffer.from([5])]]);
  assert.equal(snapshot?.outputs.length, 1);
});

test('no snapshot is taken while results are under way, however soon they follow those before them', async () => {
  for (let steps = 0; steps < 30; steps++) {
    const { clock, store, count, partition } = setUp();
    partition.begin({ position: 5n, states: [] });
    partition.idle(5n);
    const isBusy = () => count.underWay !== undefined;
    const seen: boolean[] = [];
    const snapshot = count.snapshot.bind(count);
    count.snapshot = (...args) => {
      seen.push(isBusy());
      return snapshot(...args);
    };
    count.value = 1;
    const first = Promise.withResolvers<void>();
    count.underWay = first;
    clock.advance(1000);
    await settle();
    first.resolve();
    count.underWay = undefined;
    for (let step = 0; step < steps; step++) await undefined;
    if (seen.length > 0) return;
    const second = Promise.withResolvers<void>();
    count.underWay = second;
    await settle();
    assert.deepEqual(seen, [], `after ${steps} steps`);
    count.underWay = undefined;
    second.resolve();
    await settle();
    assert.deepEqual([seen, store.snapshots.length], [[false], 1]);
  }
  assert.fail('no snapshot was taken');
});

test('a partition that is given away does not wait for ever for results that are under way', async () => {
  const { clock, store, count, partition } = setUp();
  partition.begin(undefined);
  partition.idle(1n);
  count.underWay = Promise.withResolvers<void>();
  const closed = partition.close();
  await clock.advanceAsync(1000);
  await closed;
  assert.deepEqual(store.snapshots, [], 'nobody knows whether they belong to it');
  assert.equal(count.forgotten, 1);
});

test('what a checkpoint stored that only took too long is removed when it is gone in the next one', async () => {
  const { clock, store, count, partition } = setUp();
  store.isUncertain = false;
  store.hold = new Promise(() => {});
  partition.begin(undefined);
  count.snapshot = () => new Map([['late', Buffer.from([1])]]);
  partition.idle(1n);
  clock.advance(1000);
  await settle();
  clock.advance(5000);
  await settle();
  store.hold = undefined;
  count.snapshot = () => new Map([['n', Buffer.from([2])]]);
  clock.advance(1000);
  await settle();
  assert.deepEqual(
    [...(store.snapshots[0]?.states[0]?.entries ?? [])],
    [
      ['n', Buffer.from([2])],
      ['late', undefined],
    ],
  );
});

test('what comes again because another component refused it goes out once', async () => {
  const { clock, store, partition } = setUp();
  partition.begin(undefined);
  partition.before(7n);
  const at = (position: bigint, attempt: number) => ({ position, attempt });
  partition.emit([record('a'), record('b')], first, at(7n, 0));
  partition.emit([record('a')], first, at(7n, 0));
  // the first part was refused before it came here, and comes last now
  partition.emit([record('a')], first, at(7n, 2));
  partition.emit([record('c')], first, at(7n, 2));
  partition.emit([record('a'), record('b')], first, at(7n, 2));
  partition.emit([record('a')], first, at(7n, 3));
  partition.emit([record('a')], first, at(8n, 0));
  partition.emit([{ ...record('a'), topic: 'other' }], first, at(8n, 1));
  partition.emit([{ ...record('a'), key: Buffer.from('k') }], first, at(8n, 1));
  partition.emit([record('a')], first);
  partition.idle(9n);
  clock.advance(1000);
  await settle();
  assert.deepEqual(
    store.snapshots[0]?.outputs.map(({ record: { topic, key, value } }) => `${topic} ${key ?? ''} ${value}`),
    ['out  a', 'out  b', 'out  a', 'out  c', 'out  a', 'other  a', 'out k a', 'out  a'],
  );
});
