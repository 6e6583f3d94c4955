/** The configuration that an architecture document shows, written for no collector that ever was. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { components } from '../../cmd/weir/components.gen.ts';
import { ConfigError } from '../../core/config/fault.ts';
import { createRegistry } from '../registry.ts';
import { type LoadOptions, loadConfig } from './load.ts';

const FILE = relative(process.cwd(), fileURLToPath(new URL('../../configs/architecture.yaml', import.meta.url)));
const build = { command: 'weir', description: 'Test', version: '1.2.3' };

function load(options: Partial<LoadOptions> = {}) {
  const registry = createRegistry(components);
  return loadConfig({ uris: [FILE], registry, build, env: { INFLUXDB_TOKEN: 'secret-token' }, ...options });
}

/** Lines come in the order in which the code of the components is loaded. */
const inOrder = (lines: readonly string[]): readonly string[] =>
  lines.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));

test('it is the file of the document, byte for byte', () => {
  const hash = createHash('sha256').update(readFileSync(FILE)).digest('hex');
  assert.equal(hash, '99de7728b0b95086aff10594b56fd81edbc041660af5e84c6eb8397b26d8bdc4');
});

const OLDER = 'is a key of older collectors, read as';
const WARNINGS = [
  `7:9: receivers::otlp: 'protocols.grpc.max_recv_msg_size' ${OLDER} 'max_recv_msg_size_mib'`,
  `82:5: exporters::kafka: 'topic' ${OLDER} 'traces.topic, metrics.topic, logs.topic'`,
  `83:5: exporters::kafka: 'partition_key' ${OLDER} 'traces.message_key, metrics.message_key, logs.message_key'`,
  `84:5: exporters::kafka: 'compression' ${OLDER} 'producer.compression'`,
  `85:5: exporters::kafka: 'max_message_bytes' ${OLDER} 'producer.max_message_bytes'`,
  `86:5: exporters::kafka: 'retry' ${OLDER} 'retry_on_failure'`,
  `92:3: exporter 'influxdb' left the collector with v0.154`,
  `100:3: exporter 'jaeger' left the collector with v0.86; Jaeger takes OTLP, so 'otlp_grpc' is the way today`,
  `116:5: connectors::spanmetrics: 'histogram_buckets' ${OLDER} 'histogram.explicit.buckets'`,
  `143:3: 'service.connectors' ${OLDER} 'pipelines.traces.exporters'`,
  "146:16: 'service.extensions' names health_check, pprof, zpages without a declaration, " +
    "read as 'extensions: {health_check, pprof, zpages}'",
  `153:7: 'service.telemetry.metrics.address' ${OLDER} 'readers'`,
];

test('each line that the collector does not know has one warning', async () => {
  const { config } = await load();
  assert.deepEqual(
    inOrder(config.warnings),
    WARNINGS.map((line) => `${FILE}:${line}`),
  );
});

test('a token that is not there is named with its place', async () => {
  const { config } = await load({ env: {} });
  const unset = 'Configuration references unset environment variable "INFLUXDB_TOKEN"';
  assert.ok(config.warnings.includes(`${FILE}:96:12: ${unset}`));
});

test('it means what the document says', async () => {
  const { config, toPlain } = await load();
  // biome-ignore lint/suspicious/noExplicitAny: plain data of any shape
  const plain: any = toPlain(true);
  const { kafka, influxdb } = plain.exporters;
  for (const { topic, message_key: key } of [kafka.traces, kafka.metrics]) {
    assert.deepEqual([topic, key], ['otel-traces', 'service.name']);
  }
  assert.deepEqual([kafka.producer.compression, kafka.producer.max_message_bytes], ['gzip', 1_000_000]);
  const { max_retries: tries, initial_interval: first, max_interval: longest } = kafka.retry_on_failure;
  assert.deepEqual([tries, first, longest], [3, '5s', '30s']);
  assert.equal(influxdb.token, 'secret-token');
  assert.equal(plain.receivers.otlp.protocols.grpc.max_recv_msg_size_mib, 4);
  const { buckets } = plain.connectors.spanmetrics.histogram.explicit;
  assert.equal(buckets.join(), '100µs,1ms,2ms,6ms,10ms,100ms,250ms');
  const [traces] = config.pipelines;
  assert.deepEqual(
    traces?.exporters.map(({ id }) => id),
    ['jaeger', 'kafka', 'spanmetrics'],
  );
  assert.deepEqual(
    config.extensions.map(({ id }) => id),
    ['health_check', 'pprof', 'zpages'],
  );
  const [reader] = config.telemetry.metrics.readers;
  const { host, port } = reader?.pull?.exporter.prometheus ?? {};
  assert.deepEqual([host, port, config.telemetry.metrics.level], ['0.0.0.0', 8888, 'detailed']);
});

const REFUSALS = [
  "7:9: 'protocols.grpc' has invalid keys: max_recv_msg_size",
  "82:5: 'kafkaexporter.Config' has invalid keys: topic",
  "83:5: 'kafkaexporter.Config' has invalid keys: partition_key",
  "84:5: 'kafkaexporter.Config' has invalid keys: compression",
  "85:5: 'kafkaexporter.Config' has invalid keys: max_message_bytes",
  "86:5: 'kafkaexporter.Config' has invalid keys: retry",
  `92:3: 'exporters' unknown type: "influxdb" for id: "influxdb"`,
  `100:3: 'exporters' unknown type: "jaeger" for id: "jaeger"`,
  "116:5: 'spanmetricsconnector.Config' has invalid keys: histogram_buckets",
  "143:3: 'service' has invalid keys: connectors",
  '146:16: references extension "health_check" which is not configured',
  '146:30: references extension "pprof" which is not configured',
  '146:37: references extension "zpages" which is not configured',
  "153:7: 'service.telemetry.metrics' has invalid keys: address",
];

test('read strictly, all of that is refused as the collector refuses it', async () => {
  const error = await load({ strict: true }).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof ConfigError);
  const lines = error.faults.map(({ at, message }) => `${at?.line}:${at?.column}: ${message.split(' (valid')[0]}`);
  assert.deepEqual(inOrder(lines), REFUSALS);
  assert.deepEqual(error.warnings, []);
});
