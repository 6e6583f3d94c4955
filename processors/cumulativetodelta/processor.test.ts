import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree, type Metric } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { type Config, config } from './config.ts';
import { CumulativeToDelta } from './processor.ts';

const HOUR = 3_600_000;
/** When the fake clock stands, in nanoseconds. */
const NOW = 1_581_452_772_000_000_000n;

function started(options: Partial<Config> = {}) {
  const settings = testSettings({ id: 'cumulativetodelta', signals: ['metrics'] });
  const sink = new SinkConsumer();
  const processor = new CumulativeToDelta(settings, { ...config.absent(), initial_value: 'keep', ...options }, sink);
  processor.start();
  const send = (...metrics: object[]): Metric[] => {
    sink.clear();
    const json = { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
    const { bytes, items } = decodeJson('metrics', Buffer.from(JSON.stringify(json)));
    const batch = Telemetry.of('metrics', bytes, items);
    processor.consume(batch);
    assert.ok(isReleased(batch));
    return sink.batches.flatMap((out) =>
      decodeTree('metrics', out).resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics)),
    );
  };
  const metric = (name: string, labels = {}) => settings.meter.value(`otelcol_cumulativetodelta_${name}`, labels);
  return { settings, sink, processor, send, metric };
}

const sum = (...dataPoints: object[]) => ({
  name: 'requests',
  sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints },
});
const histogram = (...dataPoints: object[]) => ({ name: 'h', histogram: { aggregationTemporality: 2, dataPoints } });
const exponential = (point: object) => ({
  name: 'e',
  exponentialHistogram: { aggregationTemporality: 2, dataPoints: [point] },
});
/** Of a sum: temporality, then start time, time and value of each point. */
const shown = ([metric]: Metric[]) => [
  metric?.sum?.aggregationTemporality,
  ...(metric?.sum?.dataPoints ?? []).map((p) => `${p.startTimeUnixNano}-${p.timeUnixNano} ${p.asInt ?? p.asDouble}`),
];

test('a point becomes the difference to the one before', () => {
  const { send, metric } = started();
  const at = (timeUnixNano: string, asInt: string) => sum({ startTimeUnixNano: '5', timeUnixNano, asInt });
  assert.deepEqual(shown(send(at('10', '100'))), [1, '0-10 100']);
  assert.deepEqual(shown(send(at('20', '130'))), [1, '10-20 30']);
  assert.deepEqual(shown(send(at('30', '130'))), [1, '20-30 0']);
  const large = String(2n ** 62n + 7n);
  assert.deepEqual(shown(send(at('40', large))), [1, `30-40 ${BigInt(large) - 130n}`]);
  assert.equal(metric('datapoints', { metric_type: 'sum' }), 4);
  assert.equal(metric('streams_tracked'), 1);
});

test('doubles, negative numbers and points without a value', () => {
  const { send, sink } = started();
  const both = (a: object, b: object) => [shown(send(sum(a))), shown(send(sum(b)))];
  assert.deepEqual(both({ asDouble: 1.5 }, { asDouble: 4 }), [
    [1, '0-0 1.5'],
    [1, '0-0 2.5'],
  ]);
  assert.deepEqual(both({ asInt: '-4294967297' }, { asInt: '1' }), [
    [1, '0-0 -4294967297'],
    [1, '0-0 4294967298'],
  ]);
  assert.deepEqual(both({}, {}), [
    [1, '0-0 0'],
    [1, '0-0 0'],
  ]);
  assert.deepEqual(both({ asDouble: 'NaN' }, { asDouble: 'NaN' }), [
    [1, '0-0 NaN'],
    [1, '0-0 NaN'],
  ]);
  assert.deepEqual(send(sum({ asInt: '9', flags: 1 })), []);
  assert.equal(sink.calls, 8);
});

test('a sum that began anew is dropped once', () => {
  const { send, metric, sink } = started();
  send(sum({ asInt: '100' }));
  assert.deepEqual(send(sum({ asInt: '40', timeUnixNano: '7' })), []);
  assert.equal(sink.calls, 1, 'nothing left, nothing sent');
  assert.deepEqual(shown(send(sum({ asInt: '45' }))), [1, '7-0 5']);
  assert.equal(metric('datapoints_dropped', { metric_type: 'sum', reason: 'reset' }), 1);
  send(sum({ asDouble: 5 }));
  assert.deepEqual(send(sum({ asDouble: 4.5 })), []);
});

