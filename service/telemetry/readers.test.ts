import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Secret } from '../../core/config/secret.ts';
import { GrpcServer } from '../../core/grpc/server.ts';
import type { UnaryHandler } from '../../core/grpc/types.ts';
import type { MetricDefinition } from '../../core/meter.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { FakeClock, settle } from '../../core/testing/fake-clock.ts';
import { startHttpSink } from '../../core/testing/http-sink.ts';
import { TEST_BUILD, TestLogger } from '../../core/testing/settings.ts';
import { PeriodicReader } from './periodic-reader.ts';
import { startPrometheusReader } from './prometheus-reader.ts';
import { Registry } from './registry.ts';
import { startTelemetry } from './telemetry.ts';
import type { OtlpReaderSettings, PrometheusReaderSettings, TelemetrySettings } from './types.ts';

const RESOURCE = { 'service.name': 'weir' };
const SENT: MetricDefinition = { name: 'otelcol_exporter_sent_spans', description: 'Sent.', unit: '{spans}' };

const PROMETHEUS: PrometheusReaderSettings = {
  host: '127.0.0.1',
  port: 0,
  without_scope_info: true,
  without_units: true,
  without_type_suffix: true,
};

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function sink() {
  const { posts, answer, port, close } = await startHttpSink();
  closing.push(close);
  const arrived = async (count: number): Promise<void> => {
    while (posts.length < count) await settle();
  };
  return { posts, answer, arrived, port };
}

function otlp(port: number, changes: Partial<OtlpReaderSettings> = {}): OtlpReaderSettings {
  const endpoint = `http://127.0.0.1:${port}`;
  return { protocol: 'http/protobuf', endpoint, headers: new Map(), insecure: false, ...changes };
}

function reader(registry: Registry, settings: OtlpReaderSettings | undefined, clock = new FakeClock()) {
  const logger = new TestLogger();
  const lines: string[] = [];
  const context = {
    registry,
    resource: RESOURCE,
    clock,
    logger,
    userAgent: 'weir/1',
    print: (l: string) => lines.push(l),
  };
  const exporter = settings === undefined ? { console: {} } : { otlp: settings };
  return { reader: new PeriodicReader(context, { interval: 1000, timeout: 5000, exporter }), clock, logger, lines };
}

test('several readers at once, each with its own spelling; other paths are not found', async () => {
  const registry = new Registry('basic');
  registry.counter(SENT).add(2);
  const plain = await startPrometheusReader(registry, RESOURCE, PROMETHEUS);
  const total = await startPrometheusReader(registry, RESOURCE, { ...PROMETHEUS, without_type_suffix: false });
  closing.push(
    () => plain.close(),
    () => total.close(),
  );
  const get = (port: number, path = '/metrics') => fetch(`http://127.0.0.1:${port}${path}`);
  const response = await get(plain.port);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores');
  assert.match(await response.text(), /^otelcol_exporter_sent_spans 2$/m);
  assert.match(await (await get(total.port)).text(), /^otelcol_exporter_sent_spans_total 2$/m);
  assert.equal((await get(plain.port, '/')).status, 404);
});

test('a scraper that accepts gzip gets it', async () => {
  const plain = await startPrometheusReader(new Registry('basic'), RESOURCE, PROMETHEUS);
  closing.push(() => plain.close());
  const url = `http://127.0.0.1:${plain.port}/metrics`;
  const zipped = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(zipped.headers.get('content-encoding'), 'gzip');
  assert.match(await zipped.text(), /^target_info/m);
  const identity = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
  assert.equal(identity.headers.get('content-encoding'), null);
});

test('a port in use is told as the collector tells it', async () => {
  const first = await startPrometheusReader(new Registry('basic'), RESOURCE, PROMETHEUS);
  closing.push(() => first.close());
  const address = `127.0.0.1:${first.port}`;
  await assert.rejects(startPrometheusReader(new Registry('basic'), RESOURCE, { ...PROMETHEUS, port: first.port }), {
    message: `binding address ${address} for Prometheus exporter: listen tcp ${address}: bind: address already in use`,
  });
});

test('OTLP over HTTP each interval and once at the end', async () => {
  const { posts, arrived, port } = await sink();
  const registry = new Registry('basic');
  const counter = registry.counter(SENT, { exporter: 'a' });
  registry.gauge({ name: 'load', description: '', unit: '1' }).set(0.5);
  registry.histogram({ name: 'size', description: '', unit: 'By', bounds: [1, 10] }).record(7);
  const headers = new Map([['X-Key', { reveal: () => 'k' }]]);
  const { reader: periodic, clock, logger } = reader(registry, otlp(port, { headers, compression: 'gzip' }));
  const start = clock.nowNanos();
  counter.add(5);
  clock.advance(1000);
  await arrived(1);
  counter.add(1);
  await periodic.close();
  await periodic.close();
  assert.equal(posts.length, 2);
  assert.equal(clock.pending, 0);
  assert.deepEqual(logger.lines, []);
  const [post] = posts;
  assert.equal(post?.path, '/v1/metrics');
  assert.equal(post?.headers['content-type'], 'application/x-protobuf');
  assert.equal(post?.headers['x-key'], 'k');
  const batch = Telemetry.of('metrics', gunzipSync(post?.body ?? ''), 0);
  const resource = decodeTree('metrics', batch).resourceMetrics[0];
  assert.deepEqual(resource?.resource?.attributes[0]?.value?.stringValue, 'weir');
  const metrics = resource?.scopeMetrics[0]?.metrics ?? [];
  assert.deepEqual(
    metrics.map((m) => m.name),
    ['load', 'otelcol_exporter_sent_spans', 'size'],
  );
  assert.equal(metrics[0]?.gauge?.dataPoints[0]?.asDouble, 0.5);
  const sum = metrics[1]?.sum;
  assert.equal(sum?.isMonotonic, true);
  assert.equal(sum?.dataPoints[0]?.asInt, 5n);
  assert.equal(sum?.dataPoints[0]?.startTimeUnixNano, start);
  assert.equal(sum?.dataPoints[0]?.timeUnixNano, start + 1_000_000_000n);
  assert.deepEqual(
    sum?.dataPoints[0]?.attributes.map((a) => [a.key, a.value?.stringValue]),
    [['exporter', 'a']],
  );
  const histogram = metrics[2]?.histogram?.dataPoints[0];
  assert.deepEqual([histogram?.count, histogram?.sum, histogram?.bucketCounts], [1n, 7, [0n, 1n, 0n]]);
});

