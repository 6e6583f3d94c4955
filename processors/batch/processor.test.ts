import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { PipelineError } from '../../core/error.ts';
import { StatusCode } from '../../core/status-code.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { contextWith, isReleased, spanBatch, spanNames } from '../../core/testing/spans.ts';
import { type Config, config } from './config.ts';
import { BatchProcessor } from './processor.ts';

const PREFIX = 'otelcol_processor_batch';

function started(options: Partial<Config> = {}) {
  const settings = testSettings({ id: 'batch', signals: ['traces'] });
  const sink = new SinkConsumer();
  const processor = new BatchProcessor(settings, { ...config.absent(), ...options }, sink);
  processor.start();
  const sent = () => sink.batches.map((batch) => spanNames(batch).join());
  return { settings, sink, processor, sent, metric: (name: string) => settings.meter.value(`${PREFIX}_${name}`) };
}

const many = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

test('requests are appended whole and sent at send_batch_size', async () => {
  const { processor, sent, metric, sink } = started({ send_batch_size: 4 });
  assert.equal(processor.consume(spanBatch(['a', 'b'])), undefined, 'acknowledged at once');
  processor.consume(spanBatch(['c']));
  assert.deepEqual(sent(), []);
  processor.consume(spanBatch(['d', 'e', 'f']));
  assert.deepEqual(sent(), ['a,b,c,d,e,f']);
  assert.equal(metric('batch_size_trigger_send'), 1);
  assert.equal(metric('timeout_trigger_send'), undefined);
  assert.equal(metric('batch_send_size'), 6);
  assert.equal(metric('batch_send_size_bytes'), sink.batches[0]?.byteLength);
  assert.equal(metric('metadata_cardinality'), 1);
  await processor.shutdown();
  assert.equal(metric('metadata_cardinality'), 0);
});

test('what is open is sent after the timeout, counted from its first request', async () => {
  const { processor, sent, settings, metric } = started({ timeout: 200 });
  processor.consume(spanBatch(['a']));
  settings.clock.advance(150);
  processor.consume(spanBatch(['b']));
  settings.clock.advance(49);
  assert.deepEqual(sent(), []);
  settings.clock.advance(1);
  assert.deepEqual(sent(), ['a,b']);
  assert.equal(metric('timeout_trigger_send'), 1);
  assert.equal(settings.clock.pending, 0, 'no timer without data');
  await processor.shutdown();
});

test('send_batch_max_size splits; the rest waits with a new timer', async () => {
  const { processor, sent, settings } = started({ send_batch_size: 4, send_batch_max_size: 5, timeout: 200 });
  settings.clock.advance(100);
  processor.consume(spanBatch(['a']));
  settings.clock.advance(150);
  processor.consume(spanBatch(many('s', 12)));
  assert.deepEqual(sent(), ['a,s0,s1,s2,s3', 's4,s5,s6,s7,s8']);
  settings.clock.advance(199);
  assert.equal(sent().length, 2);
  settings.clock.advance(1);
  assert.deepEqual(sent().slice(2), ['s9,s10,s11']);
  await processor.shutdown();
});

test('timeout 0 or send_batch_size 0 sends each request at once, still split', async () => {
  for (const options of [{ timeout: 0 }, { send_batch_size: 0 }]) {
    const { processor, sent, settings } = started({ ...options, send_batch_max_size: 8192 });
    processor.consume(spanBatch(['a']));
    processor.consume(spanBatch(['b']));
    assert.deepEqual(sent(), ['a', 'b']);
    assert.equal(settings.clock.pending, 0);
    await processor.shutdown();
  }
  const { processor, sent } = started({ timeout: 0, send_batch_size: 0, send_batch_max_size: 2 });
  processor.consume(spanBatch(['a', 'b', 'c']));
  assert.deepEqual(sent(), ['a,b', 'c']);
  await processor.shutdown();
});

test('a request without items is accepted and leaves nothing', async () => {
  const { processor, sink, settings } = started();
  const empty = spanBatch([]);
  processor.consume(empty);
  assert.equal(isReleased(empty), true);
  assert.equal(settings.clock.pending, 0);
  await processor.shutdown();
  assert.equal(sink.calls, 0);
});

test('shutdown sends the rest and waits for it; afterwards requests are refused', async () => {
  const { processor, sink, sent, settings } = started({ timeout: 60_000 });
  const open = sink.hold();
  const first = spanBatch(['a']);
  processor.consume(first);
  let stopped = false;
  const stopping = Promise.all([processor.shutdown(), processor.shutdown()]).then(() => {
    stopped = true;
  });
  await settle();
  assert.equal(stopped, false);
  open();
  await stopping;
  assert.deepEqual(sent(), ['a']);
  assert.equal(settings.clock.pending, 0);
  const late = spanBatch(['late']);
  assert.throws(
    () => processor.consume(late),
    (error: PipelineError) => !error.permanent,
  );
  assert.equal(isReleased(late), true);
  sink.clear();
  assert.equal(isReleased(first), true);
});

