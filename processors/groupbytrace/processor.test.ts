import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased, spanNames } from '../../core/testing/spans.ts';
import { type Config, config } from './config.ts';
import { GroupByTrace } from './processor.ts';

const id = (n: number) => String(n).padStart(32, '0');

/** A request with spans `trace:name`, in scopes as given. */
function request(...scopes: string[][]): Telemetry {
  const scopeSpans = scopes.map((names, i) => ({
    scope: { name: `scope ${i}` },
    spans: names.map((name) => ({ name, traceId: id(Number(name.split(':')[0])) })),
  }));
  const json = { resourceSpans: [{ resource: {}, schemaUrl: 'http://schema', scopeSpans }] };
  const { bytes, items } = decodeJson('traces', Buffer.from(JSON.stringify(json)));
  return Telemetry.of('traces', bytes, items);
}

function started(options: Partial<Config> = {}, maxSending?: number) {
  const settings = testSettings({ id: 'groupbytrace', signals: ['traces'] });
  const sink = new SinkConsumer();
  const processor = new GroupByTrace(settings, { ...config.absent(), ...options }, sink, maxSending);
  processor.start();
  const sent = () => sink.batches.map((batch) => spanNames(batch).join());
  const metric = (name: string) => settings.meter.value(`otelcol_processor_groupbytrace_${name}`);
  return { settings, sink, processor, sent, metric };
}

test('a trace is handed on after the wait, with spans of several requests, scopes and neighbours', async () => {
  const { processor, sent, settings, sink, metric } = started();
  const first = request(['1:a', '2:b', '1:c'], ['1:d']);
  processor.consume(first);
  assert.ok(isReleased(first), 'bytes are copied, so that the memory of requests can be used again');
  settings.clock.advance(900);
  processor.consume(request(['1:e', '3:f']));
  assert.equal(metric('num_traces_in_memory'), 3);
  settings.clock.advance(99);
  assert.deepEqual(sent(), []);
  settings.clock.advance(1);
  assert.deepEqual(sent(), ['1:a,1:c,1:d,1:e', '2:b']);
  const tree = decodeTree('traces', sink.batches[0] as Telemetry);
  assert.deepEqual(
    tree.resourceSpans.map(({ schemaUrl, scopeSpans }) => [schemaUrl, scopeSpans.map((s) => s.scope?.name)]),
    [
      ['http://schema', ['scope 0']],
      ['http://schema', ['scope 1']],
      ['http://schema', ['scope 0']],
    ],
  );
  processor.consume(request(['1:late']));
  settings.clock.advance(900);
  assert.equal(sent()[2], '3:f');
  settings.clock.advance(100);
  assert.equal(sent()[3], '1:late');
  assert.deepEqual([metric('traces_released'), metric('spans_released')], [4, 7]);
  const latencies = settings.meter.series('otelcol_processor_groupbytrace_event_latency');
  assert.deepEqual(
    latencies.map(({ labels, recorded }) => `${labels.event} ${recorded.length}`),
    ['onTraceReceived 6', 'onTraceExpired 4', 'onTraceReleased 4', 'onTraceRemoved 4'],
    'each trace of a request, scope by scope, then each that ends',
  );
  assert.equal(settings.clock.pending, 0);
  await processor.shutdown();
  assert.equal(metric('num_traces_in_memory'), undefined);
});

test('with more traces than num_traces the oldest is dropped, counted and logged once', async () => {
  const { processor, sent, settings, metric } = started({ num_traces: 3, num_workers: 2 });
  assert.equal(metric('conf_num_traces'), 3, 'as it is written, though there is room for a multiple of the workers');
  assert.equal(metric('traces_evicted'), 0);
  processor.consume(request(['1:a', '2:b', '3:c']));
  processor.consume(request(['2:d', '4:e']));
  assert.deepEqual([metric('traces_evicted'), metric('incomplete_releases')], [2, 2]);
  assert.equal(settings.logger.messages('warn').length, 1);
  settings.clock.advance(1000);
  assert.deepEqual(sent(), ['3:c', '4:e']);
  settings.clock.advance(60_000);
  processor.consume(request(['5:a', '6:b', '7:c']));
  assert.equal(settings.logger.messages('warn').length, 2);
  await processor.shutdown();
});

test('shutdown hands on what is held and waits for it', async () => {
  const { processor, sent, sink } = started();
  processor.consume(request(['1:a', '0:b']));
  const open = sink.hold();
  let stopped = false;
  const stopping = processor.shutdown().then(() => {
    stopped = true;
  });
  await settle();
  assert.equal(stopped, false);
  open();
  await stopping;
  assert.deepEqual(sent(), ['1:a', '0:b']);
  assert.throws(() => processor.consume(request(['1:c'])), /has stopped/);
});

test('what the next component refuses is counted and logged', async () => {
  for (const asynchronous of [false, true]) {
    const { processor, sink, settings, metric } = started();
    sink.refuse = new PipelineError('refused', { permanent: true });
    sink.async = asynchronous;
    processor.consume(request(['1:a', '1:b']));
    await settings.clock.advanceAsync(1000);
    assert.equal(metric('lost_spans'), 2);
    assert.deepEqual(settings.logger.messages('error'), ['consume failed']);
    await processor.shutdown();
  }
});

test('while too many traces are under way, callers wait', async () => {
  const { processor, sink, settings, sent, metric } = started({ wait_duration: 0 }, 2);
  const open = sink.hold();
  processor.consume(request(['1:a', '2:b']));
  settings.clock.advance(0);
  const waiting = processor.consume(request(['3:c']));
  assert.ok(waiting instanceof Promise);
  assert.equal(metric('num_events_in_queue'), 1);
  open();
  await waiting;
  await settings.clock.advanceAsync(0);
  assert.deepEqual(sent(), ['1:a', '2:b', '3:c']);
  await processor.shutdown();
});

test('options that cannot work are refused', () => {
  const refused = {
    'discard_orphans: true': /option 'discard orphans' not supported/,
    'store_on_disk: true': /option 'disk storage' not supported/,
    'num_workers: -1': /num_workers must not be negative/,
    'num_traces: -1': /num_traces must not be negative/,
  };
  for (const [yaml, message] of Object.entries(refused)) assert.throws(() => readYaml(config, yaml), message);
});

test('there is room for one trace at least', async () => {
  for (const yaml of ['num_workers: 0', 'num_traces: 0', '{num_workers: 3, num_traces: 2}']) {
    const { processor, sent, settings } = started(readYaml(config, yaml, { strict: true }));
    processor.consume(request(['1:a']));
    settings.clock.advance(1000);
    assert.deepEqual(sent(), ['1:a'], yaml);
    await processor.shutdown();
  }
});
