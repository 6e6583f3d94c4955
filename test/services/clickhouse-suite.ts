import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { logsTable, tracesTable } from '../../core/clickhouse/schema/otel.ts';
import { METRIC_TABLES, type MetricKind } from '../../core/clickhouse/schema/otel-metrics.ts';
import { PLATFORM_TABLES, type PlatformName } from '../../core/clickhouse/schema/platform.ts';
import { type AnyValue, decodeTree, type KeyValue, type TreeOf } from '../../core/otlp/tree.ts';
import { looseRequest } from '../../core/testing/random-telemetry.ts';
import { logRows, metricRows, pairs, sorted, spanRows, storedRows, type TestRow, time } from './clickhouse-rows.ts';
import { type Backend, batchFrom, batchOf, RESOURCE, Subject, span, spans } from './clickhouse-subject.ts';

const SEEDS = 40;

type Start = (database: string, yaml?: string) => Promise<Subject>;

/** Everything that is the same on a server and embedded. */
export function clickhouseSuite(name: string, open: () => Promise<Backend>): void {
  let backend: Backend;
  before(async () => {
    backend = await open();
  });
  after(() => backend.close());
  const start: Start = (database, yaml) => Subject.start(backend.connection, database, yaml);
  test(`${name}: every column of every table of the collector has what was sent`, () => everyColumn(start));
  test(`${name}: what is sent again is stored once, and seen once by views`, () => sentAgain(start));
  test(`${name}: rows that are refused are found, the others stored`, () => refusedRows(start));
  test(`${name}: a batch over more days than an insert may have partitions`, () => manyPartitions(start));
  test(`${name}: attributes as JSON`, () => jsonAttributes(start));
  test(`${name}: spans of the platform`, () => platformSpans(start));
  test(`${name}: events and log records of the platform, and the view of events`, () => platformLogs(start));
  test(`${name}: metrics of the platform`, () => platformMetrics(start));
}

async function everyColumn(start: Start): Promise<void> {
  await using subject = await start('every_column');
  const trees = { traces: [] as TreeOf['traces'][], logs: [] as TreeOf['logs'][], metrics: [] as TreeOf['metrics'][] };
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const batch = batchFrom(signal, looseRequest(signal, seed));
      if (batch.items === 0) continue;
      trees[signal].push(decodeTree(signal, batch) as never);
      await subject.exporter.consume(batch);
    }
  }
  const compare = async (table: string, description: Parameters<typeof storedRows>[2], expected: TestRow[]) => {
    assert.ok(expected.length > 10, `${table} has ${expected.length} rows`);
    const stored = await storedRows(subject.client, { database: subject.database, table }, description);
    assert.deepEqual(sorted(stored), sorted(expected), table);
  };
  await compare('otel_traces', tracesTable(false), trees.traces.flatMap(spanRows));
  await compare('otel_logs', logsTable(false, false), trees.logs.flatMap(logRows));
  for (const kind of Object.keys(METRIC_TABLES) as MetricKind[]) {
    const expected = trees.metrics.flatMap((tree) => metricRows(tree, kind));
    await compare(`otel_metrics_${kind}`, METRIC_TABLES[kind], expected);
  }
}

async function sentAgain(start: Start): Promise<void> {
  await using subject = await start('again');
  const batch = () => spans(Array.from({ length: 100 }, (_, i) => span('a', i)));
  for (let i = 0; i < 3; i++) await subject.exporter.consume(batch());
  await subject.exporter.consume(spans([span('b', 1000)]));
  assert.equal(await subject.value(`SELECT count() FROM ${subject.table('otel_traces')}`), '101');
  assert.equal(await subject.value(`SELECT count() FROM ${subject.table('otel_traces_trace_id_ts')}`), '2');
}

async function refusedRows(start: Start): Promise<void> {
  await using subject = await start('refused');
  const table = subject.table('otel_traces');
  await subject.client.command(`ALTER TABLE ${table} ADD CONSTRAINT named CHECK SpanName != 'bad'`);
  const bad = new Set([7, 500, 999]);
  const list = Array.from({ length: 1000 }, (_, i) => span(bad.has(i) ? 'bad' : 'good', i));
  const refusal = /3 of 1000 rows are refused: .*VIOLATED_CONSTRAINT/;
  await assert.rejects(async () => subject.exporter.consume(spans(list)), refusal);
  assert.equal(await subject.value(`SELECT count() FROM ${table}`), '997');
  assert.equal(subject.settings.meter.value('otelcol_exporter_sent_spans'), 997);
  assert.equal(subject.settings.meter.value('otelcol_exporter_send_failed_spans'), 3);
  assert.equal(subject.settings.logger.messages('error').length, 1);
}

async function manyPartitions(start: Start): Promise<void> {
  await using subject = await start('days');
  const day = 86_400_000_000_000n;
  const list = Array.from({ length: 250 }, (_, i) =>
    span('old', i, { startTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(i) * day }),
  );
  await subject.exporter.consume(spans(list));
  assert.equal(await subject.value(`SELECT uniqExact(SpanId) FROM ${subject.table('otel_traces')}`), '250');
  assert.equal(await subject.value(`SELECT count() FROM ${subject.table('otel_traces')}`), '250');
}

async function jsonAttributes(start: Start): Promise<void> {
  await using subject = await start('json', 'json: true');
  const deep = { kvlistValue: { values: [{ key: 'x', value: { boolValue: true } }] } };
  const attributes = [
    { key: 'n', value: { intValue: 9_007_199_254_740_993n } },
    { key: 'deep', value: deep },
    { key: 'nan', value: { doubleValue: Number.NaN } },
  ];
  await subject.exporter.consume(spans([span('a', 1, { attributes })]));
  const columns = 'SpanAttributes.n AS n, SpanAttributes.deep.x AS x, SpanAttributesKeys AS keys';
  const inner = `SELECT ${columns} FROM ${subject.table('otel_traces')}`;
  const [row] = await subject.rows(`SELECT toString(n) AS n, x, keys FROM (${inner})`);
  assert.deepEqual(row, { n: '9007199254740993', x: true, keys: ['deep.x', 'n', 'nan'] });
}

