import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpointed, CheckpointOwner } from '../../core/checkpoint.ts';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { MemoryStorage } from '../../core/testing/memory-storage.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { seededRandom } from '../../core/testing/random-telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased, spanNames } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { TailSamplingProcessor } from './processor.ts';
import { type JsonSpan, requestOf, traceId } from './testing/spans.ts';

/** Takes part in the place of the extension; a test takes the snapshots. */
class Keeper implements Component {
  readonly owners: CheckpointOwner[] = [];
  readonly exactlyOnce: boolean;

  constructor(exactlyOnce: boolean) {
    this.exactlyOnce = exactlyOnce;
  }

  async register(owner: CheckpointOwner, _state: Checkpointed): Promise<void> {
    this.owners.push(owner);
  }
  async open(): Promise<never> {
    throw new Error('not in this test');
  }
  emit(): boolean {
    return false;
  }
  start(): void {}
  shutdown(): void {}
}

const ERRORS = '{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}';
const failed: JsonSpan = { status: { code: 2 } };

function span(trace: number, name: string, more: JsonSpan = {}): JsonSpan {
  return { traceId: traceId(trace), spanId: '00000000000000ff', parentSpanId: '00000000000000fe', name, ...more };
}

/** What is stored of a partition, put together from snapshots. */
type Entries = Map<string, Buffer>;

/** A processor with a checkpoint extension; `yaml` follows a decision_wait of 2 s and a policy for errors. */
async function checkpointed(yaml = '', clock = new FakeClock(), exactlyOnce = true) {
  const settings = testSettings({ id: 'tail_sampling', pipeline: 'traces', signals: ['traces'], clock });
  const sink = new SinkConsumer();
  const read = readYaml(
    config,
    `decision_wait: 2s\n${yaml.includes('policies:') ? '' : `policies: [${ERRORS}]\n`}${yaml}`,
  );
  const processor = new TailSamplingProcessor(settings, read, sink);
  const keeper = new Keeper(exactlyOnce);
  const host = new NopHost();
  Object.assign(host.overview, { extensions: ['checkpoint'] });
  host.extensions.set('checkpoint', keeper);
  host.extensions.set('memory', new MemoryStorage());
  await processor.start(host);
  const stored: Entries = new Map();
  return {
    ...{ settings, sink, processor, keeper, clock, stored },
    sent: () => sink.batches.flatMap((batch) => spanNames(batch)),
    lost: () => settings.meter.value('otelcol_processor_tail_sampling_lost_spans', {}) ?? 0,
    take: (partition: string | undefined, ...spans: JsonSpan[]) =>
      processor.consume(ofPartition(requestOf(spans), partition)),
    /** Adds a snapshot to what is stored; returns the names of what it had. */
    store(which: 'all' | 'changed' = 'changed', partition = 'p'): string[] {
      const entries = processor.snapshot(partition, which);
      if (which === 'all') stored.clear();
      for (const [name, bytes] of entries) {
        if (bytes === undefined) stored.delete(name);
        else stored.set(name, bytes);
      }
      return [...entries.keys()];
    },
  };
}

function ofPartition(batch: Telemetry, partition: string | undefined, attempt?: [bigint, number]): Telemetry {
  if (partition === undefined) return batch;
  const delivery = attempt === undefined ? {} : { delivery: { position: attempt[0], attempt: attempt[1] } };
  const stream = { partition, watermarked: false, ...delivery };
  return batch.derive(batch.ranges, batch.items, { transport: 'test', metadata: new Map(), stream });
}

const SOME = '{name: some, type: probabilistic, probabilistic: {sampling_percentage: 20}}';
const DROP =
  '{name: d, type: drop, drop: {drop_sub_policy: [{name: x, type: span_count, span_count: {min_spans: 5}}]}}';
const CACHES = 'decision_cache: {sampled_cache_size: 30, non_sampled_cache_size: 30}';

