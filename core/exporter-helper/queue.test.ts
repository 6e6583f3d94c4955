import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BatchConfig, batch, type QueueConfig, queue } from '../config/sections/queue.ts';
import { PipelineError } from '../error.ts';
import { settle } from '../testing/fake-clock.ts';
import { type Started, started } from '../testing/fake-push.ts';
import { contextWith, isReleased, spanBatch } from '../testing/spans.ts';

const failure = () => new PipelineError('cannot connect');

function withQueue(options: Partial<QueueConfig>): Promise<Started> {
  return started({ sending_queue: { ...queue.absent(), ...options } });
}

function withBatch(options: Partial<BatchConfig>, more: Partial<QueueConfig> = {}): Promise<Started> {
  return withQueue({ ...more, batch: { ...batch.absent(), ...options } });
}

const many = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

test('a batch is accepted when it is queued; what is being exported counts', async () => {
  const { exporter, push, settings } = await withQueue({ num_consumers: 1, queue_size: 2 });
  const open = push.hold();
  const size = () => settings.meter.value('otelcol_exporter_queue_size', { exporter: 'test', data_type: 'traces' });
  assert.equal(settings.meter.value('otelcol_exporter_queue_capacity'), 2);
  assert.equal(exporter.consume(spanBatch(['a'])), undefined);
  assert.equal(exporter.consume(spanBatch(['b'])), undefined);
  assert.equal(size(), 2);
  const refused = spanBatch(['c', 'd', 'e']);
  assert.throws(
    () => exporter.consume(refused),
    (error: PipelineError) => {
      assert.equal(error.message, 'sending queue is full');
      return !error.permanent;
    },
  );
  assert.equal(isReleased(refused), true);
  assert.equal(settings.meter.value('otelcol_exporter_enqueue_failed_spans', { exporter: 'test' }), 3);
  assert.deepEqual(settings.logger.lines, [
    {
      level: 'error',
      message: 'Exporting failed. Rejecting data.',
      fields: { error: 'sending queue is full', rejected_items: 3 },
    },
  ]);
  assert.deepEqual(push.names, ['a']);
  open();
  await settle();
  assert.deepEqual(push.names, ['a', 'b']);
  assert.equal(size(), 0);
  assert.equal(settings.meter.series('otelcol_exporter_queue_batch_send_size')[0]?.recorded.length, 3);
  await exporter.shutdown();
  assert.equal(size(), undefined, 'the series end with the exporter');
});

test('a queue that is full is told of once, and how much was refused when it is half empty', async () => {
  const { exporter, push, settings, host } = await withQueue({ num_consumers: 1, queue_size: 4 });
  const open = push.hold();
  const lines = () => settings.logger.lines.map(({ level, message, fields }) => ({ level, message, ...fields }));
  for (const name of many('s', 4)) exporter.consume(spanBatch([name]));
  for (let i = 0; i < 5; i++) assert.throws(() => exporter.consume(spanBatch(['x', 'y'])), /sending queue is full/);
  const refused = { level: 'error', message: 'Exporting failed. Rejecting data.', error: 'sending queue is full' };
  assert.deepEqual(lines(), [{ ...refused, rejected_items: 2 }]);
  assert.equal(settings.meter.value('otelcol_exporter_enqueue_failed_spans'), 10, 'each of them counts');
  assert.deepEqual(
    host.reported.map(({ status, error }) => [status, error?.message]),
    [['StatusRecoverableError', 'the sending queue is full']],
  );
  open();
  const last = push.hold();
  await settle();
  exporter.consume(spanBatch(['s4']));
  assert.throws(() => exporter.consume(spanBatch(['x', 'y'])), /sending queue is full/);
  assert.equal(lines().length, 1, 'a place that was free for a moment is no news');
  last();
  await settle();
  const room = {
    level: 'info',
    message: 'The sending queue has room again.',
    rejected_requests: 6,
    rejected_items: 12,
  };
  assert.deepEqual(lines().slice(1), [room]);
  assert.equal(host.reported.at(-1)?.status, 'StatusOK');
  const second = push.hold();
  for (const name of many('t', 4)) exporter.consume(spanBatch([name]));
  assert.throws(() => exporter.consume(spanBatch(['z'])), /sending queue is full/);
  second();
  await exporter.shutdown();
  assert.deepEqual(lines().slice(2), [
    { ...refused, rejected_items: 1 },
    { ...room, rejected_requests: 1, rejected_items: 1 },
  ]);
});

