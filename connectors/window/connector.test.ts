import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { scan } from '../../core/otlp/scan/scan.ts';
import { decodeTree, type KeyValue } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { randomRequest } from '../../core/testing/random-telemetry.ts';
import { type TestSettings, testSettings } from '../../core/testing/settings.ts';
import { assertRestores, points, records, StreamSinks, streamBatch } from '../../core/testing/streams.ts';
import { config } from './config.ts';
import { windowConnector } from './connector.ts';

const T = 1_700_000_040_000;

async function started(yaml: string, signal: 'metrics' | 'logs' | 'traces' = 'metrics') {
  const sinks = new StreamSinks('metrics', signal);
  const settings = testSettings({ id: 'window', kind: 'connector' });
  const connector = windowConnector(settings, readYaml(config, `max_future: 0s\n${yaml}`), sinks);
  await connector.start(new NopHost());
  return { connector, sinks, settings };
}

function text(attributes: readonly KeyValue[] | undefined): Record<string, string> {
  return Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, valueText(value)]));
}

/** Summaries and gauges as [resource, name, attributes, start, end, value or count, sum and quantiles]. */
function rowsOf(batches: readonly Telemetry[]) {
  return batches.flatMap((batch) =>
    decodeTree('metrics', batch).resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
      scopeMetrics.flatMap(({ metrics }) =>
        metrics.flatMap(({ name, unit, summary, gauge }) => [
          ...(summary?.dataPoints ?? []).map((point) => ({
            ...{ service: text(resource?.attributes)['service.name'] ?? '', name, unit },
            attributes: text(point.attributes),
            from: Number(point.startTimeUnixNano / 1_000_000n) - T,
            to: Number(point.timeUnixNano / 1_000_000n) - T,
            value: [Number(point.count), point.sum, ...point.quantileValues.map(({ value }) => value)],
          })),
          ...(gauge?.dataPoints ?? []).map((point) => ({
            ...{ service: text(resource?.attributes)['service.name'] ?? '', name, unit },
            attributes: text(point.attributes),
            from: Number(point.startTimeUnixNano / 1_000_000n) - T,
            to: Number(point.timeUnixNano / 1_000_000n) - T,
            value: [point.asDouble ?? Number(point.asInt)],
          })),
        ]),
      ),
    ),
  );
}

function strays(settings: TestSettings, reason: string): number | undefined {
  return settings.meter.value('otelcol_stream_strays', { reason });
}

test('results of many keys are in batches that fit into requests, each key once, in order', async () => {
  const { connector, sinks } = await started('size: 10s\nout_of_orderness: 0s');
  const names = Array.from({ length: 20_000 }, (_, i) => `m${String(i).padStart(5, '0')}`);
  const arrivals = names.toReversed().map((name) => [name, T, 1] as const);
  for (let i = 0; i < arrivals.length; i += 500) {
    await connector.consume(streamBatch('metrics', points(arrivals.slice(i, i + 500))));
  }
  await connector.watermark?.('', T + 10_000);
  assert.deepEqual(sinks.results.sizes, [8_192, 8_192, 3_616]);
  assert.deepEqual(
    rowsOf(sinks.results.batches).map(({ name }) => name),
    names.map((name) => `${name}.window`),
  );
  await connector.shutdown();
});

test('a value with the separator of keys, or none, does not confuse the attributes of results', async () => {
  const { connector, sinks } = await started('size: 10s\nkey: [attributes.a, metric.name, attributes.b]');
  await connector.consume(
    streamBatch(
      'metrics',
      points([
        ['m', T, 1, { a: 'x\u001fy', b: 'z' }],
        ['m', T, 1, { b: '{metric.name}' }],
      ]),
    ),
  );
  await connector.shutdown();
  assert.deepEqual(
    rowsOf(sinks.results.batches).map(({ name, attributes }) => [name, attributes.a, attributes.b]),
    [
      ['m.window', undefined, '{metric.name}'],
      ['m.window', 'x\ufffdy', 'z'],
    ],
  );
});

