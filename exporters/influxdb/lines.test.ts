import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { LineWriter } from '../../core/line-protocol/line-writer.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { type Point, parseLines } from '../../core/testing/line-protocol.ts';
import { randomRequest } from '../../core/testing/random-telemetry.ts';
import { config } from './config.ts';
import { LogLines } from './logs.ts';
import { MetricLines } from './metrics.ts';
import { TraceLines } from './traces.ts';

const LINES = { traces: TraceLines, metrics: MetricLines, logs: LogLines };
/** Half a second later than FakeClock begins. */
const clock = new FakeClock();

function write(signal: Signal, request: Buffer, options: object = {}) {
  const writer = new LineWriter(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const lines = new LINES[signal](readYaml(config, JSON.stringify(options)), writer, clock);
  const skipped: string[] = [];
  lines.write(Telemetry.of(signal, request, 0), (reason) => skipped.push(reason));
  const text = Buffer.concat(writer.payloads().map(({ bytes }) => bytes));
  return { points: parseLines(text), text: text.toString(), skipped };
}

const json = (signal: Signal, request: object, options?: object) =>
  write(signal, decodeJson(signal, Buffer.from(JSON.stringify(request))).bytes, options);

const attributes = (values: Readonly<Record<string, object>>) =>
  Object.entries(values).map(([key, value]) => ({ key, value }));

function metric(data: object, options?: object, resource: Readonly<Record<string, object>> = {}) {
  const metrics = [{ name: 'm', unit: 'ms', ...data }];
  const group = { resource: { attributes: attributes(resource) }, scopeMetrics: [{ metrics }] };
  return json('metrics', { resourceMetrics: [group] }, options);
}

function span(fields: object, options?: object, resource: Readonly<Record<string, object>> = {}) {
  const spans = [{ traceId: '01'.repeat(16), spanId: '02'.repeat(8), startTimeUnixNano: '7', ...fields }];
  const group = { resource: { attributes: attributes(resource) }, scopeSpans: [{ spans }] };
  return json('traces', { resourceSpans: [group] }, options);
}

const log = (record: object, options?: object) =>
  json('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }, options);

/** Order of lines and fields is free. */
const sorted = (points: readonly Point[]) =>
  points
    .map(({ fields, ...rest }) => JSON.stringify({ ...rest, fields: Object.entries(fields).sort() }, undefined, 1))
    .sort();

test('lines are those of the reference', () => {
  const recorded = JSON.parse(readFileSync(new URL('./testdata/reference.json', import.meta.url), 'utf8'));
  assert.ok(recorded.length > 20);
  for (const { signal, config: options, request, lines } of recorded) {
    const { points, skipped } = write(signal, Buffer.from(request, 'base64'), options);
    assert.deepEqual(sorted(points), sorted(parseLines(Buffer.from(lines))));
    assert.deepEqual(skipped, []);
  }
});

test('whatever comes in makes lines that can be read back', () => {
  for (let seed = 0; seed < 150; seed++) {
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      for (const point of write(signal, randomRequest(signal, seed)).points) {
        assert.match(point.time, /^-?\d+$/);
        assert.notDeepEqual(point.fields, {});
        for (const value of Object.values(point.fields)) assert.doesNotMatch(value, /^(NaN|-?Infinity)$/);
      }
    }
  }
});

test('a span with the attributes of its resource, an event and links', () => {
  const { points } = span(
    {
      name: 'GET /',
      kind: 2,
      parentSpanId: '03'.repeat(8),
      endTimeUnixNano: '10',
      status: { code: 2, message: 'no "luck"' },
      attributes: attributes({ b: { doubleValue: 1.5 }, a: { stringValue: '<x>' } }),
      events: [{ timeUnixNano: '8', name: 'boom' }, { timeUnixNano: '9' }],
      links: [
        { traceId: '04'.repeat(16), spanId: '05'.repeat(8), traceState: 'k=v' },
        { traceId: '04'.repeat(16), spanId: '06'.repeat(8) },
        { traceId: '', spanId: '06'.repeat(8) },
      ],
    },
    {},
    { 'service.name': { stringValue: 'my shop' }, host: { stringValue: 'h' } },
  );
  const ids = { trace_id: '01'.repeat(16), span_id: '02'.repeat(8) };
  const linked = { ...ids, linked_trace_id: '04'.repeat(16) };
  const at = (measurement: string, time: string, tags: object, fields: object) => ({ measurement, tags, fields, time });
  assert.deepEqual(points, [
    at('span-links', '7', { ...linked, linked_span_id: '05'.repeat(8) }, { trace_state: '"k=v"' }),
    at('span-links', '7', { ...linked, linked_span_id: '06'.repeat(8) }, { dropped_attributes_count: '0u' }),
    at('logs', '8', ids, { 'event.name': '"boom"' }),
    at('logs', '9', ids, { dropped_attributes_count: '0u' }),
    at(
      'spans',
      '7',
      { 'service.name': 'my shop', ...ids },
      {
        attributes: '"{"a":"\\u003cx\\u003e","b":1.5,"host":"h"}"',
        parent_span_id: `"${'03'.repeat(8)}"`,
        'span.name': '"GET /"',
        'span.kind': '"Server"',
        end_time_unix_nano: '10i',
        duration_nano: '3i',
        dropped_links_count: '1u',
        'otel.status_code': '"Error"',
        'otel.status_description': '"no "luck""',
      },
    ),
  ]);
});

test('spans without ids are skipped, and only they', () => {
  const spans = [
    { traceId: '', spanId: '02'.repeat(8) },
    { traceId: '00'.repeat(16), spanId: '02'.repeat(8) },
  ];
  const good = { traceId: '01'.repeat(16), spanId: '02'.repeat(8) };
  const none = { traceId: '01'.repeat(16), spanId: '00'.repeat(8) };
  const { points, skipped } = json('traces', { resourceSpans: [{ scopeSpans: [{ spans: [...spans, none, good] }] }] });
  assert.equal(points.length, 1);
  assert.deepEqual(skipped, ['span has no trace ID', 'span has no trace ID', 'span has no span ID']);
});

test('what tags and names cannot hold is changed, and the line stays whole', () => {
  const gauge = (resource: object) =>
    metric({ gauge: { dataPoints: [{ timeUnixNano: '1', asInt: '1' }] } }, {}, resource as never);
  const values = { sql: 'SELECT\n\t1, 2', path: 'C:\\', bell: 'a\u0007b', only: '\\\\', ü: 'ö = 1' };
  const { points } = gauge(Object.fromEntries(Object.entries(values).map(([k, stringValue]) => [k, { stringValue }])));
  assert.deepEqual(points[0]?.tags, { sql: 'SELECT\\n\\t1, 2', path: 'C:', bell: 'a\ufffdb', ü: 'ö = 1' });
  const body = 'line 1\nline "2"\r\n\tC:\\';
  assert.match(log({ timeUnixNano: '1', body: { stringValue: body } }).text, /body="line 1\nline \\"2\\"\r\n\tC:\\\\"/);
  assert.equal(metric({ name: '#1', gauge: { dataPoints: [{ asInt: '1' }] } }).text, '\\#1 gauge=1i 0\n');
});

test('attributes that JSON cannot hold are counted, the others stay', () => {
  const values = { bad: { doubleValue: 'NaN' }, deep: { arrayValue: { values: [{ doubleValue: 'Infinity' }] } } };
  const { points } = log({
    body: {},
    attributes: attributes({ ...values, ok: { intValue: '5' } }),
    droppedAttributesCount: 2,
  });
  assert.equal(points[0]?.fields.attributes, '"{"ok":5}"');
  assert.equal(points[0]?.fields.dropped_attributes_count, '4u');
});

test('a log record without a time has that of its observation, else the present', async () => {
  assert.equal(log({ observedTimeUnixNano: '77' }).points[0]?.time, '77');
  assert.equal(log({}).points[0]?.time, `${BigInt(clock.now()) * 1_000_000n}`);
});

test('timestamps have the precision that the request names', () => {
  const times = { ns: '1700000000123456789', us: '1700000000123456', ms: '1700000000123', s: '1700000000' };
  for (const [precision, time] of Object.entries(times)) {
    assert.equal(log({ timeUnixNano: times.ns }, { precision }).points[0]?.time, time);
  }
});

const HISTOGRAM = {
  timeUnixNano: '9',
  startTimeUnixNano: '3',
  count: '6',
  sum: 12.5,
  bucketCounts: ['1', '2', '3'],
  explicitBounds: [0.5, 1e21],
};

test('histograms and summaries in both layouts', () => {
  const data = { histogram: { aggregationTemporality: 2, dataPoints: [HISTOGRAM] } };
  const start = { start_time_unix_nano: '3i' };
  const bounds = { '0.5': '1', '1000000000000000000000': '3', '+Inf': '6' };
  const v1 = { ...start, count: '6', sum: '12.5', ...bounds };
  assert.deepEqual(metric(data).points, [{ measurement: 'm', tags: {}, fields: v1, time: '9' }]);
  const v2 = metric(data, { metrics_schema: 'telegraf-prometheus-v2' }).points;
  assert.deepEqual(
    v2.map((p) => p.measurement),
    ['prometheus', 'prometheus', 'prometheus', 'prometheus'],
  );
  assert.deepEqual(v2[0]?.fields, { ...start, m_count: '6', m_sum: '12.5' });
  assert.deepEqual(
    v2.slice(1).map((p) => [p.tags.le, p.fields.m_bucket]),
    Object.entries(bounds).sort((a, b) => Number(a[1]) - Number(b[1])),
  );
  const quantileValues = [
    { quantile: 0.5, value: 3 },
    { quantile: 0.99, value: 8 },
  ];
  const summary = { summary: { dataPoints: [{ timeUnixNano: '9', count: '2', sum: 11, quantileValues }] } };
  assert.deepEqual(metric(summary).points[0]?.fields, { count: '2', sum: '11', '0.5': '3', '0.99': '8' });
  const separate = metric(summary, { metrics_schema: 'telegraf-prometheus-v2' }).points;
  assert.deepEqual(
    separate.map((p) => [p.tags.quantile, p.fields]),
    [
      [undefined, { m_count: '2', m_sum: '11' }],
      ['0.5', { m: '3' }],
      ['0.99', { m: '8' }],
    ],
  );
});

test('exponential histograms have the buckets that are not empty', () => {
  const positive = { offset: 0, bucketCounts: ['1', '0', '2'] };
  const negative = { offset: 1, bucketCounts: ['4'] };
  const point = { timeUnixNano: '9', count: '12', scale: 0, zeroCount: '5', positive, negative };
  const { points } = metric({ exponentialHistogram: { aggregationTemporality: 2, dataPoints: [point] } });
  const buckets = Object.entries(points[0]?.fields ?? {}).filter(([key]) => key !== 'count');
  assert.deepEqual(
    buckets.map(([bound, count]) => [Math.round(Number(bound)), count]).sort((a, b) => Number(a[1]) - Number(b[1])),
    [
      [-2, '4'],
      [0, '9'],
      [2, '10'],
      [8, '12'],
      [Number.NaN, '12'],
    ],
  );
});

test('only points that contradict themselves, or say nothing, make no line', () => {
  const bad = { ...HISTOGRAM, explicitBounds: [1, 2, 3, 4] };
  const histograms = metric({ histogram: { dataPoints: [bad, HISTOGRAM] } });
  assert.equal(histograms.points.length, 1);
  assert.match(histograms.skipped.join(), /buckets and bounds/);
  const numbers = metric({ gauge: { dataPoints: [{ asDouble: 'NaN' }, { flags: 1 }, { asDouble: 2 }] } });
  assert.equal(numbers.points.length, 1);
  assert.match(numbers.skipped.join(), /without a number/);
  const gauge = metric({ gauge: { dataPoints: [{ asInt: '2' }] } }, { metrics_schema: 'otel-v1' });
  assert.match(gauge.skipped.join(), /otel-v1/);
  const unnamed = metric({ name: '', gauge: { dataPoints: [{ asInt: '2' }] } });
  assert.deepEqual([unnamed.points, unnamed.skipped], [[], ['a metric without a name']]);
});