test('the sizer says what the size is', async () => {
  const items = await withQueue({ num_consumers: 1, queue_size: 3, sizer: 'items' });
  const open = items.push.hold();
  items.exporter.consume(spanBatch(['a', 'b']));
  assert.throws(() => items.exporter.consume(spanBatch(['c', 'd'])), /sending queue is full/);
  items.exporter.consume(spanBatch(['e']));
  assert.throws(() => items.exporter.consume(spanBatch(['1', '2', '3', '4'])), /element size too large/);
  const empty = spanBatch([]);
  items.exporter.consume(empty);
  assert.equal(isReleased(empty), true, 'without items it is accepted and not queued');
  open();
  await items.exporter.shutdown();
  assert.deepEqual(items.push.names, ['a,b', 'e']);

  const one = spanBatch(['a']);
  const bytes = await withQueue({ num_consumers: 1, queue_size: one.byteLength, sizer: 'bytes' });
  const openBytes = bytes.push.hold();
  bytes.exporter.consume(one);
  assert.throws(() => bytes.exporter.consume(spanBatch(['b'])), /sending queue is full/);
  openBytes();
  await bytes.exporter.shutdown();
});

test('with block_on_overflow callers wait for space, in order, also through shutdown', async () => {
  const { exporter, push } = await withQueue({ num_consumers: 1, queue_size: 1, block_on_overflow: true });
  const open = push.hold();
  exporter.consume(spanBatch(['a']));
  const accepted: string[] = [];
  const waiting = ['b', 'c'].map((name) =>
    Promise.resolve(exporter.consume(spanBatch([name]))).then(() => accepted.push(name)),
  );
  await settle();
  assert.deepEqual(accepted, []);
  const stopped = exporter.shutdown();
  open();
  await Promise.all([...waiting, stopped]);
  assert.deepEqual(accepted, ['b', 'c']);
  assert.deepEqual(push.names, ['a', 'b', 'c']);
});

test('a small batch does not overtake a large one that waits for space', async () => {
  const { exporter, push } = await withQueue({
    num_consumers: 1,
    queue_size: 3,
    sizer: 'items',
    block_on_overflow: true,
  });
  const open = push.hold();
  const outcomes = [['a', 'b'], ['c', 'd'], ['e']].map((names) => exporter.consume(spanBatch(names)));
  open();
  await Promise.all(outcomes);
  await exporter.shutdown();
  assert.deepEqual(push.names, ['a,b', 'c,d', 'e']);
});

test('with wait_for_result the caller gets the outcome of the export', async () => {
  const { exporter, push } = await withQueue({ wait_for_result: true });
  assert.equal(exporter.consume(spanBatch(['a'])), undefined, 'known at once');
  push.fail = failure();
  assert.throws(() => exporter.consume(spanBatch(['b'])), { message: 'cannot connect' });
  const open = push.hold();
  const failed = exporter.consume(spanBatch(['c']));
  open();
  await assert.rejects(Promise.resolve(failed), { message: 'cannot connect' });
  await exporter.shutdown();
});

test('wait_for_result and block_on_overflow together', async () => {
  const { exporter, push } = await withQueue({ wait_for_result: true, block_on_overflow: true, queue_size: 1 });
  const open = push.hold();
  const outcomes = ['a', 'b', 'c'].map((name) => exporter.consume(spanBatch([name])));
  open();
  await Promise.all(outcomes);
  assert.deepEqual(push.names, ['a', 'b', 'c']);
  await exporter.shutdown();
});

test('at most num_consumers exports run at a time', async () => {
  const { exporter, push } = await withQueue({ num_consumers: 3 });
  const open = push.hold();
  for (const name of many('s', 10)) exporter.consume(spanBatch([name]));
  assert.equal(push.names.length, 3);
  open();
  await settle();
  assert.equal(push.names.length, 10);
  await exporter.shutdown();
});

test('requests are joined to min_size, or sent after flush_timeout', async () => {
  const { exporter, push, settings } = await withBatch({ min_size: 3, flush_timeout: 200 });
  exporter.consume(spanBatch(['a']));
  exporter.consume(spanBatch(['b']));
  assert.deepEqual(push.names, []);
  exporter.consume(spanBatch(['c', 'd']));
  assert.deepEqual(push.names, ['a,b,c,d'], 'requests are appended whole');
  exporter.consume(spanBatch(['e']));
  settings.clock.advance(199);
  assert.equal(push.names.length, 1);
  settings.clock.advance(1);
  assert.deepEqual(push.names, ['a,b,c,d', 'e']);
  assert.equal(settings.clock.pending, 0, 'nothing waits, no timer');
  assert.equal(settings.meter.value('otelcol_exporter_queue_size'), 0);
  await exporter.shutdown();
});

test('max_size splits, the rest stays open', async () => {
  const { exporter, push, settings } = await withBatch({ min_size: 3, max_size: 4 });
  exporter.consume(spanBatch(['a', 'b']));
  exporter.consume(spanBatch(many('s', 8)));
  assert.deepEqual(push.names, ['a,b,s0,s1', 's2,s3,s4,s5']);
  assert.equal(settings.meter.value('otelcol_exporter_queue_size'), 1, 'the second request is not done');
  exporter.consume(spanBatch(['z']));
  assert.deepEqual(push.names.slice(2), ['s6,s7,z']);
  assert.equal(settings.meter.value('otelcol_exporter_queue_size'), 0);
  await exporter.shutdown();
});