test('windows of windows: the last minute of an hour is part of that hour', async () => {
  const hour = Math.ceil(T / 3_600_000) * 3_600_000;
  const outer = await started('size: 1h\noutput: gauges\nstatistics: [sum]\nmetric_name: hourly\nkey: [metric.name]');
  const sinks = { for: () => outer.connector, pipelines: new Map([['metrics/hours', outer.connector]]) };
  const options = 'max_future: 0s\nout_of_orderness: 0s\noutput: gauges\nstatistics: [count]';
  const settings = testSettings({ id: 'window/inner', kind: 'connector' });
  const inner = windowConnector(settings, readYaml(config, options), sinks);
  await inner.start(new NopHost());
  for (let minute = 0; minute <= 120; minute++) {
    await inner.consume(streamBatch('metrics', points([['m', hour + minute * 60_000, 1]])));
  }
  assert.deepEqual(
    rowsOf(outer.sinks.results.batches).map(({ from, value }) => [from + T - hour, value]),
    [
      [0, [60]],
      [3_600_000, [60]],
    ],
  );
  assert.equal(outer.settings.meter.value('otelcol_stream_strays'), undefined);
  await inner.shutdown();
  await outer.connector.shutdown();
});

test('the unit of a series is that of its first point', async () => {
  const { connector, sinks } = await started('size: 10s');
  const change = (unit: string) => JSON.parse(JSON.stringify(points([['m', T, 1]])).replace('"ms"', `"${unit}"`));
  await connector.consume(streamBatch('metrics', change('s')));
  await connector.consume(streamBatch('metrics', change('By')));
  await connector.shutdown();
  assert.deepEqual(
    rowsOf(sinks.results.batches).map(({ unit, value }) => [unit, value[0]]),
    [['s', 2]],
  );
});

test('windows that begin before 1970 begin in 1970', async () => {
  const { connector, sinks } = await started('type: sliding\nsize: 1h\nslide: 10m\nout_of_orderness: 0s');
  await connector.consume(streamBatch('metrics', points([['m', 1_000, 5]])));
  await connector.shutdown();
  const rows = rowsOf(sinks.results.batches);
  assert.equal(rows.length, 6);
  assert.equal(rows[0]?.from, -T);
});

test('NaN, points without a number and distributions do not count; infinite numbers do', async () => {
  const { connector, sinks, settings } = await started('size: 10s\nstatistics: [min, max]');
  const json = points([['m', T, 1]]) as { resourceMetrics: { scopeMetrics: { metrics: object[] }[] }[] };
  const time = { timeUnixNano: `${T}000000` };
  json.resourceMetrics[0]?.scopeMetrics[0]?.metrics.push(
    { name: 'm', gauge: { dataPoints: [{ ...time, asDouble: 'NaN' }, { ...time, asInt: '7' }, time] } },
    { name: 'm', gauge: { dataPoints: [{ ...time, asDouble: 9, flags: 1 }] } },
    { name: 'm', histogram: { dataPoints: [{ ...time, count: '2', sum: 4 }] } },
    { name: 'm', sum: { dataPoints: [{ ...time, asDouble: 'Infinity' }] } },
  );
  await connector.consume(streamBatch('metrics', json));
  await connector.shutdown();
  assert.equal(strays(settings, 'no value'), 4);
  assert.deepEqual(
    rowsOf(sinks.results.batches).map(({ value }) => value),
    [[3, Infinity, 1, Infinity]],
  );
});

test('quantiles that are not exact stay between the least and the greatest value', async () => {
  const { connector, sinks } = await started('size: 10s\nstatistics: [min, p99, max]');
  for (let i = 0; i < 30; i++) {
    await connector.consume(
      streamBatch('metrics', points(Array.from({ length: 100 }, () => ['m', T, 10.07] as const))),
    );
  }
  await connector.shutdown();
  assert.deepEqual(rowsOf(sinks.results.batches)[0]?.value.slice(2), [10.07, 10.07, 10.07]);
});

