import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import type { StorageClient, StorageExtension, StorageOperation } from '../../core/storage.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { spanNames } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { TailSamplingProcessor } from './processor.ts';
import { type JsonSpan, requestOf, traceId } from './testing/spans.ts';

/** Keeps what it is given in memory, and can refuse to. */
class MemoryStorage implements Component, StorageExtension {
  readonly stores = new Map<string, Map<string, Buffer>>();
  broken = false;

  start(): void {}
  shutdown(): void {}

  async client({ kind, id, name }: { kind: string; id: string; name: string }): Promise<StorageClient> {
    const key = `${kind} ${id} ${name}`;
    const values = this.stores.get(key) ?? new Map<string, Buffer>();
    this.stores.set(key, values);
    const apply = async (operations: readonly StorageOperation[]) => {
      if (this.broken) throw new Error('disk full');
      for (const [k, value] of operations) {
        if (value === undefined) values.delete(k);
        else values.set(k, Buffer.concat(Buffer.isBuffer(value) ? [value] : value));
      }
    };
    return {
      keys: async () => [...values.keys()],
      get: async (k) => values.get(k),
      set: (k, value) => apply([[k, value]]),
      delete: (k) => apply([[k, undefined]]),
      batch: apply,
      close: async () => {},
    };
  }

  get entries(): number {
    return [...this.stores.values()].reduce((sum, values) => sum + values.size, 0);
  }
}

const clock = new FakeClock();
const failed = { status: { code: 2 } };
const span = (trace: number, name: string, more: JsonSpan = {}) => ({ traceId: traceId(trace), name, ...more });

async function started(storage: MemoryStorage, more = '') {
  const settings = testSettings({ id: 'tail_sampling', pipeline: 'traces', clock });
  const sink = new SinkConsumer();
  const yaml = `decision_wait: 5s\nstorage: memory\npolicies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]\n${more}`;
  const processor = new TailSamplingProcessor(settings, readYaml(config, yaml), sink);
  const host = new NopHost();
  host.extensions.set('memory', storage);
  await processor.start(host);
  return {
    settings,
    processor,
    sent: () => sink.batches.flatMap((batch) => spanNames(batch)),
    take: (...spans: JsonSpan[]) => processor.consume(requestOf(spans, { attributes: [] })),
  };
}

test('undecided traces and decisions survive a restart, and an end without warning', async () => {
  for (const orderly of [true, false]) {
    const storage = new MemoryStorage();
    const before = await started(storage);
    await before.take(span(1, 'a', failed), span(2, 'b'));
    await clock.advanceAsync(6000);
    assert.deepEqual(before.sent(), ['a']);
    await before.take(span(3, 'c'), span(4, 'd'));
    await before.take(span(3, 'c2', failed), span(1, 'late'));
    await clock.advanceAsync(2000);
    if (orderly) await before.processor.shutdown();
    assert.deepEqual(before.sent(), ['a', 'late'], 'nothing is decided at the end');

    const after = await started(storage);
    await after.take(span(1, 'later'), span(2, 'never', failed), span(4, 'd2'));
    assert.deepEqual(after.sent(), ['later']);
    await clock.advanceAsync(2000);
    assert.deepEqual(after.sent(), ['later']);
    await clock.advanceAsync(2000);
    assert.deepEqual(after.sent(), ['later', 'c', 'c2'], 'the wait goes on from where it was');
    await after.processor.shutdown();
  }
});

test('what is decided leaves the storage; decisions stay as long as they are of use', async () => {
  const storage = new MemoryStorage();
  const { take, processor } = await started(storage, 'num_traces: 7');
  for (let i = 0; i < 60; i++) {
    await take(span(i, 's'), span(i, 't', failed));
    await clock.advanceAsync(1000);
  }
  assert.ok(storage.entries < 30, `${storage.entries} entries`);
  await processor.shutdown();

  const after = await started(storage, 'num_traces: 7');
  await clock.advanceAsync(7000);
  const waiting = after.sent().length / 2;
  assert.equal(waiting, 5, 'decisions take no place from traces that wait');
  await after.processor.shutdown();
  assert.ok(storage.entries <= 12, `${storage.entries} entries`);
});

test('a storage that fails costs nothing but the safety', async () => {
  const storage = new MemoryStorage();
  const { take, processor, sent, settings } = await started(storage);
  storage.broken = true;
  await take(span(1, 'a', failed));
  await clock.advanceAsync(6000);
  assert.deepEqual(sent(), ['a']);
  assert.ok(settings.logger.messages('error').length >= 1);
  await processor.shutdown();
});

test('a storage that is none is refused', async () => {
  const yaml = 'storage: other';
  const processor = new TailSamplingProcessor(testSettings(), readYaml(config, yaml), new SinkConsumer());
  const host = new NopHost();
  await assert.rejects(async () => processor.start(host), { message: 'no storage client extension found' });
  host.extensions.set('other', { start() {}, shutdown() {} });
  await assert.rejects(async () => processor.start(host), {
    message: 'requested extension is not a storage extension',
  });
  await processor.shutdown();
});
