import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type QueueConfig, queue } from '../config/sections/queue.ts';
import { retry } from '../config/sections/retry.ts';
import { PipelineError } from '../error.ts';
import { slabs } from '../telemetry/slab.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { settle } from '../testing/fake-clock.ts';
import { type Started, started } from '../testing/fake-push.ts';
import { MemoryStorage } from '../testing/memory-storage.ts';
import { contextWith, isReleased, spanBatch } from '../testing/spans.ts';

const OWNER = 'exporter test traces';

/** A process with this storage. */
async function run(storage: MemoryStorage, options: Partial<QueueConfig> = {}, more = {}): Promise<Started> {
  const config = { sending_queue: { ...queue.absent(), storage: 'file_storage', ...options }, ...more };
  const process = await started(config, { start: false });
  process.host.extensions.set('file_storage', storage);
  return process;
}

async function start(storage: MemoryStorage, options: Partial<QueueConfig> = {}, more = {}): Promise<Started> {
  const process = await run(storage, options, more);
  await process.exporter.start(process.host);
  return process;
}

const kept = (storage: MemoryStorage): number => storage.contents.get(OWNER)?.size ?? 0;
const size = ({ settings }: Started) => settings.meter.value('otelcol_exporter_queue_size');
const many = (count: number) => Array.from({ length: count }, (_, i) => `s${i}`);

test('a batch is accepted when it is written, sent after that, and gone when it was delivered', async () => {
  const storage = new MemoryStorage();
  const process = await start(storage);
  const write = storage.hold();
  let accepted = false;
  const batch = spanBatch(['a']);
  const consumed = Promise.resolve(process.exporter.consume(batch)).then(() => {
    accepted = true;
  });
  await settle();
  assert.deepEqual([accepted, process.push.names, size(process)], [false, [], 1]);
  write();
  await consumed;
  await settle();
  assert.deepEqual([process.push.names, size(process), kept(storage)], [['a'], 0, 0]);
  assert.ok(isReleased(batch));
  await process.exporter.shutdown();
  assert.equal(storage.open, 0);
});

test('killed: what was waiting or under way is sent by the next process, in its order', async () => {
  const storage = new MemoryStorage();
  const killed = await start(storage, { num_consumers: 2 });
  killed.push.hold();
  for (const name of many(12)) await killed.exporter.consume(spanBatch([name, 'x']));
  assert.equal(killed.push.names.length, 2);

  const next = await run(storage, { num_consumers: 1, sizer: 'items' });
  const open = next.push.hold();
  await next.exporter.start(next.host);
  assert.deepEqual(next.settings.logger.lines[0], {
    level: 'info',
    message: 'Found data in the storage that is still to be sent',
    fields: { requests: 12, items: 24 },
  });
  assert.equal(size(next), 24);
  await next.exporter.consume(spanBatch(['new']));
  open();
  await settle(10);
  assert.deepEqual(next.push.names, [...many(12).map((name) => `${name},x`), 'new']);
  assert.deepEqual([kept(storage), size(next)], [0, 0]);
  await next.exporter.shutdown();
});

test('the metadata of the client is kept, what an authenticator said is not', async () => {
  const storage = new MemoryStorage();
  const killed = await start(storage);
  killed.push.hold();
  const context = { ...contextWith({ tenant: ['a', 'b'] }), address: '10.0.0.1', auth: new Map([['subject', 'me']]) };
  await killed.exporter.consume(spanBatch(['a'], {}, context));
  const next = await start(storage);
  await settle(5);
  const { auth: _, ...expected } = context;
  assert.deepEqual(next.push.contexts, [expected]);
  assert.doesNotMatch(String([...(storage.contents.get(OWNER)?.values() ?? [])]), /subject/);
  await next.exporter.shutdown();
});

test('a failed write is a refusal that may be tried again, and takes no room', async () => {
  const storage = new MemoryStorage();
  const process = await start(storage);
  storage.fail = new Error('ENOSPC: no space left on device, write');
  const batch = spanBatch(['a', 'b']);
  await assert.rejects(Promise.resolve(process.exporter.consume(batch)), (error: PipelineError) => {
    assert.equal(error.message, 'cannot write to the sending queue: ENOSPC: no space left on device, write');
    return !error.permanent;
  });
  assert.ok(isReleased(batch));
  assert.equal(size(process), 0);
  assert.equal(process.settings.meter.value('otelcol_exporter_enqueue_failed_spans'), 2);
  storage.fail = undefined;
  await process.exporter.consume(spanBatch(['c']));
  await process.exporter.shutdown();
  assert.deepEqual(process.push.names, ['c']);
});