test('OTLP over gRPC', async () => {
  const received: { readonly body: Buffer; readonly key: string | undefined }[] = [];
  const methods = new Map<string, UnaryHandler>([
    [
      '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      (call) => {
        const { buffer, start, end } = call.message;
        received.push({ body: Buffer.from(buffer.subarray(start, end)), key: call.header('x-key') });
        call.reply(Buffer.alloc(0));
      },
    ],
  ]);
  const server = new GrpcServer({ endpoint: { host: '127.0.0.1', port: 0 }, methods });
  const { port } = (await server.listen()) as AddressInfo;
  const registry = new Registry('basic');
  registry.counter(SENT, { exporter: 'a' }).add(5);
  const headers = new Map([['X-Key', { reveal: () => 'k' }]]);
  const { reader: periodic, logger } = reader(registry, otlp(port, { protocol: 'grpc', headers }));
  await periodic.close();
  await server.close(0);
  assert.deepEqual(logger.lines, []);
  assert.equal(received.length, 1);
  assert.equal(received[0]?.key, 'k');
  const tree = decodeTree('metrics', Telemetry.of('metrics', received[0]?.body ?? Buffer.alloc(0), 1));
  assert.equal(tree.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.sum?.dataPoints[0]?.asInt, 5n);
});

test('OTLP as JSON, with headers from a list', async () => {
  const { posts, port } = await sink();
  const registry = new Registry('basic');
  registry.counter(SENT, { exporter: 'a' }).add(5);
  const headers_list = new Secret('a=b=c, D=e');
  const { reader: periodic } = reader(registry, otlp(port, { protocol: 'http/json', headers_list }));
  await periodic.close();
  const [post] = posts;
  assert.equal(post?.headers['content-type'], 'application/json');
  assert.deepEqual([post?.headers.a, post?.headers.d], ['b=c', 'e']);
  const { items } = decodeJson('metrics', post?.body ?? Buffer.alloc(0));
  assert.equal(items, 1);
});

test('a server that refuses or is not there is told, and the next interval tries again', async () => {
  const { posts, answer, arrived, port } = await sink();
  answer.status = 503;
  const {
    reader: periodic,
    clock,
    logger,
  } = reader(new Registry('basic'), otlp(port, { endpoint: `127.0.0.1:${port}`, insecure: true }));
  clock.advance(1000);
  await arrived(1);
  while (logger.lines.length < 1) await settle();
  answer.status = 200;
  clock.advance(1000);
  await arrived(2);
  await periodic.close();
  assert.equal(posts.length, 3);
  assert.match(String(logger.lines[0]?.fields.error), /\/v1\/metrics answered with status 503/);
  const gone = reader(new Registry('basic'), otlp(1, { endpoint: 'http://127.0.0.1:1' }));
  await gone.reader.close();
  assert.match(String(gone.logger.lines[0]?.fields.error), /cannot send to .*ECONNREFUSED/);
});

test('the console exporter prints one line each interval', async () => {
  const registry = new Registry('basic');
  registry.counter(SENT).add(3);
  const { reader: periodic, clock, lines } = reader(registry, undefined);
  clock.advance(2000);
  await periodic.close();
  assert.ok(lines.length >= 2);
  const metric = JSON.parse(lines[0] ?? '').resourceMetrics[0].scopeMetrics[0].metrics[0];
  assert.deepEqual([metric.name, metric.sum.dataPoints[0].asInt], ['otelcol_exporter_sent_spans', '3']);
});

test('startTelemetry: readers run unless the level is none, and a taken port fails the start', async () => {
  const settings = (level: 'none' | 'basic', port: number): TelemetrySettings => ({
    resource: RESOURCE,
    logs: {
      level: 'info',
      encoding: 'console',
      development: false,
      disable_stacktrace: false,
      disable_zap_resource: false,
      output_paths: [],
      error_output_paths: [],
      initial_fields: {},
      sampling: undefined,
    },
    metrics: { level, readers: [{ pull: { exporter: { prometheus: { ...PROMETHEUS, port } } } }] },
  });
  const { port } = await sink();
  const start = (level: 'none' | 'basic') => startTelemetry(settings(level, port), TEST_BUILD, new FakeClock());
  await assert.rejects(start('basic'), /^Error: failed to create meter provider: binding address .* already in use$/);
  const telemetry = await start('none');
  telemetry.meter.counter(SENT).add(1);
  telemetry.logger.info('x');
  await telemetry.shutdown();
  await telemetry.shutdown();
});
