import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveBudget } from '../http2/receive-budget.ts';
import { message } from '../http2/testing/raw-peer.ts';
import { StatusCode } from '../status-code.ts';
import { MessageReader } from './message-reader.ts';

const BUDGET = 8 << 20;

/** Whether all of the budget is there again. */
function intact(budget: ReceiveBudget): boolean {
  const all = budget.take(BUDGET);
  if (all) budget.give(BUDGET);
  return all;
}

test('a message arrives in pieces of any size', () => {
  const body = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => i % 251));
  const bytes = message(body);
  for (const piece of [1 << 20, 65_536, 16_384, 999]) {
    const budget = new ReceiveBudget(BUDGET);
    const reader = new MessageReader(2 << 20, budget);
    for (let at = 0; at < bytes.length; at += piece) {
      assert.equal(reader.complete, false);
      assert.equal(reader.read(bytes, at, Math.min(bytes.length, at + piece)), undefined);
    }
    assert.equal(reader.complete, true);
    const { buffer, start, end, slab } = reader.take();
    assert.equal(buffer.subarray(start, end).equals(body), true, `pieces of ${piece}`);
    slab!.release();
    assert.equal(intact(budget), true);
  }
});

test('an empty message holds no memory', () => {
  const budget = new ReceiveBudget(BUDGET);
  const reader = new MessageReader(10, budget);
  assert.equal(reader.empty, true);
  reader.read(message(Buffer.alloc(0)), 0, 5);
  assert.equal(reader.complete, true);
  const taken = reader.take();
  assert.deepEqual([taken.start, taken.end, taken.slab], [0, 0, undefined]);
});

test('what cannot be taken has a status, and leaves the budget as it was', () => {
  const cases: readonly (readonly [Buffer, StatusCode])[] = [
    [message(Buffer.alloc(1), 101), StatusCode.RESOURCE_EXHAUSTED],
    [message(Buffer.alloc(1), 0xffffffff), StatusCode.RESOURCE_EXHAUSTED],
    [Buffer.from([2, 0, 0, 0, 1, 0]), StatusCode.INTERNAL],
    [Buffer.concat([message(Buffer.alloc(3)), Buffer.alloc(1)]), StatusCode.UNIMPLEMENTED],
  ];
  for (const [bytes, code] of cases) {
    const budget = new ReceiveBudget(BUDGET);
    const reader = new MessageReader(100, budget);
    assert.equal(reader.read(bytes, 0, bytes.length)?.code, code);
    reader.drop();
    reader.drop();
    assert.equal(intact(budget), true);
  }
});

test('the budget is for what is incomplete at the same time', () => {
  const budget = new ReceiveBudget(BUDGET);
  const start = message(Buffer.alloc(10), 1 << 20);
  const readers: MessageReader[] = [];
  for (;;) {
    const reader = new MessageReader(1 << 20, budget);
    const problem = reader.read(start, 0, start.length);
    if (problem !== undefined) {
      assert.equal(problem.code, StatusCode.UNAVAILABLE);
      break;
    }
    readers.push(reader);
  }
  // 10 octets of each have arrived, so far less than their 1 MiB is held
  assert.equal(readers.length, 32);
  readers[0]!.drop();
  assert.equal(new MessageReader(1 << 20, budget).read(start, 0, start.length), undefined);
});
