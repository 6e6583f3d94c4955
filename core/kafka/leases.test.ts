import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckpointSource, Checkpoints, PartitionCheckpoints } from '../checkpoint.ts';
import { settle } from '../testing/fake-clock.ts';
import { testSettings } from '../testing/settings.ts';
import type { RecordBatch } from './client.ts';
import { kafkaError } from './errors.ts';
import { Leases } from './leases.ts';

function setUp() {
  const settings = testSettings({ id: 'kafka', kind: 'receiver' });
  const opened: CheckpointSource[] = [];
  const calls: string[] = [];
  const restarts: Error[] = [];
  let failure: Error | undefined;
  let closing: Promise<void> | undefined;
  const checkpoints: Checkpoints = {
    exactlyOnce: true,
    register: async () => {},
    emit: () => true,
    async open(source): Promise<PartitionCheckpoints> {
      if (failure !== undefined) throw failure;
      opened.push(source);
      calls.push('open');
      return {
        position: 5n,
        before: () => {},
        idle: (position) => calls.push(`idle ${position}`),
        close: async () => {
          await closing;
          calls.push('close');
        },
      };
    },
  };
  return {
    leases: new Leases(settings, checkpoints, (error) => restarts.push(error)),
    settings,
    opened,
    calls,
    restarts,
    fail: (error: Error | undefined) => {
      failure = error;
    },
    holdClose: () => {
      const held = Promise.withResolvers<void>();
      closing = held.promise;
      return held.resolve;
    },
  };
}

/** The partition from one assignment to the next. */
function life() {
  let active = true;
  const done: bigint[] = [];
  const batch = (): RecordBatch => ({
    topic: 't',
    partition: 0,
    records: [],
    highWatermark: 0n,
    active: () => active,
    done: ({ offset }) => done.push(offset),
  });
  return {
    batch,
    done,
    end: () => {
      active = false;
    },
  };
}

test('a partition is opened once, begins at its position, and tells the group what is stored', async () => {
  const { leases, opened } = setUp();
  const one = life();
  const lease = await leases.of(one.batch());
  assert.equal(lease?.next, 5n);
  assert.equal(await leases.of(one.batch()), lease);
  assert.equal(opened.length, 1);
  opened[0]?.stored(9n);
  assert.deepEqual(one.done, [8n]);
});

test('a partition that comes back before it was put away is opened after that', async () => {
  const { leases, calls, holdClose } = setUp();
  const [first, second] = [life(), life()];
  const before = await leases.of(first.batch());
  const release = holdClose();
  first.end();
  const again = leases.of(second.batch());
  const revoked = leases.revoked('t', 0);
  await settle();
  assert.deepEqual(calls, ['open']);
  release();
  await revoked;
  assert.notEqual(await again, before);
  assert.deepEqual(calls, ['open', 'close', 'open']);
});

test('a failed checkpoint ends the lease and begins the reading anew', async () => {
  const { leases, opened, restarts } = setUp();
  const one = life();
  await leases.of(one.batch());
  const error = new Error('fenced');
  opened[0]?.lost(error);
  assert.deepEqual(restarts, [error]);
  assert.equal(await leases.of(one.batch()), undefined);
  one.end();
  await leases.revoked('t', 0);
  assert.ok(await leases.of(life().batch()));
});

test('what cannot be restored is tried again until the partition is somebody else’s, with one line', async () => {
  const { leases, settings, fail } = setUp();
  fail(new Error('no broker'));
  const one = life();
  const opening = leases.of(one.batch());
  for (let i = 0; i < 3; i++) {
    await settle();
    settings.clock.advance(1_000);
  }
  assert.deepEqual(settings.logger.messages('error'), ['State of a partition cannot be restored, will try again']);
  one.end();
  await settle();
  settings.clock.advance(1_000);
  assert.equal(await opening, undefined);
  fail(undefined);
  await leases.revoked('t', 0);
  assert.ok(await leases.of(life().batch()));
});

test('reading that began behind the position of the state begins again there, once', async () => {
  const { leases, calls } = setUp();
  const asked: bigint[] = [];
  const one = life();
  const batch = (): RecordBatch => ({ ...one.batch(), rewind: (offset) => asked.push(offset) === 1 });
  assert.equal(await leases.of(batch()), undefined);
  assert.equal((await leases.of(batch()))?.next, 5n);
  assert.deepEqual(calls, ['open', 'idle 5'], 'what waits in the state may go on meanwhile');
  assert.deepEqual(asked, [5n], 'later on the log may have lost what was there');
});

test('a broker that is not ready is a warning, state that cannot be read is an error', async () => {
  const { leases, settings, fail } = setUp();
  fail(kafkaError('the transaction was not committed', { apiId: 'COORDINATOR_NOT_AVAILABLE', message: 'not yet' }));
  const one = life();
  const opening = leases.of(one.batch());
  await settle();
  settings.clock.advance(1_000);
  await settle();
  fail(new Error('the snapshot is damaged'));
  settings.clock.advance(1_000);
  await settle();
  fail(undefined);
  settings.clock.advance(1_000);
  assert.ok(await opening);
  assert.deepEqual(settings.logger.messages(), [
    'Kafka is not ready to open a partition, will try again',
    'State of a partition cannot be restored, will try again',
  ]);
});