test('stopped again and again it decides as one that never stopped', async () => {
  const variants = ['', CACHES, 'num_traces: 25', 'decision_wait_after_root_received: 1s', 'decide_early: true'];
  for (const [seed, variant] of variants.entries()) {
    const yaml = `policies: [${ERRORS}, ${SOME}, ${DROP}]\n${variant}`;
    const clock = new FakeClock();
    const random = seededRandom(seed + 1);
    const whole = await checkpointed(yaml, clock);
    let broken = await checkpointed(yaml, clock);
    const sent: string[] = [];
    for (let second = 0; second < (variant === '' ? 150 : 50); second++) {
      for (let i = 0; i < 5; i++) {
        const spans = Array.from({ length: 3 }, (_, j) => {
          const trace = second * 2 + Math.floor(random() * 8);
          const more = { ...(random() < 0.2 ? failed : {}), ...(random() < 0.2 ? { parentSpanId: '' } : {}) };
          return span(trace, `${second} ${i} ${j}`, more);
        });
        whole.take('p', ...spans);
        broken.take('p', ...spans);
      }
      const luck = random();
      if (luck < 0.6) broken.store();
      if (luck < 0.3) {
        const { stored, processor } = broken;
        sent.push(...broken.sent());
        processor.forget('p');
        await processor.shutdown();
        broken = await checkpointed(yaml, clock);
        broken.processor.restore('p', stored, processor.version);
        if (luck < 0.2) broken.store('all');
        else {
          for (const [name, bytes] of stored) broken.stored.set(name, bytes);
          broken.processor.snapshot('p', 'all');
        }
      }
      await clock.advanceAsync(1000);
    }
    sent.push(...broken.sent());
    assert.ok(sent.length > 30, `${sent.length} spans`);
    assert.deepEqual(sent, whole.sent(), variant);
    const rest = new Map(broken.processor.snapshot('p', 'changed'));
    for (const [name, bytes] of rest) {
      if (bytes === undefined) broken.stored.delete(name);
      else broken.stored.set(name, bytes);
    }
    broken.stored.delete('clock');
    const all = new Map(broken.processor.snapshot('p', 'all'));
    all.delete('clock');
    if (broken.stored.size > 0) assert.deepEqual(new Map([...broken.stored].sort()), new Map([...all].sort()), variant);
  }
});

test('a snapshot is of what changed: the seconds in which traces of new spans came', async () => {
  const { take, store, clock } = await checkpointed();
  take('p', span(1, 'a'));
  await clock.advanceAsync(1000);
  take('p', span(2, 'b'));
  assert.deepEqual(store('all'), ['traces/0', 'traces/1', 'clock']);
  assert.deepEqual(store(), []);
  take('p', span(1, 'c'));
  assert.deepEqual(store(), ['traces/0', 'clock']);
  await clock.advanceAsync(1000);
  assert.deepEqual(store(), ['clock'], 'time goes on');
  await clock.advanceAsync(3000);
  assert.deepEqual(store(), ['traces/0', 'traces/1', 'clock'], 'both were decided');
  await clock.advanceAsync(1000);
  assert.deepEqual(store(), [], 'time is nothing to nobody');
});

test('traces are in the order in which they came, also where names of entries begin anew', async () => {
  const yaml = 'num_traces: 2';
  const first = await checkpointed(yaml);
  first.take('p', span(9, 'x'));
  await first.clock.advanceAsync(127_000);
  first.take('p', span(1, 'a', failed));
  await first.clock.advanceAsync(1000);
  first.take('p', span(2, 'b', failed));
  first.store('all');
  assert.deepEqual([...first.stored.keys()].sort(), ['clock', 'traces/0', 'traces/127']);
  const second = await checkpointed(yaml);
  second.processor.restore('p', first.stored, 1);
  second.take('p', span(3, 'c', failed));
  await second.clock.advanceAsync(6000);
  assert.deepEqual(second.sent(), ['b', 'c'], 'the oldest was given up');
});

