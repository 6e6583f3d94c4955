import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpointed, CheckpointOwner } from '../checkpoint.ts';
import type { Component } from '../component.ts';
import { readYaml } from '../config/read.ts';
import { PipelineError } from '../error.ts';
import { LogRecordReader } from '../otlp/readers/log-record.ts';
import { decodeTree } from '../otlp/tree.ts';
import { valueText } from '../otlp/value-text.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { NopHost } from '../testing/nop-host.ts';
import { testSettings } from '../testing/settings.ts';
import { records, StreamSinks, streamBatch } from '../testing/streams.ts';
import { encodeAlerts } from './alert.ts';
import { stream } from './config.ts';
import { logEventTime } from './event-time.ts';
import type { Items } from './items.ts';
import { Members } from './members.ts';
import { StreamOperator } from './operator.ts';
import { streamOutputs } from './outputs.ts';
import type { Partition, PartitionState } from './partition-runner.ts';

/** Sends, when event time comes to it, an alert for every record that was in time; at the end for the others. */
class Echo implements PartitionState {
  readonly open = 0;
  readonly #partition: Partition;
  #waiting: number[] = [];

  constructor(partition: Partition) {
    this.#partition = partition;
  }

  get keys(): number {
    return this.#waiting.length;
  }

  add(time: number, items: Items): void {
    const { clock } = this.#partition;
    if (time <= clock.watermark) items.stray('late');
    else this.#waiting.push(time);
    if (items.source !== undefined && clock.observe(items.source, time)) this.advance(clock.watermark);
  }

  advance(watermark: number): void {
    this.#send(this.#waiting.filter((time) => time <= watermark));
    this.#waiting = this.#waiting.filter((time) => time > watermark);
  }

  finish(): void {
    this.advance(Number.POSITIVE_INFINITY);
  }

  snapshot(): Map<string, Buffer | undefined> {
    return new Map([['echo', Buffer.from(JSON.stringify(this.#waiting))]]);
  }

  restore(entries: ReadonlyMap<string, Buffer>): void {
    this.#waiting = JSON.parse(entries.get('echo')?.toString() ?? '[]');
  }

  #send(times: readonly number[]): void {
    if (times.length === 0) return;
    const alerts = times.map((time) => ({
      ...{ type: 't', severity: 'LOW' as const, service: '', key: String(time), time, firstTime: time, lastTime: time },
      ...{ count: 1, evidence: [], message: '' },
    }));
    this.#partition.emit(encodeAlerts(alerts, this.#partition.context));
  }
}

function setUp(yaml = '') {
  const clock = new FakeClock(1_000_000);
  const sinks = new StreamSinks('logs');
  const settings = testSettings({ id: 'echo', kind: 'connector', clock });
  const options = readYaml(stream, `late_pipeline: logs/late\nout_of_orderness: 10ms\n${yaml}`);
  const record = new LogRecordReader();
  let place: { state: Echo; items: Items } | undefined;
  const members = new Members({
    resource: () => {},
    member(buffer, start, end) {
      const time = logEventTime(record.read(buffer, start, end));
      if (place?.items.next(time) === true) place.state.add(time, place.items);
    },
  });
  const operator = new StreamOperator<Echo>(settings, options, streamOutputs(sinks, 'logs', 'logs/late'), {
    version: 1,
    open: (partition) => new Echo(partition),
    process(batch, state, items) {
      place = { state, items };
      members.walk(batch);
    },
  });
  const send = (times: readonly number[], partition?: string, watermarked = false) =>
    operator.consume(streamBatch('logs', records(times.map((time) => [time, {}])), partition, watermarked));
  return { clock, sinks, settings, operator, send };
}

function keysOf(batches: readonly Telemetry[]): number[] {
  return batches.flatMap((batch) =>
    decodeTree('logs', batch).resourceLogs.flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) =>
        logRecords.map(({ attributes }) => Number(valueText(attributes.find(({ key }) => key === 'alert.key')?.value))),
      ),
    ),
  );
}

test('each partition has its own event time; results and marks say whose they are', async () => {
  const { operator, sinks, send } = setUp();
  await operator.start(new NopHost());
  await send([1_000, 1_100], 'a');
  await send([500, 600], 'b');
  assert.deepEqual(keysOf(sinks.results.batches), [1_000, 500]);
  assert.deepEqual(
    sinks.results.batches.map(({ context }) => context.stream?.partition),
    ['a', 'b'],
  );
  assert.deepEqual(sinks.results.watermarks, [
    ['a', 1_089],
    ['b', 589],
  ]);
  assert.deepEqual([...operator.partitions()], ['a', 'b']);
  await operator.shutdown();
});

test('shared state has one event time, that of the partition furthest behind', async () => {
  const { operator, sinks, send } = setUp('state: shared');
  await operator.start(new NopHost());
  await operator.watermark('a', 400);
  await operator.watermark('b', 300);
  await send([1_000], 'a', true);
  await send([1_000], 'b', true);
  await operator.watermark('a', 2_000);
  assert.deepEqual(keysOf(sinks.results.batches), []);
  await operator.watermark('b', 1_500);
  assert.deepEqual(keysOf(sinks.results.batches), [1_000, 1_000]);
  assert.deepEqual(sinks.results.watermarks.at(-1), ['', 1_500]);
  await operator.shutdown();
});

test('marks of the source count instead of its events', async () => {
  const { operator, sinks, send } = setUp();
  await operator.start(new NopHost());
  await send([1_000, 5_000], 'a', true);
  assert.deepEqual(sinks.results.watermarks, []);
  await operator.watermark('a', 4_999);
  assert.deepEqual(keysOf(sinks.results.batches), [1_000]);
  await operator.watermark('a', Number.POSITIVE_INFINITY);
  await send([9_000], 'a', true);
  assert.deepEqual(keysOf(sinks.results.batches), [1_000, 5_000]);
  assert.equal(sinks.late.items, 1, 'after its end a partition has only late items');
  await operator.shutdown();
});

test('what does not count is counted by reason, explained once, and handed to the late pipeline', async () => {
  const { operator, sinks, settings, send } = setUp('max_future: 1h');
  await operator.start(new NopHost());
  await send([1_000_000, 0, 4_102_444_800_000, 1_000_000 + 3_600_001, 5, 1_000_000 + 3_600_000]);
  await send([7, 0]);
  const count = (reason: string) => settings.meter.value('otelcol_stream_strays', { reason, connector: 'echo' });
  assert.deepEqual(['no time', 'future', 'late'].map(count), [2, 2, 2]);
  assert.equal(settings.logger.messages('warn').length, 3);
  assert.deepEqual(sinks.late.sizes, [4, 2]);
  assert.deepEqual(
    sinks.late.batches.flatMap((batch) =>
      decodeTree('logs', batch).resourceLogs.flatMap(({ scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ timeUnixNano }) => Number(timeUnixNano / 1_000_000n))),
      ),
    ),
    [0, 4_102_444_800_000, 4_600_001, 5, 7, 0],
  );
  await operator.shutdown();
});