/** Rows of the platform are removed after some time, so these are of today. */
const NOW = BigInt(Date.now()) * 1_000_000n;

const platformRows = (subject: Subject, table: PlatformName) =>
  storedRows(subject.client, { database: subject.database, table }, PLATFORM_TABLES[table].table);

async function platformSpans(start: Start): Promise<void> {
  await using subject = await start('platform_spans', 'schema: platform');
  const attributes = [{ key: 'k', value: { stringValue: 'v' } }];
  const event = { timeUnixNano: 5n, name: 'boom', attributes, droppedAttributesCount: 0 };
  const times = { startTimeUnixNano: NOW, endTimeUnixNano: NOW + 7n };
  await subject.exporter.consume(
    spans([span('checkout', 1, { ...times, attributes, events: [event], status: { code: 2, message: 'no' } })]),
  );
  assert.deepEqual(await platformRows(subject, 'traces'), [
    {
      trace_id: '01'.repeat(16),
      span_id: '0000000000000002',
      parent_span_id: '',
      service_name: 'shop',
      operation_name: 'checkout',
      start_time: time(NOW),
      end_time: time(NOW + 7n),
      duration_ns: '7',
      status_code: 2,
      tags: [...pairs(attributes), ['span.kind', 'server'], ['otel.status_description', 'no']],
      logs: [['5', [['event', 'boom'], ...pairs(attributes)]]],
      process: pairs(RESOURCE.attributes),
    },
  ]);
}

function record(eventName: string, attributes: KeyValue[], body?: AnyValue) {
  const times = { timeUnixNano: NOW, observedTimeUnixNano: 0n };
  const ids = { traceId: Buffer.alloc(16, 2), spanId: Buffer.alloc(8, 3) };
  const severity = { severityNumber: 9, severityText: 'INFO' };
  return { ...times, ...severity, body, attributes, droppedAttributesCount: 0, flags: 0, ...ids, eventName };
}

async function platformLogs(start: Start): Promise<void> {
  await using subject = await start('platform_logs', 'schema: platform');
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const amount = { key: 'metrics', value: { kvlistValue: { values: [{ key: 'amount', value: { intValue: 12n } }] } } };
  const success = { key: 'success', value: { boolValue: true } };
  const order = record('order', [text('event.id', 'e1'), text('user.id', 'u1'), success, amount]);
  const logRecords = [order, record('', [text('a', 'b')], { stringValue: 'hello' })];
  const scopeLogs = [{ scope: undefined, logRecords, schemaUrl: '' }];
  const tree = { resourceLogs: [{ resource: RESOURCE, scopeLogs, schemaUrl: '' }] };
  for (let i = 0; i < 2; i++) await subject.exporter.consume(batchOf('logs', tree));
  assert.deepEqual(await platformRows(subject, 'business_events'), [
    {
      event_id: 'e1',
      event_type: 'order',
      user_id: 'u1',
      session_id: '',
      trace_id: '02'.repeat(16),
      timestamp: time(NOW),
      properties: [['success', 'true']],
      metrics: [['amount', 12]],
    },
  ]);
  const [log, ...others] = await platformRows(subject, 'logs');
  assert.equal(others.length, 0);
  assert.deepEqual([log?.body, log?.tags, log?.service_name], ['hello', [['a', 'b']], 'shop']);
  const sums = 'toUInt32(sum(count)) AS n, sum(sum) AS s';
  const hourly = await subject.rows(
    `SELECT metric_name, ${sums} FROM ${subject.table('aggregated_metrics')} GROUP BY 1`,
  );
  assert.deepEqual(hourly, [{ metric_name: 'order', n: 1, s: 1 }]);
}

async function platformMetrics(start: Start): Promise<void> {
  await using subject = await start('platform_metrics', 'schema: platform');
  const times = { startTimeUnixNano: NOW - 60_000_000_000n, timeUnixNano: NOW, flags: 0, attributes: [] };
  const histogram = {
    aggregationTemporality: 1,
    dataPoints: [
      { ...times, count: 100n, sum: 500, bucketCounts: [0n, 100n, 0n], explicitBounds: [0, 10], exemplars: [], min: 0 },
    ],
  };
  const metric = { description: '', unit: '', metadata: [] };
  const metrics = [
    { ...metric, name: 'level', gauge: { dataPoints: [{ ...times, asDouble: 2.5, exemplars: [] }] } },
    { ...metric, name: 'latency', histogram },
  ];
  const scopeMetrics = [{ scope: undefined, metrics, schemaUrl: '' }];
  await subject.exporter.consume(
    batchOf('metrics', { resourceMetrics: [{ resource: RESOURCE, scopeMetrics, schemaUrl: '' }] }),
  );
  const shared = { service_name: 'shop', timestamp: Number(NOW / 1_000_000_000n), tags: [] };
  const level = { count: '1', sum: 2.5, avg: 2.5, min: 2.5, max: 2.5, p95: 2.5, p99: 2.5 };
  const latency = { count: '100', sum: 500, avg: 5, min: 0, max: 10, p95: 9.5, p99: 9.9 };
  assert.deepEqual(
    sorted(await platformRows(subject, 'aggregated_metrics')),
    sorted([
      { ...shared, metric_name: 'level', window_size: 0, ...level },
      { ...shared, metric_name: 'latency', window_size: 60, ...latency },
    ]),
  );
}