test('time in which no process has the partition does not count', async () => {
  const first = await checkpointed();
  first.take('p', span(1, 'a', failed));
  await first.clock.advanceAsync(1000);
  first.store();
  const second = await checkpointed('', new FakeClock(2_000_000_000_000));
  await second.clock.advanceAsync(100_000);
  second.processor.restore('p', first.stored, 1);
  await second.clock.advanceAsync(1000);
  second.take('p', span(1, 'b'));
  assert.deepEqual(second.sent(), []);
  await second.clock.advanceAsync(1000);
  assert.deepEqual(second.sent(), ['a', 'b']);
});

test('between decision and acceptance sampled spans are in the snapshot, which waits for those under way', async () => {
  const first = await checkpointed();
  first.take('p', span(1, 'a', failed), span(2, 'b'), span(3, 'c', failed));
  const open = first.sink.hold();
  await first.clock.advanceAsync(3000);
  const underWay = first.processor.settled('p');
  assert.ok(underWay !== undefined);
  first.store();
  assert.deepEqual([...first.stored.keys()].sort(), ['clock', 'outbox', 'traces/0']);
  open();
  await underWay;
  assert.equal(first.processor.settled('p'), undefined);
  assert.deepEqual(first.store(), ['outbox', 'clock']);
  assert.deepEqual([...first.stored.keys()].sort(), ['clock', 'traces/0']);
  assert.deepEqual(first.sent(), ['a', 'c']);
});

test('what is refused for now waits, holds back the input of its partition, and outlives the process', async () => {
  for (const async of [false, true]) {
    const first = await checkpointed('num_traces: 2');
    first.sink.async = async;
    first.sink.refuse = new PipelineError('no room');
    await first.take('p', span(1, 'a', failed), span(2, 'b'));
    await first.clock.advanceAsync(5000);
    const batch = ofPartition(requestOf([span(3, 'c', failed)]), 'p');
    await assert.rejects(
      async () => first.processor.consume(batch),
      (error: PipelineError) => !error.permanent,
    );
    assert.ok(isReleased(batch));
    await first.take('q', span(9, 'q'));
    assert.equal(first.lost(), 0);
    assert.deepEqual(first.settings.logger.messages('warn'), ['Spans were refused for now, the partition waits']);
    first.store();

    const second = await checkpointed();
    second.processor.restore('p', first.stored, 1);
    assert.deepEqual(second.sent(), [], 'not before the source may hear of it');
    await second.take('p', span(1, 'late'));
    assert.deepEqual(second.sent(), ['a', 'late']);
    assert.equal(second.sink.batches[0]?.context.stream?.partition, 'p');

    first.sink.refuse = undefined;
    await first.clock.advanceAsync(1000);
    assert.deepEqual(first.sent(), ['a']);
    await first.take('p', span(3, 'c', failed));
    await first.clock.advanceAsync(3000);
    assert.deepEqual(first.sent(), ['a', 'c']);
    assert.deepEqual(first.settings.logger.messages('info'), ['Spans are taken again']);
  }
});

test('while spans are refused time stands still, as no others come in', async () => {
  const { take, sink, clock, sent } = await checkpointed();
  take('p', span(1, 'a', failed));
  await clock.advanceAsync(1000);
  take('p', span(2, 'b', failed));
  sink.refuse = new PipelineError('no room');
  await clock.advanceAsync(20_000);
  sink.refuse = undefined;
  await clock.advanceAsync(1000);
  assert.deepEqual(sent(), ['a', 'b'], 'the tick in which they are taken counts');
  take('p', span(3, 'c', failed));
  sink.refuse = new PipelineError('no room');
  take('p', span(1, 'late'));
  await clock.advanceAsync(20_000);
  sink.refuse = undefined;
  await take('p', span(3, 'c2'));
  assert.deepEqual(sent(), ['a', 'b', 'late']);
  await clock.advanceAsync(2000);
  assert.deepEqual(sent(), ['a', 'b', 'late']);
  await clock.advanceAsync(1000);
  assert.deepEqual(sent(), ['a', 'b', 'late', 'c', 'c2']);
});