test('full: refused, or waiting for room in the order of arrival', async () => {
  const storage = new MemoryStorage();
  const full = await start(storage, { queue_size: 2, num_consumers: 1 });
  const open = full.push.hold();
  const writing = [full.exporter.consume(spanBatch(['a'])), full.exporter.consume(spanBatch(['b']))];
  assert.throws(() => full.exporter.consume(spanBatch(['c'])), /sending queue is full/);
  await Promise.all(writing);
  open();
  await full.exporter.shutdown();

  const items = await start(storage, { queue_size: 3, num_consumers: 1, sizer: 'items', block_on_overflow: true });
  const openItems = items.push.hold();
  assert.throws(() => items.exporter.consume(spanBatch(many(4))), /element size too large/);
  items.exporter.consume(spanBatch([]));
  const accepted: string[] = [];
  for (const names of [['d', 'e'], ['f', 'g'], ['h']]) {
    void Promise.resolve(items.exporter.consume(spanBatch(names))).then(() => accepted.push(names.join()));
  }
  await settle();
  assert.deepEqual(accepted, ['d,e']);
  openItems();
  await settle(10);
  assert.deepEqual(accepted, ['d,e', 'f,g', 'h']);
  assert.deepEqual(items.push.names, ['b', 'd,e', 'f,g', 'h'].slice(-items.push.names.length));
  await items.exporter.shutdown();
});

test('shutdown keeps what is not delivered, refuses who waits for room, and says so', async () => {
  const storage = new MemoryStorage();
  const more = { retry_on_failure: retry.absent() };
  const process = await start(storage, { num_consumers: 1, queue_size: 3, block_on_overflow: true }, more);
  process.push.fail = new PipelineError('cannot connect');
  for (const name of many(3)) await process.exporter.consume(spanBatch([name]));
  const refused = assert.rejects(Promise.resolve(process.exporter.consume(spanBatch(['late']))), /queue is stopped/);
  await settle();
  await process.exporter.shutdown();
  await refused;
  assert.throws(() => process.exporter.consume(spanBatch(['later'])), /is not running/);
  assert.equal(kept(storage), 3);
  assert.ok(process.settings.logger.messages('info').some((message) => message.includes('The data is kept')));
  assert.deepEqual(process.settings.logger.messages('error'), ['Exporting failed. Rejecting data.'], 'the late one');
  const next = await start(storage);
  await settle(5);
  assert.deepEqual(next.push.names, many(3));
  await next.exporter.shutdown();
});

test('what the destination refuses for good is not kept', async () => {
  const storage = new MemoryStorage();
  const process = await start(storage, {}, { retry_on_failure: retry.absent() });
  process.push.fail = new PipelineError('bad request', { permanent: true });
  await process.exporter.consume(spanBatch(['a']));
  await process.exporter.shutdown();
  assert.equal(kept(storage), 0);
  assert.match(process.settings.logger.messages('error').join(), /Dropping data/);
});

test('joined requests are all kept when their batch is interrupted', async () => {
  const storage = new MemoryStorage();
  const section = queue.absent();
  const batch = {
    flush_timeout: 200,
    min_size: 3,
    max_size: 4,
    sizer: 'items',
    partition: { metadata_keys: [] },
  } as const;
  const more = { retry_on_failure: retry.absent() };
  const process = await start(storage, { ...section, storage: 'file_storage', batch }, more);
  process.push.fail = new PipelineError('cannot connect');
  for (const names of [['a', 'b'], ['c', 'd', 'e'], ['f']]) await process.exporter.consume(spanBatch(names));
  await settle();
  await process.exporter.shutdown();
  assert.equal(kept(storage), 3);
  const next = await start(storage);
  await settle(5);
  assert.deepEqual(next.push.names, ['a,b', 'c,d,e', 'f']);
  await next.exporter.shutdown();
});

