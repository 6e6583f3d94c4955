import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree, type Metric } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { type Config, config } from './config.ts';
import { Interval } from './processor.ts';

const MINUTE = 60_000;

function request(...metrics: object[]): Telemetry {
  const json = { resourceMetrics: [{ scopeMetrics: [{ scope: { name: 's' }, metrics }] }] };
  const { bytes, items } = decodeJson('metrics', Buffer.from(JSON.stringify(json)));
  return Telemetry.of('metrics', bytes, items);
}

const attributes = (host: string) => [{ key: 'host', value: { stringValue: host } }];
const point = (time: string, asInt: string, host = 'a') => ({
  timeUnixNano: time,
  asInt,
  attributes: attributes(host),
});
const sum = (dataPoints: object[], temporality = 2, isMonotonic = true) => ({
  name: 'sum',
  sum: { aggregationTemporality: temporality, isMonotonic, dataPoints },
});
const gauge = (...dataPoints: object[]) => ({ name: 'gauge', gauge: { dataPoints } });

function started(options: Partial<Config> = {}, maxPoints?: number) {
  const settings = testSettings({ id: 'interval', signals: ['metrics'] });
  const sink = new SinkConsumer();
  const processor = new Interval(settings, { ...config.absent(), ...options }, sink, maxPoints);
  processor.start();
  return { settings, sink, processor, sent: () => sink.batches.map(values) };
}

const metricsOf = (batch: Telemetry): Metric[] =>
  decodeTree('metrics', batch).resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics));

/** `name=value,value` of each metric. */
function values(batch: Telemetry): string {
  const of = (metric: Metric) => (metric.sum ?? metric.gauge)?.dataPoints.map((p) => p.asInt) ?? [];
  return metricsOf(batch)
    .map((metric) => `${metric.name}=${of(metric)}`)
    .join(' ');
}

test('of each series the last point is handed on once in an interval', async () => {
  const { processor, sent, settings } = started();
  const first = request(sum([point('2', '10'), point('1', '9'), point('1', '1', 'b')]), gauge(point('5', '7')));
  assert.equal(processor.consume(first), undefined);
  assert.ok(isReleased(first));
  processor.consume(request(sum([point('3', '11'), point('1', '2', 'b')])));
  settings.clock.advance(MINUTE - 1);
  assert.deepEqual(sent(), []);
  settings.clock.advance(1);
  assert.deepEqual(sent(), ['sum=11,1 gauge=7'], 'of points with one time the first stays');
  settings.clock.advance(MINUTE);
  assert.equal(sent().length, 1, 'nothing new, nothing sent');
  processor.consume(request(sum([point('4', '12')])));
  await processor.shutdown();
  assert.deepEqual(sent().slice(1), ['sum=12'], 'shutdown hands on what is held');
  assert.throws(() => processor.consume(request(gauge(point('1', '1')))), /has stopped/);
  assert.equal(settings.clock.pending, 0);
});

test('deltas and sums that go down pass at once, and what the configuration lets pass', async () => {
  const { processor, sent } = started({ pass_through: { gauge: true, summary: true } });
  const held = sum([point('1', '1')]);
  processor.consume(request(sum([point('1', '2')], 1), held, sum([point('1', '3')], 2, false), gauge(point('1', '4'))));
  processor.consume(request({ name: 'summary', summary: { dataPoints: [{ count: '1' }] } }, { name: 'none' }));
  assert.deepEqual(sent(), ['sum=2 sum=3 gauge=4', 'summary= none=']);
  await processor.shutdown();
  assert.deepEqual(sent().slice(2), ['sum=1']);
});

test('histograms and summaries are kept whole', async () => {
  const { processor, sink } = started();
  const histogram = { count: '2', bucketCounts: ['1', '1'], explicitBounds: [1], timeUnixNano: '1' };
  const cumulative = { aggregationTemporality: 2 };
  processor.consume(
    request(
      { name: 'h', unit: 'ms', histogram: { ...cumulative, dataPoints: [histogram] } },
      { name: 'e', exponentialHistogram: { ...cumulative, dataPoints: [{ count: '1', scale: 2 }] } },
      { name: 's', summary: { dataPoints: [{ count: '3', sum: 1 }] } },
    ),
  );
  await processor.shutdown();
  const [h, e, s] = metricsOf(sink.batches[0] as Telemetry);
  assert.deepEqual([h?.unit, h?.histogram?.aggregationTemporality], ['ms', 2]);
  assert.deepEqual(h?.histogram?.dataPoints[0]?.bucketCounts, [1n, 1n]);
  assert.equal(e?.exponentialHistogram?.dataPoints[0]?.scale, 2);
  assert.equal(s?.summary?.dataPoints[0]?.count, 3n);
});

test('one batch is under way at a time', async () => {
  const { processor, sink, settings, sent } = started();
  const open = sink.hold();
  processor.consume(request(gauge(point('1', '1'))));
  settings.clock.advance(MINUTE);
  processor.consume(request(gauge(point('1', '2'))));
  settings.clock.advance(MINUTE);
  assert.equal(sink.calls, 1);
  open();
  await settle();
  settings.clock.advance(MINUTE);
  assert.deepEqual(sent(), ['gauge=1', 'gauge=2']);
  await processor.shutdown();
});

test('too many points are handed on early, and refused while that is not possible', async () => {
  const { processor, sink, sent } = started({}, 2);
  const two = () => request(gauge(point('1', '1'), point('1', '2', 'b')));
  processor.consume(two());
  assert.deepEqual(sent(), ['gauge=1,2']);
  const open = sink.hold();
  processor.consume(two());
  processor.consume(two());
  const refused = two();
  assert.throws(() => processor.consume(refused), /too many points/);
  assert.ok(isReleased(refused));
  open();
  await processor.shutdown();
  assert.equal(sent().length, 3);
});

test('what the next component refuses is counted and logged', async () => {
  for (const asynchronous of [false, true]) {
    const { processor, sink, settings } = started();
    sink.refuse = new PipelineError('refused');
    sink.async = asynchronous;
    processor.consume(request(gauge(point('1', '1'))));
    await settings.clock.advanceAsync(MINUTE);
    assert.equal(settings.meter.value('otelcol_processor_interval_lost_points'), 1);
    assert.deepEqual(settings.logger.messages('error'), ['Metrics export failed']);
    await processor.shutdown();
  }
});

test('an interval of nothing is refused', () => {
  assert.throws(() => readYaml(config, 'interval: 0s'), /invalid interval value/);
});