test('numbers of log records are an attribute; what has none does not count', async () => {
  const { connector, sinks, settings } = await started('size: 10s\nvalue: n\nkey: [user]\noutput: gauges', 'logs');
  await connector.consume(
    streamBatch(
      'logs',
      records([
        [T, { n: 2.5, user: 'a' }],
        [T, { n: '4', user: 'a' }],
        [T, { n: 'x' }],
        [T, {}],
      ]),
    ),
  );
  await connector.shutdown();
  assert.equal(strays(settings, 'no value'), 2);
  const found = Object.fromEntries(rowsOf(sinks.results.batches).map(({ name, value }) => [name, value[0]]));
  assert.deepEqual(found, {
    ...{ 'event.window.count': 2, 'event.window.sum': 6.5, 'event.window.avg': 3.25, 'event.window.min': 2.5 },
    ...{ 'event.window.max': 4, 'event.window.p95': 4, 'event.window.p99': 4 },
  });
});

test('whatever comes, every item is in windows or among the strays', async () => {
  for (const signal of ['metrics', 'logs', 'traces'] as const) {
    const { connector, sinks, settings } = await started(
      `size: 10s\nkey: [x]\nlate_pipeline: ${signal}/late\nstatistics: [count]\noutput: gauges\nmetric_name: n`,
      signal,
    );
    let items = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const bytes = randomRequest(signal, seed);
      const count = scan(signal, bytes, 0, bytes.length);
      items += count;
      await connector.consume(Telemetry.of(signal, bytes, count));
    }
    await connector.shutdown();
    const inWindows = rowsOf(sinks.results.batches).reduce((sum, { value }) => sum + (value[0] as number), 0);
    const counted = settings.meter.value('otelcol_stream_strays') ?? 0;
    assert.ok(counted > 0 && inWindows > 0);
    assert.equal(sinks.late.items, counted);
    assert.equal(inWindows + counted, items, signal);
  }
});

const SHAPES = [
  'type: sliding\nsize: 25s\nslide: 10s\noffset: 3s\nallowed_lateness: 5s',
  'type: session\ngap: 4s\nallowed_lateness: 3s',
  'size: 10s\nallowed_lateness: 7s\noutput: gauges\nstatistics: [count, sum, p50, rate]\ndistinct: d',
];

for (const shape of SHAPES) {
  test(`goes on from snapshots as if it had not been stopped: ${shape.split('\n').slice(0, 2).join(', ')}`, async () => {
    const options = readYaml(config, `max_future: 0s\nout_of_orderness: 3s\nlate_pipeline: metrics/late\n${shape}`);
    await assertRestores(
      (sinks) => windowConnector(testSettings({ id: 'window', kind: 'connector' }), options, sinks),
      () => new StreamSinks('metrics'),
      (random, step) => {
        const point = () => {
          const time = T + step * 1_000 - Math.floor(random() * 12_000);
          return [`m${Math.floor(random() * 4)}`, time, random() * 10, { d: `${Math.floor(random() * 9)}` }] as const;
        };
        return streamBatch('metrics', points([point(), point(), point()]), 'p');
      },
      20,
    );
  });
}

test('configurations that cannot be meant are refused', () => {
  for (const [yaml, message] of [
    ['size: 0s', /size: must be at least 1ms/],
    ['type: sliding', /slide: must be at least 1ms/],
    ['type: session', /gap: must be at least 1ms/],
    ['type: sliding\nsize: 1h\nslide: 1s', /slide: an event would be in more than 1000 windows/],
    ['size: 1.5ms', /size: must be whole milliseconds/],
    ['offset: 1m', /offset: must be smaller/],
    ['allowed_lateness: -1s', /allowed_lateness/],
    ['out_of_orderness: -1s', /out_of_orderness: must not be negative/],
    ['max_keys: 0', /max_keys: must be at least 1/],
    ['max_state_mib: 0', /max_state_mib: must be at least 1/],
    ['statistics: [p42]', /unknown statistic "p42"/],
  ] as const) {
    assert.throws(() => readYaml(config, yaml), message, yaml);
  }
});
