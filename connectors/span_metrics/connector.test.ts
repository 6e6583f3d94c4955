import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree, type Metric, type ResourceMetrics } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { config } from './config.ts';
import { SpanMetricsConnector } from './connector.ts';

const FLUSH = 60_000;
const INSTANCE = 'connector.spanmetrics.includeCollectorInstanceID';

type Json = Readonly<Record<string, unknown>>;

const attributesOf = (values: Json) => Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
function anyValue(value: unknown): Json {
  if (typeof value === 'number') return { intValue: value };
  return typeof value === 'boolean' ? { boolValue: value } : { stringValue: value };
}

function spans(list: readonly Json[], resource: Json = { 'service.name': 'shop' }, scope: Json = {}): Telemetry {
  const resourceSpans = [{ resource: { attributes: attributesOf(resource) }, scopeSpans: [{ scope, spans: list }] }];
  const { bytes, items } = decodeJson('traces', Buffer.from(JSON.stringify({ resourceSpans })));
  return Telemetry.of('traces', bytes, items);
}

const span = (name: string, ms: number, more: Json = {}): Json => ({
  name,
  startTimeUnixNano: '1700000000000000000',
  endTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(Math.round(ms * 1e6))),
  ...more,
});

async function started(yaml = '', gates: readonly string[] = [], mostSeries?: number) {
  const settings = testSettings({ id: 'span_metrics', kind: 'connector', featureGates: gates });
  const next = new SinkConsumer();
  const outputs = { for: () => next, pipelines: new Map([['metrics', next]]) };
  const connector = new SpanMetricsConnector(settings, readYaml(config, yaml), outputs, mostSeries);
  await connector.start(new NopHost());
  const batches = (): readonly (readonly ResourceMetrics[])[] =>
    next.batches.map((batch) => decodeTree('metrics', batch).resourceMetrics);
  return { settings, next, connector, clock: settings.clock, batches, host: new NopHost() };
}

const metricsOf = (resources: readonly ResourceMetrics[] = []): readonly Metric[] =>
  resources.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics));

/** `name{attribute=value …} value`, for histograms count and sum. */
function lines(resources: readonly ResourceMetrics[] | undefined): string[] {
  return metricsOf(resources).flatMap((metric) => {
    const points = [
      ...(metric.sum?.dataPoints ?? []).map((p) => ({ ...p, value: `${p.asInt}` })),
      ...(metric.histogram?.dataPoints ?? []).map((p) => ({ ...p, value: `${p.count}/${p.sum}` })),
      ...(metric.exponentialHistogram?.dataPoints ?? []).map((p) => ({ ...p, value: `${p.count}/${p.sum}` })),
    ];
    return points.map(({ attributes, value }) => {
      const shown = attributes.map((a) => `${a.key}=${valueText(a.value)}`);
      return `${metric.name}{${shown.join(' ')}} ${value}`;
    });
  });
}
const SHORT = 'namespace: ""\nexclude_dimensions: [service.name, span.kind, status.code]\n';

test('cumulative sums are 0 first, histograms are not', async () => {
  const { connector, clock, batches } = await started('', [INSTANCE]);
  connector.consume(spans([span('a', 3), span('a', 30, { kind: 2, status: { code: 2 } })]));
  await clock.advanceAsync(FLUSH);
  connector.consume(spans([span('a', 0)]));
  await clock.advanceAsync(FLUSH);
  const own = 'collector.instance.id=instance-under-test';
  const a = `service.name=shop span.name=a span.kind=SPAN_KIND_UNSPECIFIED status.code=STATUS_CODE_UNSET ${own}`;
  const b = `service.name=shop span.name=a span.kind=SPAN_KIND_SERVER status.code=STATUS_CODE_ERROR ${own}`;
  const calls = 'traces.span.metrics.calls';
  const duration = 'traces.span.metrics.duration';
  assert.deepEqual(lines(batches()[0]), [
    `${calls}{${a}} 0`,
    `${calls}{${b}} 0`,
    `${duration}{${a}} 1/3`,
    `${duration}{${b}} 1/30`,
  ]);
  assert.deepEqual(lines(batches()[1]), [
    `${calls}{${a}} 2`,
    `${calls}{${b}} 1`,
    `${duration}{${a}} 2/3`,
    `${duration}{${b}} 1/30`,
  ]);
  const [sum, histogram] = metricsOf(batches()[1]);
  assert.deepEqual([sum?.sum?.isMonotonic, sum?.sum?.aggregationTemporality, histogram?.unit], [true, 2, 'ms']);
  const [first, later] = batches().map((b2) => metricsOf(b2)[0]?.sum?.dataPoints[0]);
  assert.equal(later?.startTimeUnixNano, first?.startTimeUnixNano);
  assert.equal((later?.timeUnixNano ?? 0n) - (first?.timeUnixNano ?? 0n), BigInt(FLUSH) * 1_000_000n);
});