test('while spans are being handed on time stands still too', async () => {
  const { take, sink, clock, sent } = await checkpointed();
  take('p', span(1, 'a', failed));
  await clock.advanceAsync(2000);
  take('p', span(2, 'b', failed));
  const open = sink.hold();
  await clock.advanceAsync(20_000);
  open();
  await take('p', span(2, 'b2'));
  await clock.advanceAsync(10);
  assert.deepEqual(sent(), ['a']);
  await clock.advanceAsync(2000);
  assert.deepEqual(sent(), ['a', 'b', 'b2']);
});

test('once spans are refused no further traces are decided, so that little waits', async () => {
  const { take, sink, clock, sent, processor } = await checkpointed();
  const many = (trace: number) => Array.from({ length: 2100 }, (_, i) => span(trace, `${trace} ${i}`, failed));
  take('p', ...many(1), ...many(2), ...many(3));
  sink.refuse = new PipelineError('no room');
  await clock.advanceAsync(10_000);
  assert.equal([...(processor.zpages[0]?.rows() ?? [])].length, 1);
  sink.refuse = undefined;
  await clock.advanceAsync(1000);
  assert.equal(sent().length, 6300);
});

test('what is refused for good is lost, counted, and holds nobody back', async () => {
  const { take, sink, clock, sent, lost, settings } = await checkpointed();
  sink.refuse = new PipelineError('never', { permanent: true });
  take('p', span(1, 'a', failed), span(1, 'a2'));
  await clock.advanceAsync(3000);
  assert.equal(lost(), 2);
  assert.deepEqual(settings.logger.messages('warn'), ['Error sending spans to destination']);
  sink.refuse = undefined;
  assert.equal(take('p', span(1, 'late')), undefined);
  assert.deepEqual(sent(), ['late']);
});

test('partitions are apart: traces, rates, and what becomes of them', async () => {
  const rate = '{name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 1, burst_capacity: 1}}';
  const { take, clock, sent, processor, sink, settings } = await checkpointed(`policies: [${rate}]\nnum_traces: 2`);
  for (const partition of ['p', 'q', 'r']) take(partition, span(1, `${partition}1`), span(2, `${partition}2`));
  assert.deepEqual(processor.partitions(), ['p', 'q', 'r']);
  processor.forget('q');
  await clock.advanceAsync(3000);
  assert.deepEqual(sent(), ['p1', 'r1'], 'one in each, and none of what was given away');
  assert.deepEqual(
    sink.batches.map(({ context }) => context.stream?.partition),
    ['p', 'r'],
  );
  assert.equal(settings.meter.value('otelcol_processor_tail_sampling_sampling_traces_on_memory', {}), 4);
  assert.equal([...(processor.zpages[0]?.rows() ?? [])].length, 4);
});

test('a record that comes again, because another component refused it, is passed over', async () => {
  const { processor, clock, sent } = await checkpointed();
  const consume = (name: string, position: bigint, attempt: number) =>
    processor.consume(ofPartition(requestOf([span(1, name, failed)]), 'p', [position, attempt]));
  consume('a', 1n, 0);
  consume('b', 1n, 0);
  consume('a', 1n, 1);
  consume('b', 1n, 1);
  consume('c', 2n, 0);
  await clock.advanceAsync(3000);
  assert.deepEqual(sent(), ['a', 'b', 'c']);
});

test('at the end nothing is decided where it is kept, and everything where it is not', async () => {
  const inKafka = await checkpointed();
  inKafka.take(undefined, span(1, 'a', failed));
  inKafka.take('p', span(2, 'b', failed));
  assert.deepEqual(inKafka.processor.partitions(), ['p']);
  await inKafka.processor.shutdown();
  assert.deepEqual(inKafka.sent(), ['a'], 'what is of no partition would not be found again');
  assert.equal(inKafka.sink.batches[0]?.context.stream, undefined);

  const onDisk = await checkpointed('', new FakeClock(), false);
  onDisk.take(undefined, span(1, 'a', failed));
  await onDisk.processor.shutdown();
  assert.deepEqual(onDisk.sent(), []);
  onDisk.store('all', '');
  const next = await checkpointed('', new FakeClock(), false);
  next.processor.restore('', onDisk.stored, 1);
  await next.clock.advanceAsync(3000);
  assert.deepEqual(next.sent(), ['a']);
  assert.equal(next.clock.pending, 1);
  await next.processor.shutdown();
  assert.equal(next.clock.pending, 0);
});