test('the first point: auto sends it where the series began after this process', () => {
  const first = (initial_value: Config['initial_value'], start: bigint, time: bigint) =>
    shown(
      started({ initial_value }).send(sum({ startTimeUnixNano: `${start}`, timeUnixNano: `${time}`, asInt: '3' })),
    )[1];
  assert.equal(first('auto', NOW + 5n, NOW + 9n), `${NOW + 5n}-${NOW + 9n} 3`);
  assert.equal(first('auto', NOW, NOW + 9n), `${NOW}-${NOW + 9n} 3`);
  assert.equal(first('auto', NOW - 1n, NOW + 9n), undefined);
  assert.equal(first('auto', NOW + 5n, NOW + 5n), undefined);
  assert.equal(first('drop', NOW + 5n, NOW + 9n), undefined);
  assert.equal(first('keep', 5n, 9n), '0-9 3');
  const { send, metric } = started({ initial_value: 'drop' });
  send(sum({ asInt: '1' }));
  assert.equal(metric('datapoints_dropped', { reason: 'initial' }), 1);
});

test('series are told by attributes in any order, start time, unit and type of value', () => {
  const { send } = started();
  const [a, b] = [
    { key: 'a', value: { stringValue: 'x' } },
    { key: 'b', value: { kvlistValue: { values: [{ key: 'k', value: { intValue: '1' } }] } } },
  ];
  send(sum({ asInt: '1', attributes: [a, b] }, { asInt: '1', attributes: [a] }));
  const next = [
    { asInt: '3', attributes: [b, a] },
    { asInt: '5', attributes: [a] },
    { asInt: '9', attributes: [b] },
  ];
  assert.deepEqual(shown(send(sum(...next))), [1, '0-0 2', '0-0 4', '0-0 9']);
  assert.deepEqual(shown(send(sum({ asInt: '50', attributes: [b], startTimeUnixNano: '1' }))), [1, '0-0 50']);
  assert.deepEqual(shown(send(sum({ asDouble: 50, attributes: [b] }))), [1, '0-0 50']);
  assert.deepEqual(shown(send({ ...sum({ asInt: '50', attributes: [b] }), unit: 's' })), [1, '0-0 50']);
});

test('what is not cumulative and monotonic passes as it is', () => {
  const { send, sink } = started();
  const delta = { name: 'd', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ asInt: '5' }] } };
  const upDown = { name: 'u', sum: { aggregationTemporality: 2, dataPoints: [{ asInt: '5' }] } };
  const gauge = { name: 'g', gauge: { dataPoints: [{ asInt: '5' }] } };
  const others = [delta, upDown, gauge, histogram(), { name: 'none' }];
  const names = send(...others, sum()).map((m) => m.name);
  assert.deepEqual(names, ['d', 'u', 'g', 'h', 'none'], 'only the sum without points is gone');
  assert.deepEqual(sink.sizes, [3]);
});

test('histograms', () => {
  const { send, metric } = started();
  const point = (counts: number[], more: object = {}) => ({
    count: String(counts.reduce((a, b) => a + b)),
    bucketCounts: counts.map(String),
    explicitBounds: [1, 2],
    sum: 10,
    min: 1,
    max: 2,
    ...more,
  });
  const of = ([m]: Metric[]) => m?.histogram?.dataPoints.map((p) => [p.count, p.sum, p.bucketCounts, p.min, p.max])[0];
  assert.deepEqual(of(send(histogram(point([1, 2, 3])))), [6n, 10, [1n, 2n, 3n], undefined, undefined]);
  assert.deepEqual(of(send(histogram(point([2, 2, 5], { sum: 16 })))), [3n, 6, [1n, 0n, 2n], undefined, undefined]);
  assert.deepEqual(of(send(histogram(point([3, 2, 5], { sum: 'NaN' })))), [
    1n,
    Number.NaN,
    [1n, 0n, 0n],
    undefined,
    undefined,
  ]);
  assert.deepEqual(of(send(histogram(point([3, 3, 5], { sum: 20 })))), [1n, 4, [0n, 1n, 0n], undefined, undefined]);
  assert.deepEqual(of(send(histogram(point([1, 0, 0])))), [1n, 10, [1n, 0n, 0n], undefined, undefined], 'began anew');
  assert.equal(of(send(histogram(point([1, 1])))), undefined);
  assert.equal(of(send(histogram(point([1, 2], { explicitBounds: [9] })))), undefined);
  assert.equal(metric('datapoints_dropped', { metric_type: 'histogram', reason: 'bucket_mismatch' }), 2);
});

test('exponential histograms, also when scale and zero bucket change', () => {
  const { send, metric } = started();
  const point = (scale: number, offset: number, counts: number[], more: object = {}) => ({
    scale,
    positive: { offset, bucketCounts: counts.map(String) },
    count: String(counts.reduce((a, b) => a + b)),
    max: 3,
    ...more,
  });
  const of = ([m]: Metric[]) => {
    const [p] = m?.exponentialHistogram?.dataPoints ?? [];
    return p && [p.count, p.zeroCount, p.positive?.offset ?? 0, p.positive?.bucketCounts ?? [], p.max];
  };
  const step = (next: object) => of(send(exponential(next)));
  assert.deepEqual(step(point(1, -1, [1, 2, 3])), [6n, 0n, -1, [1n, 2n, 3n], undefined]);
  assert.deepEqual(step(point(1, -1, [1, 4, 3, 0, 1])), [3n, 0n, 0, [2n, 0n, 0n, 1n], undefined]);
  assert.deepEqual(step(point(0, -1, [2, 7, 1])), [1n, 0n, -1, [1n], undefined], 'coarser by one');
  const zero = { zeroThreshold: 1, zeroCount: '3', count: '11' };
  assert.deepEqual(step(point(0, 0, [7, 1], zero)), [1n, 1n, 0, [], undefined], 'the zero bucket took one in');
  assert.equal(step(point(0, 0, [1])), undefined, 'fewer than before');
  assert.equal(step(point(1, 0, [7, 7], zero)), undefined, 'finer than before');
  assert.deepEqual(step(point(0, 0, [9, 1], { ...zero, count: '13' })), [2n, 0n, 0, [2n], undefined]);
  assert.equal(metric('datapoints_dropped', { metric_type: 'exponential_histogram', reason: 'reset' }), 2);
});