test('an interval without spans sends an empty batch', async () => {
  const { clock, next } = await started();
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(
    next.batches.map((b) => [b.items, b.byteLength]),
    [[0, 0]],
  );
});

test('delta points follow one another, by resource', async () => {
  const yaml = `${SHORT}aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA`;
  const { connector, clock, batches } = await started(yaml);
  for (let i = 0; i < 2; i++) {
    for (const host of ['h1', 'h2']) connector.consume(spans([span('a', 1)], { 'service.name': 's', host }));
    await clock.advanceAsync(FLUSH);
  }
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(lines(batches()[1]).sort(), [
    'calls{span.name=a} 1',
    'calls{span.name=a} 1',
    'duration{span.name=a} 1/1',
    'duration{span.name=a} 1/1',
  ]);
  for (const point of metricsOf(batches()[1]).flatMap((m) => m.sum?.dataPoints ?? [])) {
    assert.equal(point.timeUnixNano - point.startTimeUnixNano, BigInt(FLUSH) * 1_000_000n);
  }
  assert.deepEqual(batches()[2], []);
});

test('dimensions: span before resource before default, types kept, 1 and "1" together', async () => {
  const { connector, clock, batches } = await started(
    `${SHORT}histogram: {disable: true}\ndimensions: [{name: d, default: none}, {name: opt}]`,
  );
  connector.consume(spans([span('a', 1, { attributes: attributesOf({ d: 1 }) })]));
  connector.consume(spans([span('a', 1, { attributes: attributesOf({ d: '1' }) })]));
  connector.consume(spans([span('a', 1)], { 'service.name': 's', d: true }));
  connector.consume(spans([span('a', 1, { attributes: attributesOf({ opt: '' }) })]));
  await clock.advanceAsync(FLUSH);
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(lines(batches()[1]).sort(), [
    'calls{span.name=a d=1} 2',
    'calls{span.name=a d=none opt=} 1',
    'calls{span.name=a d=true} 1',
  ]);
  const points = metricsOf(batches()[1]).flatMap((metric) => metric.sum?.dataPoints ?? []);
  assert.ok(points.some((point) => point.attributes[1]?.value?.intValue === 1n));
});

test('each metric has its own dimensions, globs take what matches', async () => {
  const { connector, clock, batches } = await started(
    `${SHORT}calls_dimensions: [{name: c}]\nhistogram: {dimensions: [{glob: 'h.*'}]}\n` +
      'events: {enabled: true, dimensions: [{name: e}]}\n',
  );
  const events = [{ name: 'x', attributes: attributesOf({ e: 'event', 'h.a': 1 }) }, { name: 'y' }];
  const attributes = attributesOf({ c: 'call', 'h.b': 2, 'h.a.b': 3 });
  connector.consume(spans([span('a', 1, { attributes, events })], { 'service.name': 's', 'h.c': 4, e: 'resource' }));
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(lines(batches()[0]), [
    'calls{span.name=a c=call} 0',
    'duration{span.name=a h.b=2 h.c=4} 1/1',
    'events{span.name=a e=event} 0',
    'events{span.name=a e=resource} 0',
  ]);
});

test('the cardinality limit holds for each resource and metric, and is counted', async () => {
  const { connector, clock, batches, settings } = await started(`${SHORT}aggregation_cardinality_limit: 2`);
  connector.consume(spans(['a', 'b', 'c', 'd', 'a'].map((name) => span(name, 1))));
  await clock.advanceAsync(FLUSH);
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(lines(batches()[1]), [
    'calls{span.name=a} 2',
    'calls{span.name=b} 1',
    'calls{otel.metric.overflow=true} 2',
    'duration{span.name=a} 2/2',
    'duration{span.name=b} 1/1',
    'duration{otel.metric.overflow=true} 2/2',
  ]);
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_overflow'), 2);
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_series'), 3);
});

test('many different values stay within the limit', async () => {
  const { connector, settings } = await started('aggregation_cardinality_limit: 100\ndimensions: [{name: user}]');
  for (let i = 0; i < 100; i++) {
    const list = Array.from({ length: 1000 }, (_, j) =>
      span('a', j, { attributes: attributesOf({ user: i * 1000 + j }) }),
    );
    connector.consume(spans(list));
  }
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_series'), 101);
});

test('an end before the start, and times that are not there, are no duration', async () => {
  const { connector, clock, batches } = await started(SHORT);
  connector.consume(spans([span('a', -5), { name: 'a', startTimeUnixNano: '5' }, { name: 'a' }]));
  await clock.advanceAsync(FLUSH);
  assert.equal(lines(batches()[0])[1], 'duration{span.name=a} 3/0');
});

