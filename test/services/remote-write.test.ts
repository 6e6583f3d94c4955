/** The prometheus_remote_write exporter beside the collector's, and with a real Prometheus. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../differential/random.ts';
import { randomRequest } from '../differential/telemetry.ts';
import { call } from '../golden/steps.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { needOtelcol } from './otelcol.ts';
import { Prometheus } from './prometheus.ts';
import { RemoteWriteSink, type SinkSeries, type Written } from './remote-write-sink.ts';

const SEED = Number(process.env.WEIR_SEED ?? 1);
const CONFIGS = 24;
const REQUESTS = 30;
const GATES = ['--feature-gates=exporter.prometheusremotewritexporter.enableSendingRW2'];
const PROTO = { 'content-type': 'application/x-protobuf' };

const STRATEGIES = ['UnderscoreEscapingWithSuffixes', 'UnderscoreEscapingWithoutSuffixes'];
const KEEPING = ['NoUTF8EscapingWithSuffixes', 'NoTranslation'];

function randomConfig(random: Random): Record<string, unknown> {
  const second = random.chance(0.4);
  const strategies = second ? [...STRATEGIES, ...KEEPING] : STRATEGIES;
  return {
    remote_write_queue: { enabled: false },
    ...(second && { protobuf_message: 'io.prometheus.write.v2.Request' }),
    ...random.maybe(0.5, 'namespace', () => random.pick(['shop', 'a_b'])),
    ...random.maybe(0.5, 'external_labels', () => ({ cluster: 'eu', 'host.name': 'x', _own: 'y', __tenant__: 'z' })),
    ...random.maybe(0.5, 'send_metadata', () => true),
    ...random.maybe(0.4, 'add_metric_suffixes', () => false),
    ...random.maybe(0.5, 'translation_strategy', () => random.pick(strategies)),
    ...random.maybe(0.3, 'disable_scope_info', () => true),
    ...random.maybe(0.3, 'target_info', () => ({ enabled: false })),
    ...random.maybe(0.5, 'resource_to_telemetry_conversion', () => ({
      enabled: true,
      exclude_service_attributes: random.chance(0.5),
    })),
    ...random.maybe(0.3, 'max_batch_size_bytes', () => random.pick([500, 20_000])),
  };
}

async function run(command: readonly string[] | undefined, configs: object[], requests: readonly Buffer[]) {
  await using sink = await RemoteWriteSink.start();
  await using lab = new Lab();
  const port = await freePort();
  const exporters = Object.fromEntries(
    configs.map((config, i) => [`prometheusremotewrite/${i}`, { ...config, endpoint: `${sink.url}/${i}` }]),
  );
  const pipelines = Object.fromEntries(
    Object.keys(exporters).map((id, i) => [`metrics/${i}`, { receivers: ['otlp'], exporters: [id] }]),
  );
  const telemetry = { metrics: { level: 'none' }, logs: { level: 'error' } };
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters,
    service: { telemetry, pipelines },
  };
  const daemon = lab.run(JSON.stringify(config), command, GATES);
  await daemon.listening(port);
  for (const body of requests) assert.equal((await call(port, 'POST', '/v1/metrics', body, PROTO)).status, 200);
  assert.equal(await daemon.stop(), 0);
  return configs.map((_, i): Written => sink.at(`/${i}`));
}

/** Buckets of a scale that is too fine are merged, which the collector does wrong where the first ones are empty. */
function withoutMerged(series: SinkSeries | undefined): void {
  series?.histograms.forEach((text, i, all) => {
    all[i] = text.replace(/(?<= schema 8 .*) negative .*/, '');
  });
}

test('writes what the collector writes', async (t) => {
  const random = new Random(SEED);
  const configs = Array.from({ length: CONFIGS }, () => randomConfig(random));
  const requests = Array.from({ length: REQUESTS }, () => randomRequest('metrics', random));
  const ours = await run(undefined, configs, requests);
  const theirs = await run([needOtelcol()], configs, requests);
  let series = 0;
  for (const [i, config] of configs.entries()) {
    const [got, want] = [ours[i]?.canonical() ?? {}, theirs[i]?.canonical() ?? {}];
    const keys = new Set([...Object.keys(got), ...Object.keys(want)]);
    // in the second version the collector leaves out the exemplars of histograms
    const extra = (key: string) => 'protobuf_message' in config && key.includes('_bucket"');
    for (const key of keys) {
      if (extra(key)) got[key]?.exemplars.splice(0);
      for (const one of [got[key], want[key]]) withoutMerged(one);
      // a bucket up to +Inf that is there already is not sent a second time
      const sent = got[key]?.samples ?? [];
      if (key.includes('["le","+Inf"]')) want[key]?.samples.splice(0, Infinity, ...sent);
      // one by one, because a difference in all of it is too long to read
      assert.deepEqual(got[key], want[key], `${JSON.stringify(config)}\n${key}`);
    }
    assert.deepEqual(new Set(ours[i]?.metadata), new Set(theirs[i]?.metadata), JSON.stringify(config));
    series += keys.size;
  }
  t.diagnostic(`${series} series of ${CONFIGS} configurations`);
  assert.ok(series > 1000);
});

const YAML = (port: number, url: string, more = '') => `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${port}"}}}}
exporters:
  prometheus_remote_write:
    endpoint: ${url}
    external_labels: {cluster: eu}
    send_metadata: true
    retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}
    ${more}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus_remote_write]}}
`;

const nanos = (ms: number) => `${BigInt(Math.floor(ms)) * 1_000_000n}`;

