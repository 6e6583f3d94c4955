import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutgoingRecord, TransactionalProducer } from '../kafka/client.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { type KafkaAccess, KafkaStore } from './kafka-store.ts';

/** A topic and its transactions: starting a producer fences the one before with the same id. */
class TestTopic implements KafkaAccess {
  readonly log: OutgoingRecord[] = [];
  readonly requests: OutgoingRecord[][][] = [];
  readonly #epochs = new Map<string, number>();

  async producer(id: string): Promise<TransactionalProducer> {
    const epoch = (this.#epochs.get(id) ?? 0) + 1;
    let begun = false;
    return {
      send: async () => {},
      transact: async (requests) => {
        if (!begun) this.#epochs.set(id, epoch);
        begun = true;
        if (this.#epochs.get(id) !== epoch) throw new Error('fenced');
        this.requests.push(requests.map((one) => [...one]));
        this.log.push(...requests.flat());
      },
      close: async () => {},
    };
  }

  async read(each: (key: string, value: Buffer) => void): Promise<() => Promise<void>> {
    let stopped = false;
    void (async () => {
      for (let i = 0; !stopped && i < this.log.length; i++) {
        const { topic, key, value } = this.log[i] as OutgoingRecord;
        if (topic === 'checkpoints') each(String(key), value);
        await Promise.resolve();
      }
    })();
    return async () => {
      stopped = true;
    };
  }
}

function storeOn(topic: TestTopic) {
  const clock = new FakeClock();
  const store = new KafkaStore({
    access: topic,
    topic: 'checkpoints',
    idPrefix: 'weir',
    maxRequestBytes: 400_000,
    clock,
  });
  const open = async (partition: string) => {
    const opening = store.open(partition);
    await settle();
    clock.advance(50);
    return opening;
  };
  return { store, open, clock };
}

const snapshot = (position: bigint, values: Record<string, Buffer | undefined>, outputs: string[] = []) => ({
  position,
  states: [{ owner: 'connector window ', version: 3, entries: new Map(Object.entries(values)) }],
  outputs: outputs.map((value) => ({
    record: { topic: 'out', key: undefined, value: Buffer.from(value), headers: [] },
    partitioner: () => 0,
  })),
});

test('results, state and position are one transaction, and another process finds the last one', async () => {
  const topic = new TestTopic();
  const first = storeOn(topic);
  assert.equal(await first.open('t/0'), undefined);
  await first.store.store('t/0', snapshot(5n, { a: Buffer.from('1'), b: Buffer.from('2') }, ['result']));
  await first.store.store('t/0', snapshot(9n, { a: undefined, b: Buffer.from('3') }));
  const [, transaction] = topic.requests;
  assert.deepEqual([...new Set(transaction?.flat().map((one) => one.topic))], ['out', 'checkpoints']);

  const second = storeOn(topic);
  const stored = await second.open('t/0');
  assert.equal(stored?.position, 9n);
  assert.deepEqual([...(stored?.states[0]?.entries ?? [])], [['b', Buffer.from('3')]]);
  assert.equal(stored?.states[0]?.version, 3);
  await assert.rejects(first.store.store('t/0', snapshot(10n, {})), /fenced/, 'whoever had it can store nothing more');
});

test('partitions are opened together and do not see each other', async () => {
  const topic = new TestTopic();
  const first = storeOn(topic);
  await first.open('t/0');
  await first.open('t/1');
  await first.store.store('t/0', snapshot(1n, { a: Buffer.from('zero') }));
  await first.store.store('t/1', snapshot(2n, { a: Buffer.from('one') }));
  const second = storeOn(topic);
  const [zero, one, none] = await Promise.all(['t/0', 't/1', 't/2'].map(second.open));
  assert.equal(String(zero?.states[0]?.entries.get('a')), 'zero');
  assert.equal(String(one?.states[0]?.entries.get('a')), 'one');
  assert.equal(none, undefined);
});

test('large entries are several records in several requests, and are whole again, also when they shrink', async () => {
  const topic = new TestTopic();
  const { store, open } = storeOn(topic);
  await open('t/0');
  const large = Buffer.alloc(1_000_000, 'x');
  const edges = [-1, 0, 1, 256 << 10].map((more) => Buffer.alloc((256 << 10) - 4 + more, `edge ${more}`));
  const entries: Record<string, Buffer> = { a: large, ...Object.fromEntries(edges.entries()) };
  await store.store('t/0', snapshot(1n, entries));
  const [, requests] = topic.requests;
  assert.ok((requests?.length ?? 0) >= 3);
  for (const request of requests ?? []) {
    assert.ok(request.reduce((sum, { value }) => sum + value.length, 0) <= 400_000);
  }
  const found = (await storeOn(topic).open('t/0'))?.states[0]?.entries;
  assert.deepEqual(found, new Map(Object.entries(entries)));
  const again = storeOn(topic);
  await again.open('t/0');
  await again.store.store('t/0', snapshot(2n, { a: Buffer.from('small') }));
  assert.equal(String((await storeOn(topic).open('t/0'))?.states[0]?.entries.get('a')), 'small');
});

test('a mark that is not there any more fails the opening, and does not hold it up for ever', async () => {
  const topic = new TestTopic();
  const { store, clock } = storeOn(topic);
  const refused = assert.rejects(store.open('t/0'), /the mark that opens the partition is not in checkpoints any more/);
  await settle();
  topic.log.length = 0;
  for (const ms of [50, 60_000, 60_000]) {
    clock.advance(ms);
    await settle();
  }
  await refused;
  assert.equal(clock.pending, 0);
});
