/** The prometheus_remote_write exporter beside the collector's, and with a real Prometheus. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../differential/random.ts';
import { randomRequest } from '../differential/telemetry.ts';
import { call } from '../golden/steps.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { needOtelcol } from './otelcol.ts';
import { RemoteWriteSink, type Written } from './remote-write-sink.ts';

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
      // one by one, because a difference in all of it is too long to read
      assert.deepEqual(got[key], want[key], `${JSON.stringify(config)}\n${key}`);
    }
    assert.deepEqual(new Set(ours[i]?.metadata), new Set(theirs[i]?.metadata), JSON.stringify(config));
    series += keys.size;
  }
  t.diagnostic(`${series} series of ${CONFIGS} configurations`);
  assert.ok(series > 1000);
});
