import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigError } from '../../core/config/fault.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { CountConnector } from './connector.ts';

type Json = Readonly<Record<string, unknown>>;

const attributesOf = (values: Json) =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
  }));
const SHAPES = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
} as const;

function batchOf(signal: Signal, members: readonly Json[], resource: Json = {}, scope: Json = {}): Telemetry {
  const [resources, scopes, list] = SHAPES[signal];
  const groups = [{ scope: { attributes: attributesOf(scope) }, [list]: members }];
  const json = { [resources]: [{ resource: { attributes: attributesOf(resource) }, [scopes]: groups }] };
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(json)));
  return Telemetry.of(signal, bytes, items);
}

function counting(yaml = '') {
  const settings = testSettings({ id: 'count', kind: 'connector' });
  const next = new SinkConsumer();
  const connector = new CountConnector(settings, readYaml(config, yaml), { for: () => next, pipelines: new Map() });
  connector.start();
  const points = (index = 0) =>
    decodeTree('metrics', next.batches[index] as Telemetry).resourceMetrics.flatMap((resource) =>
      resource.scopeMetrics.flatMap((scope) =>
        scope.metrics.flatMap((metric) => {
          assert.deepEqual([metric.sum?.isMonotonic, metric.sum?.aggregationTemporality], [true, 1]);
          return (metric.sum?.dataPoints ?? []).map((point) => ({ metric: metric.name, ...point }));
        }),
      ),
    );
  const lines = (index = 0) =>
    points(index).map(({ metric, attributes, asInt }) => {
      const shown = attributes.map(({ key, value }) => `${key}=${valueText(value)}`);
      return `${metric}{${shown.join(' ')}} ${asInt}`;
    });
  return { connector, next, points, lines, settings };
}

test('without configuration everything is counted, each signal for itself', async () => {
  const { connector, next, lines } = counting();
  await connector.consume(batchOf('traces', [{ events: [{}, {}] }, {}, {}]));
  await connector.consume(batchOf('logs', [{}, {}]));
  const points = [{ asInt: 1 }, { asInt: 2 }];
  await connector.consume(batchOf('metrics', [{ gauge: { dataPoints: points } }, { summary: { dataPoints: [{}] } }]));
  assert.deepEqual(lines(0), ['trace.span.count{} 3', 'trace.span.event.count{} 2']);
  assert.deepEqual(lines(1), ['log.record.count{} 2']);
  assert.deepEqual(lines(2), ['metric.count{} 2', 'metric.datapoint.count{} 3']);
  assert.equal(next.calls, 3);
});

test('an empty section has its default, one with metrics does not', async () => {
  const { connector, lines } = counting('spans: {}\nspanevents: {mine: {description: d}}');
  await connector.consume(batchOf('traces', [{ events: [{}] }]));
  assert.deepEqual(lines(), ['trace.span.count{} 1', 'mine{} 1']);
});

test('by attributes of the item, the scope or the resource; types differ; what is missing is not counted', async () => {
  const { connector, lines } = counting('logs: {n: {attributes: [{key: a}, {key: b, default_value: 0}]}}');
  const logs = [{ a: 1 }, { a: '1' }, { a: 1, b: 0 }, { b: 1 }, { a: 1, b: 'x' }];
  await connector.consume(
    batchOf(
      'logs',
      logs.map((values) => ({ attributes: attributesOf(values) })),
    ),
  );
  assert.deepEqual(lines(), ['n{a=1 b=0} 2', 'n{a=1 b=0} 1', 'n{a=1 b=x} 1']);
  await connector.consume(batchOf('logs', [{}], { a: 'resource', b: 'resource' }, { a: 'scope' }));
  assert.deepEqual(lines(1), ['n{a=scope b=resource} 1']);
});