test('durations are exact to the nanosecond and in the unit', async () => {
  const { connector, clock, batches } = await started(`${SHORT}histogram: {unit: s, explicit: {buckets: [1ms, 2s]}}`);
  connector.consume(spans([span('a', 0.000_001), span('a', 1), span('a', 2000.000_001), span('a', 2000)]));
  await clock.advanceAsync(FLUSH);
  const point = metricsOf(batches()[0])[1]?.histogram?.dataPoints[0];
  assert.deepEqual(
    [point?.explicitBounds, point?.bucketCounts],
    [
      [0.001, 2],
      [2n, 1n, 1n],
    ],
  );
  assert.equal(point?.sum, 1e-9 + 0.001 + 2.000000001 + 2);
});

test('spans that stand for others count as many', async () => {
  const { connector, clock, batches } = await started(`${SHORT}enable_metrics_sampling_method: true`);
  connector.consume(spans([span('a', 2, { traceState: 'ot=th:c' }), span('a', 2, { traceState: 'x=y' })]));
  await clock.advanceAsync(FLUSH);
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(lines(batches()[1]), [
    'calls{span.name=a sampling.method=extrapolated} 4',
    'calls{span.name=a sampling.method=counted} 1',
    'duration{span.name=a sampling.method=extrapolated} 4/8',
    'duration{span.name=a sampling.method=counted} 1/2',
  ]);
});

test('exemplars: so many at most, of the last interval, not without a trace id', async () => {
  const { connector, clock, batches } = await started(`${SHORT}exemplars: {enabled: true, max_per_data_point: 2}`);
  const traced = (id: string) => span('a', 1, { traceId: id.repeat(32), spanId: '1'.repeat(16) });
  connector.consume(spans([span('a', 1), traced('0'), traced('1'), traced('2'), traced('3')]));
  await clock.advanceAsync(FLUSH);
  await clock.advanceAsync(FLUSH);
  const [sent, later] = batches().map((batch) =>
    metricsOf(batch).map((m) =>
      (m.sum ?? m.histogram)?.dataPoints[0]?.exemplars.map((e) => e.traceId.toString('hex')[0]),
    ),
  );
  assert.deepEqual(sent, [
    ['1', '2'],
    ['1', '2'],
  ]);
  assert.deepEqual(later, [[], []]);
});

test('scopes by name, and resources without a service name not at all', async () => {
  const { connector, clock, batches } = await started(`${SHORT}include_instrumentation_scope: [lib]`);
  connector.consume(spans([span('a', 1)], undefined, { name: 'lib', version: '1' }));
  connector.consume(spans([span('b', 1)], undefined, { name: 'other' }));
  connector.consume(spans([span('c', 1)], { host: 'h' }));
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(
    lines(batches()[0]).filter((line) => line.startsWith('calls')),
    [
      'calls{span.name=a span.instrumentation.scope.name=lib span.instrumentation.scope.version=1} 0',
      'calls{span.name=b} 0',
    ],
  );
});

test('resources: the order of attributes is none, key attributes tell apart, the oldest leaves after one more flush', async () => {
  const { connector, clock, batches } = await started(`${SHORT}resource_metrics_cache_size: 2`);
  connector.consume(spans([span('a', 1)], { 'service.name': 's', x: 1 }));
  connector.consume(spans([span('a', 1)], { x: 1, 'service.name': 's' }));
  for (const x of ['1', 2]) connector.consume(spans([span('a', 1)], { 'service.name': 's', x }));
  await clock.advanceAsync(FLUSH);
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(
    batches().map((batch) => batch.length),
    [3, 2],
  );
  const keyed = await started('resource_metrics_key_attributes: [service.name]');
  for (const x of [1, 2]) keyed.connector.consume(spans([span('a', 1)], { 'service.name': 's', x }));
  await keyed.clock.advanceAsync(FLUSH);
  const [only, ...others] = keyed.batches()[0] ?? [];
  assert.deepEqual([only?.resource?.attributes.map((a) => valueText(a.value)), others], [['s', '1'], []]);
});

test('series and resources expire', async () => {
  const { connector, clock, batches } = await started(`${SHORT}series_expiration: 90s\nmetrics_expiration: 150s`);
  connector.consume(spans([span('a', 1), span('b', 1)]));
  await clock.advanceAsync(FLUSH);
  connector.consume(spans([span('a', 1)]));
  for (let i = 0; i < 4; i++) await clock.advanceAsync(FLUSH);
  const names = batches().map((batch) => lines(batch).filter((line) => line.startsWith('calls')).length);
  // b goes after the second flush, a after the third, the resource after the fourth, to be sent once more
  assert.deepEqual(names, [2, 2, 1, 0, 0]);
  assert.deepEqual(
    batches().map((batch) => batch.length),
    [1, 1, 1, 1, 1],
  );
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(batches()[5], []);
});