test('a batch that is refused is lost, logged and counted', async () => {
  for (const async of [false, true]) {
    const { processor, sink, settings, metric } = started({ send_batch_size: 2 });
    sink.async = async;
    sink.refuse = new PipelineError('no room');
    processor.consume(spanBatch(['a', 'b', 'c']));
    await settle();
    assert.deepEqual(settings.logger.lines, [
      { level: 'warn', message: 'Sender failed', fields: { error: 'no room', lost_items: 3 } },
    ]);
    assert.equal(settings.meter.value(`${PREFIX}_lost_items`, { processor: 'batch', otel_signal: 'traces' }), 3);
    assert.equal(metric('batch_size_trigger_send'), undefined);
    sink.refuse = undefined;
    processor.consume(spanBatch(['d', 'e']));
    await processor.shutdown();
    assert.deepEqual(sink.sizes, [2], 'it goes on');
  }
});

test('while a batch is being sent few requests are taken in and further callers wait', async () => {
  const { processor, sink, sent } = started({ send_batch_size: 1 });
  const open = sink.hold();
  processor.consume(spanBatch(['first']));
  const taken = many('t', availableParallelism());
  for (const name of taken) assert.equal(processor.consume(spanBatch([name])), undefined);
  const waiting = many('w', 3).map((name) => processor.consume(spanBatch([name])));
  assert.ok(waiting.every((outcome) => outcome instanceof Promise));
  assert.equal(sink.calls, 1);
  open();
  await Promise.all(waiting);
  await processor.shutdown();
  assert.deepEqual(sent(), ['first', ...taken, ...many('w', 3)]);
});

test('a timeout that passes while a batch is being sent is kept', async () => {
  const { processor, sink, settings, sent } = started({ send_batch_size: 3, send_batch_max_size: 3, timeout: 100 });
  const open = sink.hold();
  processor.consume(spanBatch(['a', 'b', 'c', 'd']));
  settings.clock.advance(100);
  assert.equal(sink.calls, 1);
  open();
  await settle();
  assert.deepEqual(sent(), ['a,b,c', 'd']);
  await processor.shutdown();
});

test('each combination of metadata has a batch of its own, which carries it on', async () => {
  const { processor, sink, settings, metric } = started({ metadata_keys: ['X-Tenant', 'b'], timeout: 100 });
  const from = (name: string, metadata: Record<string, string[]>) =>
    processor.consume(spanBatch([name], {}, contextWith({ ...metadata, other: [name] })));
  from('a1', { 'x-tenant': ['a'] });
  from('ab', { 'x-tenant': ['a'], b: ['1'] });
  from('two', { 'x-tenant': ['a', 'b'] });
  from('a2', { 'x-tenant': ['a'] });
  from('none', {});
  from('empty', { 'x-tenant': [''] });
  assert.equal(metric('metadata_cardinality'), 5);
  settings.clock.advance(100);
  assert.deepEqual(
    sink.batches.map((batch) => [spanNames(batch).join(), Object.fromEntries(batch.context.metadata)]),
    [
      ['a1,a2', { 'x-tenant': ['a'] }],
      ['ab', { 'x-tenant': ['a'], b: ['1'] }],
      ['two', { 'x-tenant': ['a', 'b'] }],
      ['none', {}],
      ['empty', { 'x-tenant': [''] }],
    ],
  );
  await processor.shutdown();
});

test('combinations beyond the limit are refused for good, known ones go on', async () => {
  const { processor, sink, settings } = started({ metadata_keys: ['t'], metadata_cardinality_limit: 2, timeout: 100 });
  const from = (tenant: string) => {
    const batch = spanBatch([tenant], {}, contextWith({ t: [tenant] }));
    processor.consume(batch);
    return batch;
  };
  from('a');
  from('b');
  settings.clock.advance(100);
  assert.throws(
    () => from('c'),
    (error: PipelineError) => {
      assert.equal(error.message, 'too many batcher metadata-value combinations');
      assert.equal(error.code, StatusCode.INTERNAL);
      return error.permanent;
    },
  );
  from('a');
  await processor.shutdown();
  assert.equal(sink.items, 3);
});

test('context of merged requests is not that of one of them', async () => {
  const { processor, sink } = started({ send_batch_size: 1 });
  processor.consume(spanBatch(['a'], {}, contextWith({ tenant: ['a'] })));
  assert.equal(sink.batches[0]?.context.metadata.size, 0);
  await processor.shutdown();
});

test('shutdown without start', async () => {
  await new BatchProcessor(testSettings(), config.absent(), new SinkConsumer()).shutdown();
});
