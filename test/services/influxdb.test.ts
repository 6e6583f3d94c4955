/** The influxdb exporter with a real InfluxDB 2, which is asked by Flux for what it has. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { randomRequest } from '../../core/testing/random-telemetry.ts';
import influxdbFactory from '../../exporters/influxdb/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { batchOf, pause, scenario, startExporter, until } from './exporter-lab.ts';
import { InfluxDb, type Row } from './influxdb.ts';

const REJECTED = 'otelcol_exporter_influxdb_rejected_lines';
/** With the time for one try that a busy machine needs. */
const NO_QUEUE = 'sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}\ntimeout: 60s';
let influx: InfluxDb;
before(async () => {
  influx = await InfluxDb.start();
});
after(() => influx?.[Symbol.asyncDispose]());

let buckets = 0;
const freshBucket = () => influx.bucket(`bucket ${++buckets}`);
const exporter = (bucket: string, yaml: string, url = influx.url) =>
  startExporter(
    influxdbFactory,
    `endpoint: ${url}\norg: ${influx.org}\nbucket: ${bucket}\ntoken: ${influx.token}\ncompression: gzip\n${yaml}`,
  );

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const TIME = '1700000000123456789';
const WHEN = '2023-11-14T22:13:20.123456789Z';
const point = (value: object, host = 'a') => ({ timeUnixNano: TIME, attributes: [attribute('host', host)], ...value });
const resource = { attributes: [attribute('service.name', 'my shop, "inc"')] };
const METRICS = batchOf('metrics', {
  resourceMetrics: [
    {
      resource,
      scopeMetrics: [
        {
          metrics: [
            { name: 'temperature', gauge: { dataPoints: [point({ asDouble: 1.5 }), point({ asDouble: -2 }, 'b')] } },
            { name: 'free', gauge: { dataPoints: [point({ asInt: '9007199254740993' })] } },
            {
              name: 'requests',
              sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [point({ asInt: '7' })] },
            },
            { name: 'open', sum: { aggregationTemporality: 2, dataPoints: [point({ asInt: '-3' })] } },
            {
              name: 'latency',
              histogram: {
                aggregationTemporality: 2,
                dataPoints: [
                  point({
                    count: '6',
                    sum: 12.5,
                    min: 0.1,
                    max: 9,
                    bucketCounts: ['1', '2', '3'],
                    explicitBounds: [1, 5],
                  }),
                ],
              },
            },
            {
              name: 'size',
              exponentialHistogram: {
                aggregationTemporality: 2,
                dataPoints: [
                  point({
                    count: '4',
                    sum: 7,
                    scale: 0,
                    zeroCount: '1',
                    positive: { offset: 0, bucketCounts: ['1', '2'] },
                  }),
                ],
              },
            },
            {
              name: 'wait',
              summary: { dataPoints: [point({ count: '2', sum: 11, quantileValues: [{ quantile: 0.5, value: 3 }] })] },
            },
          ],
        },
      ],
    },
  ],
});

/** Field and value of each row, with the tag that tells lines of one field apart. */
const values = (rows: readonly Row[], tag = 'host') =>
  rows.map((r) => `${r[tag] ?? ''} ${r._field}=${r._value}`).sort();

scenario('data points of every kind, one measurement for each metric', async () => {
  const bucket = await freshBucket();
  const { made, settings } = await exporter(bucket, NO_QUEUE);
  await made.consume(METRICS.retain());
  const of = async (measurement: string) => values(await influx.points(bucket, measurement));
  assert.deepEqual(await of('temperature'), ['a gauge=1.5', 'b gauge=-2']);
  assert.deepEqual(await of('free'), ['a gauge=9007199254740993']);
  assert.deepEqual(await of('requests'), ['a counter=7']);
  assert.deepEqual(await of('open'), ['a gauge=-3']);
  const buckets = ['a +Inf=6', 'a 1=1', 'a 5=3'];
  assert.deepEqual(await of('latency'), [...buckets, 'a count=6', 'a max=9', 'a min=0.1', 'a sum=12.5'].sort());
  assert.deepEqual(await of('size'), ['a +Inf=4', 'a 0=1', 'a 2=2', 'a 4=4', 'a count=4', 'a sum=7']);
  assert.deepEqual(await of('wait'), ['a 0.5=3', 'a count=2', 'a sum=11']);
  const [row] = await influx.points(bucket, 'free');
  assert.deepEqual([row?._time, row?.['service.name']], [WHEN, 'my shop, "inc"']);
  assert.equal(settings.meter.value(REJECTED), undefined);
});

