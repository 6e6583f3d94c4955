/**
 * The configuration of the architecture document, unchanged, with real stores where it says they are: what is sent to
 * 4317 is counted in each of them with what the store itself offers for questions; the stores go away and come back.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import otlpGrpcFactory from '../../exporters/otlp_grpc/index.ts';
import { BUCKET, CONFIG, Platform, recordsOf } from './architecture-lab.ts';
import { batchOf, pause, scenario, startExporter } from './exporter-lab.ts';

/** Spans wait 10 s for the end of their trace, batches 5 s, retries up to 45 s; and the machine may be busy. */
const PATIENCE_MS = 240_000;
const LINES_WITH_WARNINGS = [7, 82, 83, 84, 85, 86, 92, 100, 116, 143, 146, 153];
const SPANS_OF_A_TRACE = 5;

let platform: Platform;
before(async () => {
  platform = await Platform.start();
});
after(() => platform?.[Symbol.asyncDispose]());

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end)
      throw new Error(`timed out waiting for ${what}:\n${platform.weir.output.slice(-4000)}`);
    await pause(1000);
  }
}

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const resourceOf = (service: string) => ({
  attributes: [attribute('service.name', service), attribute('host.name', `host of ${service}`)],
});
const now = () => BigInt(Date.now()) * 1_000_000n;

/** Traces in one request. Those with an error are always kept, of the others one in a hundred is. */
function tracesBatch(service: string, first: number, count: number, failed = true): Telemetry {
  const start = now();
  const spans = Array.from({ length: count * SPANS_OF_A_TRACE }, (_, i) => ({
    traceId: (first + Math.floor(i / SPANS_OF_A_TRACE) + 1).toString(16).padStart(32, service === 'ok' ? 'a' : 'b'),
    spanId: (first * SPANS_OF_A_TRACE + i + 1).toString(16).padStart(16, '0'),
    name: `span ${first * SPANS_OF_A_TRACE + i}`,
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 3_000_000n),
    attributes: [attribute('sensitive_data', 'secret'), attribute('user.email', 'a@example.com')],
    status: failed ? { code: 2 } : {},
  }));
  return batchOf('traces', { resourceSpans: [{ resource: resourceOf(service), scopeSpans: [{ spans }] }] });
}

/** Points that differ in their time, also from those of other batches of the same millisecond. */
function metricsBatch(service: string, first: number, count: number): Telemetry {
  const begin = now() + BigInt(first);
  const dataPoints = Array.from({ length: count }, (_, i) => ({
    timeUnixNano: String(begin + BigInt(i)),
    asInt: String(first + i),
  }));
  const metrics = [{ name: `level of ${service}`, gauge: { dataPoints } }];
  return batchOf('metrics', { resourceMetrics: [{ resource: resourceOf(service), scopeMetrics: [{ metrics }] }] });
}

const client = async () =>
  (
    await startExporter(
      otlpGrpcFactory,
      'endpoint: 127.0.0.1:4317\ntls: {insecure: true}\nsending_queue: {enabled: false}\ntimeout: 30s',
    )
  ).made;

const names = (count: number) => Array.from({ length: count }, (_, i) => `span ${i}`).sort();

async function inJaeger(service: string): Promise<string[]> {
  const spans = await platform.stores.jaeger.spans(service);
  return [...new Set(spans.map(({ operationName }) => operationName))].sort();
}

async function inKafka(service: string): Promise<string[]> {
  const records = await recordsOf(platform.stores.kafka, 'traces', (key) => key === service);
  const spans = records.flatMap(({ tree }) =>
    tree.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
  return [...new Set(spans.map(({ name }) => name))].sort();
}

/** How many points of the metric there are. */
async function pointsInInflux(service: string): Promise<number> {
  const rows = await platform.stores.influx.query(`
    from(bucket: "${BUCKET}") |> range(start: -1h, stop: 1h)
      |> filter(fn: (r) => r._measurement == "level of ${service}" and r._field == "gauge") |> group() |> count()`);
  return Number(rows[0]?._value ?? 0);
}

async function pointsInKafka(service: string): Promise<number> {
  const records = await recordsOf(platform.stores.kafka, 'metrics', (key) => key === service);
  const values = records.flatMap(({ tree }) =>
    tree.resourceMetrics.flatMap(({ scopeMetrics }) =>
      scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(({ gauge }) => gauge?.dataPoints ?? [])),
    ),
  );
  return new Set(values.map(({ asInt }) => asInt)).size;
}

/** The sum of the latest values of the counter that spanmetrics makes. */
async function callsInInflux(service: string): Promise<number> {
  const rows = await platform.stores.influx.query(`
    from(bucket: "${BUCKET}") |> range(start: -1h, stop: 1h)
      |> filter(fn: (r) => r._measurement == "traces.span.metrics.calls" and r._field == "counter")
      |> filter(fn: (r) => r["service.name"] == "${service}")
      |> last() |> toFloat() |> group() |> sum()`);
  return Number(rows[0]?._value ?? 0);
}

test('it starts with one warning for each line that the collector does not know, and the extensions are there', async () => {
  const warned = platform.weir.output.split('\n').filter((line) => line.includes('\twarn\t'));
  const lines = warned.map((line) => Number(line.split(`${CONFIG}:`)[1]?.split(':')[0]));
  assert.deepEqual(
    lines.sort((a, b) => a - b),
    LINES_WITH_WARNINGS,
    warned.join('\n'),
  );
  for (const [port, path] of Object.entries({
    13133: '/',
    1777: '/debug/pprof/',
    55679: '/debug/servicez',
    8888: '/metrics',
  })) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    assert.equal(answer.status, 200, `${port}${path}`);
    if (port === '8888') assert.match(await answer.text(), /^otelcol_process_uptime/m);
  }
});