test('a long queue is in the storage alone and is read when its turn comes', async () => {
  const storage = new MemoryStorage();
  const process = await start(storage, { num_consumers: 1 });
  const open = process.push.hold();
  const text = 'x'.repeat(1 << 20);
  const batches = many(40).map((name) => spanBatch([name], { text }));
  for (const batch of batches) await process.exporter.consume(batch);
  await settle();
  // up to 16 MiB, the one that is being sent and the one that is next
  assert.equal(batches.filter((batch) => !isReleased(batch)).length, 17);
  open();
  await settle(100);
  assert.deepEqual(process.push.names, many(40));
  assert.deepEqual([kept(storage), size(process)], [0, 0]);
  await process.exporter.shutdown();
});

test('what cannot be read is passed over: damaged for good, unreadable for now', async () => {
  const storage = new MemoryStorage();
  const killed = await start(storage);
  killed.push.hold();
  for (const name of many(4)) await killed.exporter.consume(spanBatch([name]));
  const content = storage.contents.get(OWNER)!;
  const [first, second] = [...content.keys()] as [string, string];
  content.get(first)![0] = 99;
  content.get(second)!.writeUInt32LE(0xffff_ffff, 1);
  content.set('a key of another time', Buffer.from('x'));
  const next = await start(storage);
  await settle(10);
  assert.deepEqual(next.push.names, ['s2', 's3']);
  assert.equal(size(next), 0);
  assert.equal(next.settings.logger.messages('error').length, 2);
  assert.deepEqual([...content.keys()], ['a key of another time']);
  await next.exporter.shutdown();

  killed.push.hold();
  const again = await start(storage);
  again.push.hold();
  await again.exporter.consume(spanBatch(['a']));
  storage.unreadable = new Error('EIO: i/o error, read');
  const blind = await start(storage);
  await settle(5);
  assert.deepEqual([blind.push.names, size(blind), kept(storage)], [[], 0, 2]);
});

test('the extension must be there and be a storage', async () => {
  const storage = new MemoryStorage();
  const absent = await run(storage, { storage: 'file_storage/other' });
  await assert.rejects(Promise.resolve(absent.exporter.start(absent.host)), {
    message: 'no storage client extension found',
  });
  await absent.exporter.shutdown();
  const other = await run(storage);
  other.host.extensions.set('file_storage', { start() {}, shutdown() {} });
  await assert.rejects(
    Promise.resolve(other.exporter.start(other.host)),
    /requested extension is not a storage extension/,
  );
  await other.exporter.shutdown();
});

test('random traffic, failures and kills: all that was accepted arrives, and slabs are given back', async () => {
  const storage = new MemoryStorage();
  const arrived = new Set<string>();
  const accepted: string[] = [];
  const batches: Telemetry[] = [];
  let random = 1;
  const next = (n: number): number => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return (random >>> 8) % n;
  };
  for (let round = 0; round < 30; round++) {
    const options = { num_consumers: 1 + next(4), queue_size: 50, block_on_overflow: next(2) === 0 };
    const process = await start(storage, options, { retry_on_failure: { ...retry.absent(), max_elapsed_time: 0 } });
    for (let i = 0; i < 40; i++) {
      const name = `${round}-${i}`;
      const plain = spanBatch([name]);
      const { slab, start: at } = slabs.allocate(plain.byteLength);
      plain.bytes().copy(slab.buffer, at);
      const batch = new Telemetry('traces', [{ buffer: slab.buffer, start: at, end: at + plain.byteLength, slab }], 1);
      process.push.fail = next(4) === 0 ? new PipelineError('not now') : undefined;
      storage.fail = next(10) === 0 ? new Error('not written') : undefined;
      batches.push(batch);
      try {
        await Promise.race([
          process.exporter.consume(batch),
          settle(20).then(() => Promise.reject(new Error('waits'))),
        ]);
        accepted.push(name);
      } catch {
        // refused
      }
      await process.settings.clock.advanceAsync(next(3000));
    }
    if (next(2) === 0) await process.exporter.shutdown();
    for (const name of process.push.names) arrived.add(name);
  }
  const last = await start(storage);
  await settle(200);
  for (const name of last.push.names) arrived.add(name);
  await last.exporter.shutdown();
  assert.ok(accepted.length > 500, `${accepted.length} accepted`);
  assert.deepEqual(
    accepted.filter((name) => !arrived.has(name)),
    [],
  );
  assert.equal(kept(storage), 0);
});