test('exponential histograms: what the zero bucket took in is not taken off twice', () => {
  const { send } = started();
  const point = (scale: number, counts: string[], zero: object, time: string) =>
    exponential({ scale, positive: { bucketCounts: counts }, timeUnixNano: time, ...zero });
  send(point(1, ['4', '1'], { count: '5' }, '1'));
  const [metric] = send(point(0, ['2'], { count: '6', zeroCount: '4', zeroThreshold: 1.3 }, '2'));
  const [delta] = metric?.exponentialHistogram?.dataPoints ?? [];
  assert.deepEqual([delta?.count, delta?.zeroCount, delta?.positive?.bucketCounts], [1n, 0n, [1n]]);
  assert.deepEqual(send(point(0, ['1'], { count: '1' }, '3')), [], 'began anew');
  const [next] = send(point(0, ['3'], { count: '7', zeroCount: '4', zeroThreshold: 1.3 }, '4'));
  assert.equal(next?.exponentialHistogram?.dataPoints[0]?.startTimeUnixNano, 2n, 'and was not remembered');
});

test('include and exclude, by name and type', () => {
  const match = { match_type: '', regexp: undefined, metrics: [], metric_types: [] };
  const converted = (options: Partial<Config>) =>
    started(options)
      .send(sum({ asInt: '1' }), histogram({ count: '1' }))
      .filter((m) => (m.sum ?? m.histogram)?.aggregationTemporality === 1)
      .map((m) => m.name);
  assert.deepEqual(converted({}), ['requests', 'h']);
  assert.deepEqual(converted({ include: { ...match, match_type: 'strict', metrics: ['requests'] } }), ['requests']);
  assert.deepEqual(converted({ exclude: { ...match, match_type: 'regexp', metrics: ['^req', 'x'] } }), ['h']);
  assert.deepEqual(converted({ include: { ...match, metric_types: ['Histogram'] } }), ['h']);
  assert.deepEqual(converted({ exclude: { ...match, metric_types: ['histogram'] } }), ['requests']);
});

test('series that nobody continues are forgotten', () => {
  const { send, metric, settings, processor } = started({ max_staleness: HOUR });
  send(sum({ asInt: '5', timeUnixNano: String(NOW) }));
  settings.clock.advance(HOUR - 1);
  send({ ...sum({ asInt: '5', timeUnixNano: String(NOW + BigInt(HOUR) * 1_000_000n) }), name: 'other' });
  settings.clock.advance(HOUR + 1);
  assert.equal(metric('streams_tracked'), 1);
  assert.deepEqual(shown(send(sum({ asInt: '7' }))), [1, '0-0 7'], 'begins anew');
  processor.shutdown();
  assert.equal(settings.clock.pending, 0);
});

test('settings that make no sense are refused', () => {
  const refused = {
    'include: {metrics: [a]}': /match_type must be set if metrics are supplied/,
    'exclude: {match_type: strict}': /metrics must be supplied if match_type is set/,
    'include: {metric_types: [gauge]}': /found invalid metric type in include.metric_types: gauge/,
    'initial_value: maybe': /unknown initial_value: maybe/,
  };
  for (const [yaml, message] of Object.entries(refused)) assert.throws(() => readYaml(config, yaml), message);
});

test('names that cannot be matched filter nothing, and a warning says so', () => {
  for (const section of [
    'include: {match_type: glob, metrics: [a]}',
    "exclude: {match_type: regexp, metrics: ['(']}",
  ]) {
    const { settings, send } = started(readYaml(config, `{initial_value: keep, ${section}}`, { strict: true }));
    assert.equal(send(sum({ startTimeUnixNano: '1', timeUnixNano: '2', asInt: 5 }))[0]?.sum?.aggregationTemporality, 1);
    const [warning = ''] = settings.logger.messages('warn');
    assert.match(warning, /^The metric names of (include|exclude) have no effect$/);
  }
});

test('types may be listed with commas', () => {
  assert.deepEqual(readYaml(config, 'include: {metric_types: "sum,Histogram"}').include.metric_types, [
    'sum',
    'Histogram',
  ]);
});