scenario(
  'spans are in Jaeger and in Kafka, metrics in InfluxDB and Kafka, what is measured of spans in InfluxDB',
  async () => {
    const made = await client();
    await made.consume(tracesBatch('shop', 0, 100));
    await made.consume(tracesBatch('ok', 0, 100, false));
    for (let i = 0; i < 10; i++) await made.consume(metricsBatch('meter', i * 100, 100));

    const wanted = names(100 * SPANS_OF_A_TRACE);
    await until('all spans in Jaeger', async () => (await inJaeger('shop')).length === wanted.length);
    assert.deepEqual(await inJaeger('shop'), wanted);
    await until('all points in InfluxDB', async () => (await pointsInInflux('meter')) === 1000);
    await until('all spans in Kafka', async () => (await inKafka('shop')).length === wanted.length);
    assert.deepEqual(await inKafka('shop'), wanted);
    await until('all points in Kafka', async () => (await pointsInKafka('meter')) === 1000);
    await until('the measured spans in InfluxDB', async () => (await callsInInflux('shop')) === wanted.length);

    const [span] = await platform.stores.jaeger.spans('shop');
    const tag = (tags: readonly { readonly key: string; readonly value: unknown }[], key: string) =>
      tags.find((one) => one.key === key)?.value;
    assert.equal(tag(span?.tags ?? [], 'sensitive_data'), undefined);
    assert.match(String(tag(span?.tags ?? [], 'user.email')), /^[0-9a-f]{64}$/);
    assert.equal(tag(span?.process.tags ?? [], 'k8s.cluster.name'), 'production-cluster');
    assert.equal(tag(span?.process.tags ?? [], 'service.instance.id'), 'host of shop');
    // one trace in a hundred, so that the many that are kept by mistake would show
    assert.ok((await inJaeger('ok')).length <= 20 * SPANS_OF_A_TRACE);
  },
);

/** Which store is away when, in milliseconds from the beginning of the load. */
const OUTAGES = [
  { store: 'kafka', from: 3000, to: 16_000 },
  { store: 'jaeger', from: 8000, to: 22_000 },
  { store: 'influx', from: 12_000, to: 27_000 },
] as const;
const LOAD_MS = 32_000;
/** `limit_mib` of the memory_limiter in the file. */
const MOST_MEMORY_MIB = 512;

const stopping = {
  kafka: () => platform.stores.kafka.stop(0, 'SIGKILL'),
  // what it has acknowledged and not yet written dies with it, so it is asked to end
  jaeger: () => platform.stores.jaeger.service.stop('SIGTERM'),
  influx: () => platform.stores.influx.service.stop('SIGKILL'),
};
const starting = {
  kafka: () => platform.stores.kafka.restart(0),
  jaeger: () => platform.stores.jaeger.restart(),
  influx: () => platform.stores.influx.restart(),
};

async function outage({ store, from, to }: (typeof OUTAGES)[number]): Promise<void> {
  await pause(from);
  await stopping[store]();
  await pause(to - from);
  await starting[store]();
}

/** What the log says of an exporter: a line for each change. One with several signals has a way out for each. */
function changes(exporter: string): string[] {
  const words = platform
    .logOf(`exporter/${exporter}`)
    .map((line) => /Exporting (failed|works)/.exec(line)?.[1])
    .filter((word) => word !== undefined);
  return words.sort();
}

scenario('each store is killed and comes back under load: everything acknowledged is in all of them', async () => {
  const made = await client();
  let [traces, points, running, memory] = [0, 0, true, 0];
  const outages = Promise.all(OUTAGES.map(outage));
  const watch = (async () => {
    for (; running; await pause(500)) memory = Math.max(memory, platform.residentMemory());
  })();
  for (const end = performance.now() + LOAD_MS; performance.now() < end; await pause(100)) {
    await made.consume(tracesBatch('under load', traces, 4));
    traces += 4;
    await made.consume(metricsBatch('load meter', points, 20));
    points += 20;
  }
  await outages;

  const wanted = names(traces * SPANS_OF_A_TRACE);
  await until('all spans in Jaeger', async () => (await inJaeger('under load')).length === wanted.length);
  await until('all points in InfluxDB', async () => (await pointsInInflux('load meter')) === points);
  await until('all spans in Kafka', async () => (await inKafka('under load')).length === wanted.length);
  assert.deepEqual(await inKafka('under load'), wanted);
  await until('all points in Kafka', async () => (await pointsInKafka('load meter')) === points);
  await until('the measured spans in InfluxDB', async () => (await callsInInflux('under load')) === wanted.length);
  running = false;
  await watch;

  console.log(`${wanted.length} spans, ${points} points, at most ${Math.round(memory)} MiB`);
  assert.ok(memory < MOST_MEMORY_MIB, `${memory} MiB`);
  assert.deepEqual(changes('jaeger'), ['failed', 'works']);
  assert.deepEqual(changes('influxdb'), ['failed', 'works']);
  // a broker that starts may take one request and refuse the next: that is a change as well
  const lines = changes('kafka');
  const failed = lines.filter((change) => change === 'failed').length;
  assert.ok(failed >= 2 && failed <= 4 && lines.length === 2 * failed, lines.join());
});

// there is no Kubernetes here, so its pods cannot be asked for metrics; that is said once
test('it ends by itself, with nothing left to send', async () => {
  assert.equal(await platform.weir.stop(), 0);
  const errors = platform.weir.output.split('\n').filter((line) => line.includes('\terror\t'));
  assert.equal(errors.length, 1, errors.join('\n'));
  assert.match(errors[0] ?? '', /Kubernetes cannot be reached, it is tried again/);
});