test('max_size in bytes; an item that is too large goes alone', async () => {
  const size = spanBatch(many('s', 20)).byteLength;
  const { exporter, push } = await withBatch({ sizer: 'bytes', min_size: 0, max_size: size });
  const large = 'x'.repeat(1000);
  const names = [...many('s', 50), large, ...many('t', 5)];
  exporter.consume(spanBatch(names));
  assert.deepEqual(push.names.join().split(','), names);
  assert.ok(push.names.includes(large));
  assert.ok(push.sizes.every((bytes, i) => bytes <= size || push.names[i] === large));
  assert.equal(push.names.length, 5, 'three parts before it, one after it');
  await exporter.shutdown();
});

test('a request in several batches is done when all are, and fails when one does', async () => {
  const { exporter, push } = await withBatch({ min_size: 2, max_size: 2 }, { wait_for_result: true });
  const open = push.hold();
  const whole = spanBatch(many('s', 6));
  const outcome = exporter.consume(whole);
  assert.equal(push.names.length, 3);
  open();
  await outcome;
  assert.equal(isReleased(whole), true);
  push.fail = failure();
  assert.throws(() => exporter.consume(spanBatch(many('t', 4))), { message: 'cannot connect; cannot connect' });
  await exporter.shutdown();
});

test('batches that no consumer is free for keep the queue from being read', async () => {
  const { exporter, push, settings } = await withBatch({ min_size: 1 }, { num_consumers: 2, queue_size: 5 });
  const open = push.hold();
  for (const name of many('s', 5)) exporter.consume(spanBatch([name]));
  assert.equal(push.names.length, 2);
  assert.throws(() => exporter.consume(spanBatch(['x'])), /sending queue is full/);
  open();
  await settle();
  assert.deepEqual([...push.names].sort(), many('s', 5));
  assert.equal(settings.meter.value('otelcol_exporter_queue_size'), 0);
  await exporter.shutdown();
});

test('metadata keys part the batches and stay with them', async () => {
  const { exporter, push } = await withBatch({ min_size: 2, partition: { metadata_keys: ['X-Tenant'] } });
  const from = (name: string, tenant: string) =>
    exporter.consume(spanBatch([name], {}, contextWith({ 'x-tenant': [tenant], other: [name] })));
  from('a1', 'a');
  from('b1', 'b');
  exporter.consume(spanBatch(['none']));
  from('a2', 'a');
  assert.deepEqual(push.names, ['a1,a2']);
  assert.deepEqual([...(push.contexts[0]?.metadata ?? [])], [['x-tenant', ['a']]]);
  await exporter.shutdown();
  assert.deepEqual(push.names.slice(1).sort(), ['b1', 'none']);
});

test('shutdown sends what is open, once, and lets blocked callers through', async () => {
  const { exporter, push, settings } = await withBatch({ min_size: 100 }, { queue_size: 2, block_on_overflow: true });
  const batches = ['a', 'b', 'c', 'd', 'e'].map((name) => spanBatch([name]));
  const outcomes = batches.map((one) => exporter.consume(one));
  await exporter.shutdown();
  await Promise.all(outcomes);
  assert.deepEqual(push.names.join().split(',').sort(), ['a', 'b', 'c', 'd', 'e']);
  assert.ok(batches.every(isReleased));
  assert.equal(settings.clock.pending, 0);
});

test('random traffic: nothing is lost, sent twice or left unreleased', async () => {
  for (let seed = 1; seed <= 30; seed++) await randomTraffic(seed);
});

async function randomTraffic(seed: number): Promise<void> {
  let state = seed;
  const random = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state % n;
  };
  const min = random(6);
  const { exporter, push, settings } = await withBatch(
    { min_size: min, max_size: random(2) === 0 ? 0 : min + random(5) + 1, flush_timeout: 10 },
    { num_consumers: 1 + random(3), queue_size: 4 + random(8), block_on_overflow: random(2) === 0 },
  );
  const accepted: string[] = [];
  const batches = [];
  const outcomes = [];
  let open: (() => void) | undefined;
  for (let i = 0; i < 60; i++) {
    if (random(5) === 0 && open === undefined) open = push.hold();
    else if (random(4) === 0) open = void open?.();
    if (random(6) === 0) await settings.clock.advanceAsync(random(15));
    const names = many(`${seed}.${i}.`, 1 + random(7));
    const one = spanBatch(names);
    batches.push(one);
    try {
      outcomes.push(exporter.consume(one));
      accepted.push(...names);
    } catch {}
  }
  open?.();
  await exporter.shutdown();
  await Promise.all(outcomes);
  assert.deepEqual(push.names.flatMap((list) => list.split(',')).sort(), accepted.sort(), `seed ${seed}`);
  assert.ok(batches.every(isReleased), `seed ${seed}: all released`);
  assert.equal(settings.clock.pending, 0, `seed ${seed}: no timer left`);
}
