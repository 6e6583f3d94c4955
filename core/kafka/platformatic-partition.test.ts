import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../testing/fake-clock.ts';
import type { RecordBatch } from './client.ts';
import { ConsumedPartition } from './platformatic-partition.ts';

/** Records of an answer, one for each offset. */
function batchOf(first: number, count: number) {
  const records = Array.from({ length: count }, (_, offsetDelta) => {
    return { offsetDelta, timestampDelta: 0n, key: null, value: Buffer.from('x'), headers: [] };
  });
  const last = { firstTimestamp: 0n, lastOffsetDelta: count - 1, partitionLeaderEpoch: 0 };
  return { firstOffset: BigInt(first), attributes: 0, records, ...last } as never;
}

/** A partition whose handler keeps the offsets it gets, and does with a batch what the test wants. */
function setUp(handle: (batch: RecordBatch) => unknown = () => {}) {
  const handed: number[][] = [];
  const partition = new ConsumedPartition('t', 0, async (batch) => {
    handed.push(batch.records.map(({ offset }) => Number(offset)));
    await handle(batch);
  });
  return { partition, handed };
}

test('the handler is called without records first, and what comes meanwhile waits', async () => {
  const gate = Promise.withResolvers<void>();
  const { partition, handed } = setUp(() => gate.promise);
  partition.seek(5n);
  partition.announce();
  partition.receive([batchOf(5, 2)], 7n);
  await settle();
  assert.deepEqual(handed, [[]]);
  gate.resolve();
  await settle();
  assert.deepEqual(handed, [[], [5, 6]]);
});

test('reading begins again before where it began, and what was read is dropped', async () => {
  const answers: boolean[] = [];
  const { partition, handed } = setUp(async (batch) => {
    await settle(1);
    answers.push(batch.rewind?.(3n) === true);
  });
  partition.begin(10n);
  partition.announce();
  partition.receive([batchOf(10, 2)], 12n);
  await settle();
  assert.equal(partition.position, 3n);
  assert.equal(partition.next, 3n, 'the group hears where it goes on');
  partition.receive([batchOf(3, 2)], 12n);
  await settle();
  assert.deepEqual(handed, [[], [3, 4]]);
  assert.deepEqual(answers, [true, false]);
  partition.seek(10n);
  partition.stop();
  assert.ok(partition.rewind(3n), 'who gives it away hands on nothing of it either');
});

test('where the group has no offset it has the first one from now on', async () => {
  const { partition } = setUp();
  assert.equal(partition.uncommitted, false);
  partition.begin(7n);
  assert.ok(partition.uncommitted);
  assert.equal(partition.next, 7n);
});

test('records that come while a handler ends are handed on', async () => {
  const { partition, handed } = setUp();
  partition.seek(0n);
  for (let offset = 0; offset < 50; offset++) {
    partition.receive([batchOf(offset, 1)], 50n);
    for (let turn = offset % 5; turn > 0; turn--) await Promise.resolve();
  }
  await settle();
  assert.deepEqual(
    handed.flat(),
    Array.from({ length: 50 }, (_, i) => i),
  );
});