/** One of each kind, at a time. */
function everyKind(ms: number) {
  const at = { timeUnixNano: nanos(ms), startTimeUnixNano: nanos(ms - 60_000) };
  const exemplars = [{ timeUnixNano: nanos(ms), asDouble: 7, traceId: '5b8efff798038103d269b633813fc60c' }];
  const buckets = { count: '5', sum: 12.5, bucketCounts: ['2', '3', '0'], explicitBounds: [1, 10] };
  const exponential = {
    count: '6',
    sum: 20,
    scale: 0,
    zeroCount: '1',
    positive: { offset: 0, bucketCounts: ['2', '3'] },
  };
  const quantileValues = [{ quantile: 0.5, value: 3 }];
  const cumulative = { aggregationTemporality: 2 };
  const metrics = [
    { name: 'queue.size', unit: '1', gauge: { dataPoints: [{ ...at, asInt: '42' }] } },
    {
      name: 'http.requests',
      description: 'Requests.',
      sum: { ...cumulative, isMonotonic: true, dataPoints: [{ ...at, asDouble: 3, exemplars }] },
    },
    { name: 'rpc.duration', unit: 's', histogram: { ...cumulative, dataPoints: [{ ...at, ...buckets, exemplars }] } },
    { name: 'native', exponentialHistogram: { ...cumulative, dataPoints: [{ ...at, ...exponential }] } },
    { name: 'pause', summary: { dataPoints: [{ ...at, count: '4', sum: 9, quantileValues }] } },
  ];
  return metrics;
}

function request(metrics: readonly object[]): Buffer {
  const attributes = Object.entries({ 'service.name': 'shop', 'service.instance.id': 'a', region: 'north' }).map(
    ([key, stringValue]) => ({ key, value: { stringValue } }),
  );
  return Buffer.from(JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] }));
}

const JSON_TEXT = { 'content-type': 'application/json' };
async function post(port: number, metrics: readonly object[]): Promise<void> {
  assert.equal((await call(port, 'POST', '/v1/metrics', request(metrics), JSON_TEXT)).status, 200);
}

test('Prometheus has every kind of metric', async () => {
  await using prometheus = await Prometheus.start();
  await using lab = new Lab();
  const port = await freePort();
  const daemon = await lab.run(YAML(port, prometheus.writeUrl)).listening(port);
  const now = Date.now();
  await post(port, everyKind(now));
  assert.equal(await daemon.stop(), 0);
  const ask = async (query: string) =>
    Object.fromEntries(
      (await prometheus.query(query, now / 1000)).map(({ metric, value }) => {
        const { __name__, le, quantile } = metric;
        assert.deepEqual([metric.job, metric.instance, metric.cluster], ['shop', 'a', 'eu']);
        return [`${__name__} ${le ?? quantile ?? ''}`.trim(), value?.[1]];
      }),
    );
  assert.deepEqual(await ask('{job="shop",__name__!="native"}'), {
    http_requests_total: '3',
    pause_count: '4',
    pause_sum: '9',
    'pause 0.5': '3',
    queue_size_ratio: '42',
    'rpc_duration_seconds_bucket 1': '2',
    'rpc_duration_seconds_bucket 10': '5',
    'rpc_duration_seconds_bucket +Inf': '5',
    rpc_duration_seconds_count: '5',
    rpc_duration_seconds_sum: '12.5',
    target_info: '1',
  });
  const [native] = await prometheus.query('native', now / 1000);
  assert.deepEqual(native?.histogram?.[1], {
    count: '6',
    sum: '20',
    buckets: [
      [3, '-1e-128', '1e-128', '1'],
      [0, '1', '2', '2'],
      [0, '2', '4', '3'],
    ],
  });
  const metadata = await prometheus.api('metadata', { metric: 'http_requests_total' });
  assert.deepEqual(metadata.http_requests_total ?? [], [], 'this release keeps metadata of scraped targets only');
  const range = { query: 'http_requests_total', start: String(now / 1000 - 60), end: String(now / 1000 + 60) };
  const [{ exemplars }] = await prometheus.api('query_exemplars', range);
  assert.deepEqual(exemplars[0].labels, { trace_id: '5b8efff798038103d269b633813fc60c' });
});

test('a series that ended is gone at once', async () => {
  await using prometheus = await Prometheus.start();
  await using lab = new Lab();
  const port = await freePort();
  const daemon = await lab.run(YAML(port, prometheus.writeUrl)).listening(port);
  const now = Date.now();
  const gauge = (ms: number, flags: number) => ({
    name: 'level',
    gauge: { dataPoints: [{ timeUnixNano: nanos(ms), asDouble: 1, flags }] },
  });
  await post(port, [gauge(now, 0)]);
  await post(port, [gauge(now + 1000, 1)]);
  assert.equal(await daemon.stop(), 0);
  assert.equal((await prometheus.query('level', now / 1000)).length, 1);
  assert.equal((await prometheus.query('level', now / 1000 + 1)).length, 0);
});

const POINTS = 300;
test('Prometheus is killed under load: every acknowledged point is there', async () => {
  await using prometheus = await Prometheus.start();
  await using lab = new Lab();
  const port = await freePort();
  const daemon = await lab.run(YAML(port, prometheus.writeUrl)).listening(port);
  const start = Date.now() - POINTS * 1000;
  for (let i = 0; i < POINTS; i++) {
    const dataPoints = [{ timeUnixNano: nanos(start + i * 1000), asInt: String(i) }];
    await post(port, [{ name: 'step', gauge: { dataPoints } }]);
    if (i === 100) await prometheus.service.stop('SIGKILL');
    if (i === 200) await prometheus.service.restart();
  }
  await prometheus.ready();
  const stored = async () => {
    const [series] = await prometheus.query(`step[${POINTS + 60}s]`, Date.now() / 1000);
    return series?.values?.length ?? 0;
  };
  await daemon.until('all points', async () => (await stored()) === POINTS);
  assert.equal(await daemon.stop(), 0);
});