test('an empty value is a value, and which of two it is makes a difference', async () => {
  const { connector, lines } = counting('logs: {n: {attributes: [{key: a}, {key: b}]}}');
  const [x, empty] = [{ stringValue: 'x' }, {}];
  const of = (a: Json, b: Json) => ({
    attributes: [
      { key: 'a', value: a },
      { key: 'b', value: b },
    ],
  });
  await connector.consume(batchOf('logs', [of(x, empty), of(empty, x)]));
  assert.deepEqual(lines(), ['n{a=x b=} 1', 'n{a= b=x} 1']);
});

test('nothing to count is an empty batch', async () => {
  const { connector, next } = counting('logs: {n: {attributes: [{key: a}]}}');
  await connector.consume(batchOf('logs', [{}, {}]));
  assert.deepEqual([next.batches[0]?.items, next.batches[0]?.byteLength], [0, 0]);
});

test('times are those of the items, or now', async () => {
  const { connector, points, settings } = counting();
  const span = (start: number, end: number) => ({ startTimeUnixNano: start, endTimeUnixNano: end });
  await connector.consume(batchOf('traces', [span(50, 70), span(0, 90), { events: [{}] }]));
  const now = settings.clock.nowNanos();
  assert.deepEqual(
    points().map(({ startTimeUnixNano, timeUnixNano }) => [startTimeUnixNano, timeUnixNano]),
    [
      [50n, 90n],
      [now, now],
    ],
  );
});

test('times of one batch do not reach into the next', async () => {
  const { connector, points } = counting();
  for (const timeUnixNano of [9, 5]) await connector.consume(batchOf('logs', [{ timeUnixNano }]));
  assert.deepEqual([points(0)[0]?.timeUnixNano, points(1)[0]?.timeUnixNano], [9n, 5n]);
});

test('a metric without data is an error, as in the collector, and nothing is counted from it later', async () => {
  const { connector, next, lines } = counting();
  const bad = batchOf('metrics', [{ name: 'empty' }, { gauge: { dataPoints: [{ asInt: 1 }] } }]);
  assert.throws(
    () => connector.consume(bad),
    (error: PipelineError) => !error.permanent && error.message.includes('metric "empty": invalid metric type: Empty'),
  );
  assert.equal(next.calls, 0);
  await connector.consume(batchOf('metrics', [{ gauge: { dataPoints: [{ asInt: 1 }] } }]));
  assert.deepEqual(lines(), ['metric.count{} 1', 'metric.datapoint.count{} 1']);
});

test('a refusal reaches the sender, and after the end everything is refused', async () => {
  const { connector, next } = counting();
  next.refuse = new PipelineError('not now');
  const batch = batchOf('logs', [{}]);
  assert.throws(() => connector.consume(batch), next.refuse);
  assert.ok(isReleased(batch));
  connector.shutdown();
  assert.throws(() => connector.consume(batchOf('logs', [{}])), /has stopped/);
});

const REFUSED: readonly (readonly [yaml: string, message: string])[] = [
  ['spans: {"": {}}', 'spans: metric name missing'],
  ['metrics: {x: {attributes: [{key: a}]}}', 'metrics attributes not supported: metric "x"'],
  ['logs: {x: {attributes: [{}]}}', 'logs attributes: metric "x": attribute key missing'],
  ['datapoints: {x: {attributes: [{}]}}', 'spans attributes: metric "x": attribute key missing'],
  ['spans: {x: {conditions: ["true"]}}', 'spans condition: metric "x": conditions (OTTL) are not available yet'],
];

for (const [yaml, message] of REFUSED) {
  test(`refused: ${yaml}`, () => {
    assert.throws(
      () => readYaml(config, yaml),
      (error: ConfigError) => error.message.includes(message) || assert.fail(error.message),
    );
  });
}

test('unknown keys have no effect, as in the collector', async () => {
  const { connector, lines } = counting('spams: {}\nspans: {x: {unit: s, attributes: [{key: a, kind: b}]}}');
  await connector.consume(batchOf('traces', [{ attributes: attributesOf({ a: 'b' }) }]));
  assert.deepEqual(lines(), ['x{a=b} 1']);
});