test('late items go out after results; refused, they hold back the partition and nothing is counted twice', async () => {
  const { operator, sinks, settings, send } = setUp();
  await operator.start(new NopHost());
  await send([1_000, 2_000]);
  sinks.late.refuse = new PipelineError('full');
  await send([5]);
  await assert.rejects(async () => send([6]), /full/);
  await assert.rejects(async () => send([3_000]), /full/);
  assert.equal(settings.meter.value('otelcol_stream_strays'), 1);
  sinks.late.refuse = undefined;
  await send([6]);
  await send([3_000]);
  assert.equal(sinks.late.items, 2);
  assert.deepEqual(keysOf(sinks.results.batches), [1_000, 2_000]);
  await operator.shutdown();
});

test('a refusal in one partition does not hold back another', async () => {
  const { operator, sinks, send } = setUp();
  await operator.start(new NopHost());
  sinks.results.refuse = (batch) => (batch.context.stream?.partition === 'a' ? new PipelineError('no') : undefined);
  await send([1_000, 2_000], 'a');
  await send([1_000, 2_000], 'b');
  await assert.rejects(async () => send([3_000], 'a'), /no/);
  await send([3_000], 'b');
  assert.deepEqual(keysOf(sinks.results.batches), [1_000, 2_000]);
  sinks.results.refuse = undefined;
  await operator.shutdown();
  assert.deepEqual(keysOf(sinks.results.batches), [1_000, 2_000, 1_000, 2_000, 3_000]);
});

test('a quiet partition goes on with the clock', async () => {
  const { operator, sinks, clock, send } = setUp('idle_timeout: 30s');
  await operator.start(new NopHost());
  await send([1_000], 'a');
  clock.advance(30_000);
  assert.deepEqual(keysOf(sinks.results.batches), []);
  clock.advance(1_000);
  assert.deepEqual(keysOf(sinks.results.batches), [1_000]);
  await operator.shutdown();
  assert.equal(clock.pending, 0);
});

test('at the end what is open is sent, then everything is refused and nothing is sent', async () => {
  const { operator, sinks, clock, send } = setUp();
  await operator.start(new NopHost());
  await send([1_000], 'a');
  await Promise.all([operator.shutdown(), operator.shutdown()]);
  assert.deepEqual(keysOf(sinks.results.batches), [1_000]);
  const marks = sinks.results.watermarks.length;
  await assert.rejects(async () => send([2_000], 'a'), /the echo connector has stopped/);
  await operator.watermark('a', 1e15);
  clock.advance(60_000);
  assert.equal(sinks.results.items, 1);
  assert.equal(sinks.results.watermarks.length, marks);
});