test('what came since the last flush is sent at shutdown, once, with its value', async () => {
  const { connector, clock, batches } = await started(SHORT);
  connector.consume(spans([span('a', 1)]));
  await connector.shutdown();
  await connector.shutdown();
  assert.deepEqual(batches().map(lines), [['calls{span.name=a} 1', 'duration{span.name=a} 1/1']]);
  assert.equal(clock.pending, 0);
  assert.throws(() => connector.consume(spans([span('a', 1)])), PipelineError);
});

test('at shutdown nothing is sent again, but what was 0 gets its value', async () => {
  const { connector, clock, batches } = await started(SHORT);
  connector.consume(spans([span('a', 1)]));
  await clock.advanceAsync(FLUSH);
  await connector.shutdown();
  assert.deepEqual(
    batches().map((batch) => lines(batch)[0]),
    ['calls{span.name=a} 0', 'calls{span.name=a} 1'],
  );
  const settled = await started(SHORT);
  settled.connector.consume(spans([span('a', 1)]));
  await settled.clock.advanceAsync(2 * FLUSH);
  await settled.connector.shutdown();
  assert.equal(settled.batches().length, 2);
});

test('flush_on_shutdown: false loses the last interval', async () => {
  const { connector, next } = await started('flush_on_shutdown: false');
  connector.consume(spans([span('a', 1)]));
  await connector.shutdown();
  assert.equal(next.calls, 0);
});

test('a refusal is logged, and a flush that takes long lets others be left out', async () => {
  const { connector, clock, next, settings } = await started(SHORT);
  next.refuse = new PipelineError('no room');
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(settings.logger.messages('error'), ['Failed ConsumeMetrics']);
  next.refuse = undefined;
  const open = next.hold();
  await clock.advanceAsync(3 * FLUSH);
  assert.equal(next.calls, 2);
  connector.consume(spans([span('a', 1)]));
  const stopped = connector.shutdown();
  await settle();
  assert.equal(next.calls, 2);
  open();
  await stopped;
  assert.equal(next.calls, 3);
});

test('feature gates', async () => {
  const { connector, clock, batches } = await started('add_resource_attributes: false', [
    'connector.spanmetrics.excludeResourceMetrics',
    'connector.spanmetrics.legacyMetricNames',
    'connector.spanmetrics.useSecondAsDefaultMetricsUnit',
    'spanmetrics.statusCodeConvention.useOtelPrefix',
  ]);
  connector.consume(spans([span('a', 1000, { status: { code: 2 } }), span('a', 1)]));
  await clock.advanceAsync(FLUSH);
  const common = 'service.name=shop span.name=a span.kind=SPAN_KIND_UNSPECIFIED';
  assert.deepEqual(lines(batches()[0]), [
    `calls{${common} otel.status_code=ERROR} 0`,
    `calls{${common}} 0`,
    `duration{${common} otel.status_code=ERROR} 1/1`,
    `duration{${common}} 1/0.001`,
  ]);
  assert.deepEqual(batches()[0]?.[0]?.resource?.attributes ?? [], []);
});

test('beyond the most series of all resources the rest is counted, and room comes back', async () => {
  const yaml = `${SHORT}metrics_expiration: 90s\nhistogram: {disable: true}`;
  const { connector, clock, batches, settings } = await started(yaml, [], 3);
  const from = (service: string, ...names: string[]) =>
    spans(
      names.map((name) => span(name, 1)),
      { 'service.name': service },
    );
  for (let i = 0; i < 2; i++) {
    connector.consume(from('a', 'x', 'y', 'z', 'w'));
    for (const service of ['b', 'c', 'd']) connector.consume(from(service, 'x'));
    await clock.advanceAsync(FLUSH);
  }
  const all = [
    'calls{span.name=x} 2',
    'calls{span.name=y} 2',
    'calls{span.name=z} 2',
    'calls{otel.metric.overflow=true} 2',
  ];
  assert.deepEqual(lines(batches()[1]), [...all, 'calls{otel.metric.overflow=true} 6']);
  assert.deepEqual(
    batches()[1]?.map(({ resource }) => resource?.attributes.length),
    [1, undefined],
  );
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_overflow'), 8);
  await clock.advanceAsync(3 * FLUSH);
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_series'), 0);
  connector.consume(from('e', 'x'));
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(lines(batches().at(-1)), ['calls{span.name=x} 0']);
});
