import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckpointSource, Checkpoints } from '../../core/checkpoint.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import type { RecordBatch } from '../../core/kafka/client.ts';
import { Leases } from '../../core/kafka/leases.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { spanBatch, spanNames } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { decoderOf } from './decode.ts';
import { ConsumedMetrics } from './metrics.ts';
import { Processor } from './processor.ts';

/** A processor whose checkpoints are the test. */
function setUp(position: bigint | undefined) {
  const settings = testSettings({ id: 'kafka', kind: 'receiver' });
  const sink = new SinkConsumer();
  const told: string[] = [];
  const sources: CheckpointSource[] = [];
  const state: { due?: Promise<void> } = {};
  const keeper: Checkpoints = {
    exactlyOnce: true,
    register: async () => {},
    emit: () => true,
    async open(source) {
      sources.push(source);
      return {
        position,
        before: (at) => {
          told.push(`before ${at}`);
          return state.due;
        },
        idle: (at) => {
          told.push(`idle ${at}`);
        },
        close: async () => {},
      };
    },
  };
  const processor = new Processor({
    settings,
    config: readYaml(config, ''),
    signal: 'traces',
    decode: decoderOf('traces', 'otlp_proto'),
    consumer: sink,
    metrics: new ConsumedMetrics(settings, false),
    leases: new Leases(settings, keeper, () => {}),
  });
  return { processor, sink, told, sources, state, settings };
}

function batchOf(first: number, ...names: string[]) {
  const done: bigint[] = [];
  const state = { active: true };
  const batch: RecordBatch = {
    topic: 't',
    partition: 0,
    records: names.map((name, i) => ({
      offset: BigInt(first + i),
      timestamp: 0,
      key: undefined,
      value: Buffer.from(spanBatch([name], { 'service.name': 'shop' }).bytes()),
      headers: [],
    })),
    highWatermark: 10n,
    active: () => state.active,
    done: ({ offset }) => done.push(offset),
  };
  return { batch, done, state };
}

const seen = (sink: SinkConsumer) => sink.batches.flatMap(spanNames);

test('what is before the position of the state is not handed on, and done is what is stored', async () => {
  const { processor, sink, told, sources } = setUp(6n);
  const { batch, done } = batchOf(4, 'a', 'b', 'c', 'd');
  await processor.handle(batch);
  assert.deepEqual(seen(sink), ['c', 'd']);
  assert.deepEqual(told, ['before 6', 'before 7', 'idle 8']);
  assert.deepEqual(done, []);
  sources[0]?.stored(8n);
  assert.deepEqual(done, [7n]);
});

test('records that come again under the same lease are not handed on again', async () => {
  const { processor, sink } = setUp(undefined);
  await processor.handle(batchOf(0, 'a', 'b').batch);
  await processor.handle(batchOf(1, 'b', 'c').batch);
  assert.deepEqual(seen(sink), ['a', 'b', 'c']);
});

test('a checkpoint holds back the next record, and after one that failed nothing is handed on', async () => {
  const { processor, sink, state, told } = setUp(undefined);
  const due = Promise.withResolvers<void>();
  state.due = due.promise;
  const handled = processor.handle(batchOf(0, 'a', 'b').batch);
  await settle();
  assert.deepEqual(seen(sink), []);
  due.reject(new Error('fenced'));
  await handled;
  assert.deepEqual(seen(sink), []);
  assert.deepEqual(told, ['before 0']);
});

test('a partition that is given away during a refusal ends before the record, which is not done', async () => {
  const { processor, sink, settings, told } = setUp(undefined);
  sink.refuse = new PipelineError('full');
  const { batch, state, done } = batchOf(0, 'a', 'b');
  const handled = processor.handle(batch);
  await settle();
  state.active = false;
  settings.clock.advance(10_000);
  await handled;
  assert.deepEqual(told, ['before 0']);
  assert.deepEqual(done, []);
});

test('attempts say which they are, so that who has the record passes over it', async () => {
  const { processor, sink, settings } = setUp(undefined);
  sink.refuse = new PipelineError('full');
  const handled = processor.handle(batchOf(3, 'a').batch);
  await settle();
  sink.refuse = undefined;
  for (let i = 0; i < 100 && sink.batches.length === 0; i++) {
    settings.clock.advance(200);
    await settle();
  }
  await handled;
  const { stream } = sink.batches[0]?.context ?? {};
  assert.deepEqual(stream?.delivery, { position: 3n, attempt: 1 });
});

test('a partition that is given away between two records may have a last checkpoint there', async () => {
  const { processor, sink, told, state } = setUp(undefined);
  const { batch, state: life } = batchOf(0, 'a', 'b');
  const due = Promise.withResolvers<void>();
  state.due = due.promise;
  const handled = processor.handle(batch);
  await settle();
  life.active = false;
  due.resolve();
  await handled;
  assert.deepEqual(seen(sink), []);
  assert.deepEqual(told, ['before 0', 'idle 0']);
});

test('a batch that is all before the position of the state does not take the position back', async () => {
  const { processor, sink, told } = setUp(6n);
  await processor.handle(batchOf(2, 'a', 'b').batch);
  assert.deepEqual(seen(sink), []);
  assert.deepEqual(told, ['idle 6']);
});

test('a partition that is new here is at the position of its state, or at none', async () => {
  const known = setUp(6n);
  await known.processor.handle(batchOf(0).batch);
  assert.deepEqual(known.told, ['idle 6']);
  const fresh = setUp(undefined);
  await fresh.processor.handle(batchOf(0).batch);
  assert.deepEqual(fresh.told, []);
});