scenario('the same in one measurement', async () => {
  const bucket = await freshBucket();
  const { made } = await exporter(bucket, `${NO_QUEUE}\nmetrics_schema: telegraf-prometheus-v2`);
  await made.consume(METRICS.retain());
  const rows = await influx.points(bucket, 'prometheus');
  const latency = rows.filter(({ _field }) => _field?.startsWith('latency'));
  assert.deepEqual(values(latency, 'le'), [
    ' latency_count=6',
    ' latency_max=9',
    ' latency_min=0.1',
    ' latency_sum=12.5',
    '+Inf latency_bucket=6',
    '1 latency_bucket=1',
    '5 latency_bucket=3',
  ]);
  assert.deepEqual(
    values(
      rows.filter(({ _field }) => _field === 'wait'),
      'quantile',
    ),
    ['0.5 wait=3'],
  );
});

const TEXT = 'line 1\r\n\t"line 2" \\ ü, a=b 🙂';

scenario('spans with events and links, and log records, with texts of every kind', async () => {
  const bucket = await freshBucket();
  const { made, settings } = await exporter(bucket, NO_QUEUE);
  const ids = { traceId: '0a'.repeat(16), spanId: '0b'.repeat(8) };
  const links = [{ traceId: '0c'.repeat(16), spanId: '0d'.repeat(8) }];
  const events = [{ timeUnixNano: TIME, name: 'boom', attributes: [attribute('stack', TEXT)] }];
  const span = { ...ids, name: 'GET /', kind: 2, startTimeUnixNano: TIME, endTimeUnixNano: TIME, events, links };
  await made.consume(batchOf('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }));
  const record = {
    ...ids,
    timeUnixNano: TIME,
    severityNumber: 9,
    body: { stringValue: TEXT },
    attributes: [attribute('k', TEXT)],
  };
  await made.consume(batchOf('logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] }));
  const field = async (measurement: string, name: string, service?: string) => {
    const rows = await influx.points(bucket, measurement);
    return rows.find((r) => r._field === name && (service === undefined || r['service.name'] === service))?._value;
  };
  assert.equal(await field('spans', 'span.name'), 'GET /');
  assert.equal(await field('spans', 'duration_nano'), '0');
  const [spanRow] = await influx.points(bucket, 'spans');
  assert.deepEqual([spanRow?.trace_id, spanRow?._time], [ids.traceId, WHEN]);
  assert.deepEqual(JSON.parse(String(await field('logs', 'attributes'))), { stack: TEXT });
  const own = 'my shop, "inc"';
  // CSV, in which the answer comes, has only one kind of line break
  assert.equal(await field('logs', 'body', own), TEXT.replace(/\r*\n/, '\r\n'));
  assert.deepEqual(JSON.parse(String(await field('logs', 'attributes', own))), { k: TEXT });
  const [link] = await influx.points(bucket, 'span-links');
  assert.deepEqual([link?.linked_trace_id, link?.linked_span_id], ['0c'.repeat(16), '0d'.repeat(8)]);
  assert.equal(settings.meter.value(REJECTED), undefined);
});

scenario('whatever telemetry comes, InfluxDB can read it', async () => {
  const bucket = await freshBucket();
  const { made, settings } = await exporter(bucket, NO_QUEUE);
  for (let seed = 0; seed < 12; seed++) {
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      await made.consume(Telemetry.of(signal, randomRequest(signal, seed), 1));
    }
  }
  const unreadable = settings.logger.lines
    .filter(({ level }) => level === 'warn')
    .map(({ fields }) => String(fields.reason))
    // random numbers make times outside of what InfluxDB knows, and fields of changing types
    .filter((reason) => /unable to parse/.test(reason) && !/time outside range/.test(reason));
  assert.deepEqual(unreadable, []);
});

/** Log records that differ in their time. */
function numbered(first: number, count: number): Telemetry {
  const logRecords = Array.from({ length: count }, (_, i) => ({
    timeUnixNano: String(BigInt(TIME) + BigInt(first + i)),
    body: { stringValue: `record ${first + i}` },
  }));
  return batchOf('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

scenario('a value of another type, and a line that cannot be read, cost themselves only', async () => {
  const bucket = await freshBucket();
  const { made, settings, said } = await exporter(bucket, NO_QUEUE);
  const gauges = (list: readonly object[]) => {
    const dataPoints = list.map((value, i) => ({ timeUnixNano: String(i + 1), ...value }));
    const metrics = [{ name: 'm', gauge: { dataPoints } }];
    return batchOf('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
  };
  await made.consume(gauges([{ asInt: '1' }]));
  await made.consume(gauges([{ asInt: '1' }, { asDouble: 2.5 }, { asInt: '3' }]));
  await made.consume(gauges([{ asInt: '1' }, { asDouble: 2.5 }, { asInt: '3' }]));
  assert.equal(settings.meter.value(REJECTED), 2);
  assert.equal(await influx.count(bucket, 'gauge'), 2);
  const reserved = { asInt: '5', attributes: [attribute('time', 'x')] };
  const long = { asInt: '5', attributes: [attribute('k', 'x'.repeat(70_000))] };
  await made.consume(gauges([...Array(50).keys()].map((i) => (i === 7 ? reserved : i === 33 ? long : { asInt: '1' }))));
  assert.equal(settings.meter.value(REJECTED), 4);
  assert.equal(await influx.count(bucket, 'gauge'), 48);
  assert.equal(said().length, 3, said().join('\n'));
});

const PATIENT = `timeout: 10s
payload_max_lines: 40
sending_queue: {queue_size: 1000, num_consumers: 4}
retry_on_failure: {initial_interval: 100ms, max_interval: 500ms, max_elapsed_time: 0s}`;

async function load(made: { consume(batch: Telemetry): void | Promise<void> }, during: (batch: number) => unknown) {
  let accepted = 0;
  for (let i = 0; i < 200; i++) {
    await during(i);
    await made.consume(numbered(accepted, 100));
    accepted += 100;
    await pause(5);
  }
  return accepted;
}

scenario('429, 503, other failures and lost answers: everything accepted is there, once', async () => {
  const bucket = await freshBucket();
  await using proxy = await FaultProxy.start(influx.service.port);
  const faults = [{ status: 429, headers: { 'retry-after': '1' } }, { status: 503 }, { status: 500 }, 'lost'] as const;
  proxy.fault = (n) => (n % 5 === 0 && n < 400 ? faults[(n / 5) % faults.length] : undefined);
  const { made, settings, said } = await exporter(bucket, PATIENT, proxy.url);
  const accepted = await load(made, () => {});
  await until('all records', async () => (await influx.count(bucket, 'body')) === accepted);
  await made.shutdown();
  assert.equal(settings.meter.value('otelcol_exporter_sent_log_records'), accepted);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_log_records') ?? 0, 0);
  const changes = new Set(said());
  assert.deepEqual(
    [...changes],
    ['Exporting failed. Will retry the request after interval.', 'Exporting works again.'],
  );
});

scenario('Retry-After is obeyed', async () => {
  const bucket = await freshBucket();
  await using proxy = await FaultProxy.start(influx.service.port);
  proxy.fault = (n) => (n === 0 ? { status: 503, headers: { 'retry-after': '2' } } : undefined);
  const { made } = await exporter(bucket, PATIENT, proxy.url);
  await made.consume(numbered(0, 10));
  await until('the records', async () => (await influx.count(bucket, 'body')) === 10);
  const [first = 0, second = 0] = proxy.times;
  assert.ok(second - first >= 2000, `after ${second - first} ms`);
});

scenario('InfluxDB is killed under load and comes back: everything accepted is there', async () => {
  const bucket = await freshBucket();
  const { made, said } = await exporter(bucket, PATIENT);
  let restarted: Promise<void> | undefined;
  const accepted = await load(made, async (i) => {
    if (i === 60) await influx.service.stop('SIGKILL');
    if (i === 120) restarted = influx.restart();
  });
  await restarted;
  await until('all records', async () => (await influx.count(bucket, 'body')) === accepted);
  await made.shutdown();
  assert.deepEqual(said(), ['Exporting failed. Will retry the request after interval.', 'Exporting works again.']);
});
