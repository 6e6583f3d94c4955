import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordsBatch } from '@platformatic/kafka';
import { Committed } from './committed.ts';

const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

function batch(firstOffset: number, producerId: number, attributes: number, key?: Buffer): RecordsBatch {
  const records = [{ key: key ?? null, value: Buffer.from(String(firstOffset)) }];
  return {
    firstOffset: BigInt(firstOffset),
    length: 100,
    attributes,
    producerId: BigInt(producerId),
    records,
  } as never;
}
const plain = (offset: number) => batch(offset, -1, 0);
const part = (offset: number, producer: number) => batch(offset, producer, TRANSACTIONAL);
const mark = (offset: number, producer: number, type: 'commit' | 'abort') =>
  batch(offset, producer, TRANSACTIONAL | CONTROL, Buffer.from([0, 0, 0, type === 'commit' ? 1 : 0]));

/** The offsets that come out, step by step. */
function run(...batches: RecordsBatch[]): number[][] {
  const committed = new Committed();
  return batches.map((one) => committed.next(one).map(({ firstOffset }) => Number(firstOffset)));
}

test('transactions come out when they are committed, others never', () => {
  assert.deepEqual(run(plain(0), part(1, 7), part(2, 7), mark(3, 7, 'commit')), [[0], [], [], [1, 2]]);
  assert.deepEqual(run(part(1, 7), mark(2, 7, 'abort'), part(3, 7), mark(4, 7, 'commit')), [[], [], [], [3]]);
});

test('what comes after an open transaction waits, so that the order stays', () => {
  assert.deepEqual(run(part(1, 7), part(2, 8), mark(3, 8, 'commit'), plain(4), mark(5, 7, 'commit')), [
    [],
    [],
    [],
    [],
    [1, 2, 4],
  ]);
  assert.deepEqual(run(part(1, 7), plain(2), mark(3, 7, 'abort')), [[], [], [2]]);
});

test('where the order of the log does not matter, nothing waits for the transaction of another producer', () => {
  const committed = new Committed(false);
  const steps = [part(1, 7), part(2, 8), mark(3, 8, 'commit'), plain(4), mark(5, 7, 'commit')];
  const offsets = steps.map((one) => committed.next(one).map(({ firstOffset }) => Number(firstOffset)));
  assert.deepEqual(offsets, [[], [], [2], [4], [1]]);
});

test('the mark of a transaction without records ends nothing that was committed before', () => {
  const steps = run(part(1, 7), mark(2, 7, 'abort'), part(3, 7), mark(4, 7, 'commit'), mark(5, 7, 'abort'), plain(6));
  assert.deepEqual(steps.flat(), [3, 6]);
});

test('reading may begin in the middle of a transaction, before or after its records', () => {
  assert.deepEqual(run(mark(2, 7, 'abort'), part(3, 7), mark(4, 7, 'commit')).flat(), [3]);
});

test('a transaction without end is not kept without bounds', () => {
  const committed = new Committed();
  const huge = { ...part(1, 7), length: 200 << 20 } as RecordsBatch;
  committed.next(huge);
  assert.throws(
    () => committed.next({ ...huge, firstOffset: 2n } as RecordsBatch),
    /wait for the end of a transaction/,
  );
});

test('what compaction left of a transaction, a batch without records, holds nothing up', () => {
  const emptied = { ...part(1, 7), records: [] } as RecordsBatch;
  assert.deepEqual(run(emptied, plain(2), part(3, 7), mark(4, 7, 'commit')), [[], [2], [], [3]]);
});