test('block_on_overflow: who waits for room in a partition that is given away comes again', async () => {
  const { take, processor } = await checkpointed('block_on_overflow: true\nnum_traces: 1');
  take('p', span(1, 'a'));
  const waiting = take('p', span(2, 'b'));
  processor.forget('p');
  await assert.rejects(
    async () => waiting,
    (error: PipelineError) => !error.permanent,
  );
});

test('a storage of its own keeps the processor out of checkpoints', async () => {
  const { keeper } = await checkpointed();
  assert.deepEqual(keeper.owners, [{ kind: 'processor', id: 'tail_sampling', name: 'traces' }]);
  const { keeper: other, settings, take, clock, sent, sink } = await checkpointed('storage: memory');
  assert.deepEqual(other.owners, []);
  assert.deepEqual(settings.logger.messages('info'), [
    'Traces are kept by the storage and take no part in checkpoints',
  ]);
  await take('p', span(1, 'a', failed));
  await clock.advanceAsync(3000);
  assert.deepEqual(sent(), ['a']);
  assert.equal(sink.batches[0]?.context.stream, undefined, 'partitions are nothing to it');
});

test('another configuration takes up what there is', async () => {
  const first = await checkpointed(CACHES);
  first.take('p', span(1, 'a', failed), span(2, 'b'));
  await first.clock.advanceAsync(3000);
  first.take('p', span(3, 'c'), span(4, 'd'), span(5, 'e'));
  first.store('all');
  const never = '{name: never, type: status_code, status_code: {status_codes: [OK]}}';
  const all = '{name: all, type: always_sample}';
  const take = async (yaml: string) => {
    const next = await checkpointed(yaml);
    next.processor.restore('p', first.stored, 1);
    next.take('p', span(1, 'late'), span(2, 'late too'));
    await next.clock.advanceAsync(4000);
    return next.sent();
  };
  assert.deepEqual(await take(`policies: [${all}]\n${CACHES}`), ['late', 'c', 'd', 'e'], 'other policies');
  assert.deepEqual(await take(`policies: [${never}]\n${CACHES}`), ['late']);
  assert.deepEqual(await take(`policies: [${all}]\nnum_traces: 3`), ['e', 'late', 'late too'], 'no caches, few traces');
});

test('what cannot be read is refused, and leaves nothing behind', async () => {
  const first = await checkpointed(CACHES);
  first.take('p', span(1, 'a', failed), span(2, 'b'));
  await first.clock.advanceAsync(3000);
  const open = first.sink.hold();
  first.take('p', span(3, 'c', failed), span(4, 'd'), span(1, 'late'));
  first.store('all');
  open();
  const names = [...first.stored.keys()].sort();
  assert.deepEqual(names, ['clock', 'others/0', 'outbox', 'sampled/0', 'traces/3']);
  const { processor } = await checkpointed(CACHES);
  assert.throws(() => processor.restore('p', first.stored, 2), /^Error: traces of version 2 cannot be read$/);
  for (const name of names) {
    const bytes = first.stored.get(name) as Buffer;
    let whole = 0;
    for (let length = 1; length < bytes.length; length++) {
      const entries = new Map([...first.stored, [name, bytes.subarray(0, length)]]);
      try {
        processor.restore('p', entries, 1);
        whole++;
        processor.forget('p');
      } catch (error) {
        assert.match(String(error), /^Error: the snapshot is damaged: /, `${name} ${length}`);
        assert.deepEqual(processor.partitions(), []);
      }
    }
    assert.ok(whole <= 1, `${name}: only where one thing ends and the next begins`);
  }
  first.stored.delete('clock');
  assert.throws(() => processor.restore('p', first.stored, 1), /the snapshot is damaged: it has no clock/);
});