/** An extension that keeps what is registered. */
class Keeper implements Component {
  readonly registered: (readonly [CheckpointOwner, Checkpointed])[] = [];
  readonly exactlyOnce = false;
  start(): void {}
  shutdown(): void {}
  async register(owner: CheckpointOwner, state: Checkpointed): Promise<void> {
    this.registered.push([owner, state]);
  }
  open(): never {
    throw new Error('there is no source');
  }
}

function hostWith(keeper: Keeper): NopHost {
  const host = new NopHost();
  host.extensions.set('checkpoint', keeper);
  (host.overview.extensions as string[]).push('checkpoint');
  return host;
}

test('with a checkpoint extension what is open is kept instead of sent', async () => {
  const keeper = new Keeper();
  const first = setUp();
  await first.operator.start(hostWith(keeper));
  assert.deepEqual(
    keeper.registered.map(([owner]) => owner),
    [{ kind: 'connector', id: 'echo', name: '' }],
  );
  await first.send([1_000], 'a');
  await first.operator.shutdown();
  assert.equal(first.sinks.results.items, 0);
  const entries = first.operator.snapshot('a', 'all') as Map<string, Buffer>;

  const second = setUp();
  await second.operator.start(hostWith(new Keeper()));
  second.operator.restore('a', entries, 1);
  await second.send([1_011], 'a');
  assert.deepEqual(keysOf(second.sinks.results.batches), [1_000]);
});

test('shared state is not registered, and the log says so', async () => {
  const keeper = new Keeper();
  const { operator, settings, send, sinks } = setUp('state: shared');
  await operator.start(hostWith(keeper));
  assert.equal(keeper.registered.length, 0);
  assert.equal(settings.logger.messages('warn').length, 1);
  await send([1_000]);
  await operator.shutdown();
  assert.equal(sinks.results.items, 1);
});

test('a partition that is forgotten leaves nothing, and can come again', async () => {
  const { operator, sinks, send } = setUp();
  await operator.start(new NopHost());
  await send([1_000], 'a');
  operator.forget('a');
  assert.deepEqual(operator.partitions(), []);
  assert.equal(operator.snapshot('a', 'all').size, 0);
  await send([500], 'a');
  await operator.shutdown();
  assert.deepEqual(keysOf(sinks.results.batches), [500]);
});

test('metrics and the streamz page show what is there', async () => {
  const { operator, settings, send, sinks } = setUp();
  await operator.start(new NopHost());
  await send([900_000, 995_000], 'a');
  sinks.results.refuse = new PipelineError('no');
  await send([999_000], 'a');
  await send([1_000], '');
  const value = (name: string) => settings.meter.value(`otelcol_stream_${name}`, { connector: 'echo' });
  assert.equal(value('keys'), 2);
  assert.equal(value('partitions'), 2);
  assert.equal(value('waiting'), 1);
  assert.equal(value('watermark_lag'), 999.011);
  const [page] = operator.zpages;
  assert.equal(page?.page, 'streamz');
  assert.deepEqual(
    [...(page?.rows() ?? [])].map(([partition, keys, , , , results]) => [partition, keys, results]),
    [
      ['a', 1, 'wait'],
      ['(none)', 1, ''],
    ],
  );
  sinks.results.refuse = undefined;
  await operator.shutdown();
  assert.equal(value('keys'), undefined);
});

test('a late pipeline that does not receive from the connector is a fault of the configuration', () => {
  const sinks = new StreamSinks('logs');
  assert.throws(() => streamOutputs(sinks, 'logs', 'logs/none'), /no pipeline "logs\/none" has this connector/);
  const { results, late } = streamOutputs(sinks, 'logs', 'logs/late');
  assert.deepEqual(results, [sinks.results]);
  assert.equal(late, sinks.late);
  assert.equal(streamOutputs(sinks, 'logs', '').results.length, 2);
});

test('a clock that jumps moves no event time; what it calls future is counted, and the next items count again', async () => {
  const { operator, sinks, send, clock, settings } = setUp('max_future: 1h\nidle_timeout: 1s');
  const hour = 3_600_000;
  const right = clock.now.bind(clock);
  const now = right();
  await operator.start(new NopHost());
  await send([now, now + 20], 'a');
  for (const [jump, time] of [
    [hour, now + 40],
    [-2 * hour, now + 60],
    [0, now + 80],
  ] as const) {
    clock.now = () => right() + jump;
    clock.advance(500);
    await send([time, time + 1], 'a');
  }
  assert.deepEqual(keysOf(sinks.results.batches), [now, now + 20, now + 40, now + 41]);
  assert.deepEqual(
    sinks.late.batches.map(({ items }) => items),
    [2],
  );
  assert.equal(settings.meter.value('otelcol_stream_strays', { reason: 'future' }), 2);
  assert.equal(settings.logger.messages('warn').length, 1);
  await operator.shutdown();
});
