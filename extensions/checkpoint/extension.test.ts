import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpointed } from '../../core/checkpoint.ts';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { MemoryStorage } from '../../core/testing/memory-storage.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from './config.ts';
import { CheckpointExtension } from './extension.ts';

const OWNER = { kind: 'connector', id: 'count', name: '' } as const;

/** A number for each partition. */
class Counts implements Checkpointed {
  readonly version = 1;
  readonly values = new Map<string, number>();
  fail = false;

  partitions(): readonly string[] {
    return [...this.values.keys()];
  }
  snapshot(partition: string): ReadonlyMap<string, Buffer> {
    const value = this.values.get(partition);
    return value === undefined ? new Map() : new Map([['n', Buffer.from([value])]]);
  }
  restore(partition: string, entries: ReadonlyMap<string, Buffer>): void {
    if (this.fail) throw new Error('of another form');
    assert.equal(this.values.get(partition), undefined, 'there is no state before');
    this.values.set(partition, entries.get('n')?.[0] ?? 0);
  }
  forget(partition: string): void {
    this.values.delete(partition);
  }
}

function start(storage: MemoryStorage, extensions = ['file_storage', 'checkpoint']) {
  const settings = testSettings({ id: 'checkpoint', kind: 'extension' });
  const host = new NopHost();
  host.extensions.set('file_storage', storage as Component);
  Object.assign(host.overview, { extensions });
  const extension = new CheckpointExtension(settings, readYaml(config, 'storage: file_storage\ninterval: 1s'));
  extension.start(host);
  return { extension, settings };
}

const source = (partition: string) => ({ partition, stored: () => {}, lost: () => {} });

test('state of no partition: stored on time and at the end, and there after a restart', async () => {
  const storage = new MemoryStorage();
  const first = start(storage);
  const counts = new Counts();
  await first.extension.register(OWNER, counts);
  counts.values.set('', 5);
  first.settings.clock.advance(1_000);
  await settle();
  assert.equal(first.settings.meter.value('otelcol_checkpoints', { outcome: 'success' }), 1);
  const killed = new Counts();
  await start(storage).extension.register(OWNER, killed);
  assert.equal(killed.values.get(''), 5);

  counts.values.set('', 6);
  await first.extension.shutdown();
  const after = new Counts();
  await start(storage).extension.register(OWNER, after);
  assert.equal(after.values.get(''), 6);
});

test('a partition: its state and position, and what an attempt before left behind is dropped', async () => {
  const storage = new MemoryStorage();
  const first = start(storage);
  const counts = new Counts();
  await first.extension.register(OWNER, counts);
  const open = await first.extension.open(source('t/0'));
  assert.equal(open.position, undefined);
  counts.values.set('t/0', 7);
  open.idle(12n);
  await open.close();
  assert.equal(counts.values.size, 0);

  const { extension, settings } = start(storage);
  await extension.register(OWNER, counts);
  counts.fail = true;
  await assert.rejects(extension.open(source('t/0')), /of another form/);
  counts.fail = false;
  counts.values.set('t/0', 99);
  assert.equal((await extension.open(source('t/0'))).position, 12n);
  assert.equal(counts.values.get('t/0'), 7);
  await assert.rejects(extension.open(source('t/0')), /is read by another receiver/);
  settings.clock.advance(2_500);
  assert.equal(settings.meter.value('otelcol_checkpoint_age'), 2.5);
  const rows = [...(extension.zpages[0]?.rows() ?? [])];
  assert.deepEqual(
    rows.map(([name]) => name),
    ['(none)', 't/0'],
  );
});

test('an attempt that fails in the middle leaves nothing behind, and two at a time are one too many', async () => {
  const storage = new MemoryStorage();
  const first = start(storage);
  const [counts, others] = [new Counts(), new Counts()];
  await first.extension.register(OWNER, counts);
  await first.extension.register({ ...OWNER, id: 'other' }, others);
  const open = await first.extension.open(source('t/0'));
  counts.values.set('t/0', 7);
  others.values.set('t/0', 8);
  open.idle(12n);
  await open.close();
  others.fail = true;
  await assert.rejects(first.extension.open(source('t/0')), /of another form/);
  assert.equal(counts.values.size, 0);
  others.fail = false;
  const attempts = [source('t/0'), source('t/0')].map((one) => first.extension.open(one));
  const [won, late] = await Promise.allSettled(attempts);
  assert.equal(won?.status, 'fulfilled');
  assert.match(String((late as PromiseRejectedResult).reason), /is read by another receiver/);
});

test('entries of no partition that a failed checkpoint would have removed are removed by the next one', async () => {
  const storage = new MemoryStorage();
  const first = start(storage);
  const counts = new Counts();
  await first.extension.register(OWNER, counts);
  counts.values.set('', 5);
  await first.extension.shutdown();

  const second = start(storage);
  await second.extension.register(OWNER, counts);
  counts.snapshot = () => new Map();
  second.settings.clock.advance(1_000);
  await settle();
  const after = new Counts();
  await start(storage).extension.register(OWNER, after);
  assert.equal(after.values.size, 0);
});

test('a disk without room: processing goes on, with a line when it begins and when it ends', async () => {
  const storage = new MemoryStorage();
  const { extension, settings } = start(storage);
  const counts = new Counts();
  await extension.register(OWNER, counts);
  counts.values.set('', 1);
  storage.fail = new Error('no space left on device');
  for (let i = 0; i < 3; i++) {
    settings.clock.advance(5_000);
    await settle();
  }
  storage.fail = undefined;
  settings.clock.advance(5_000);
  await settle();
  const lines = settings.logger.messages().filter((line) => /heckpoint/.test(line));
  assert.deepEqual(lines, ['A checkpoint failed', 'Checkpoints succeed again']);
  const again = new Counts();
  await start(storage).extension.register(OWNER, again);
  assert.equal(again.values.get(''), 1);
});

test('configuration: one of the two, in an order in which the last checkpoint can be stored', () => {
  assert.throws(() => readYaml(config, '{}'), /needs either storage or exactly_once/);
  assert.throws(() => readYaml(config, 'storage: a\nexactly_once: {}'), /needs either storage or exactly_once/);
  assert.throws(() => readYaml(config, 'exactly_once: { partitions: 0, topic: "" }'), /topic: must not be empty/);
  assert.throws(() => readYaml(config, 'exactly_once: { driver: kafkajs }'), /driver: must be platformatic/);
  assert.throws(() => start(new MemoryStorage(), ['checkpoint', 'file_storage']), /must list file_storage before/);
});
