import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Findings } from '../../core/config/decoder.ts';
import { readSection } from '../../core/config/decoder.ts';
import { faultLine } from '../../core/config/fault.ts';
import { parseYaml } from '../../core/config/yaml.ts';
import { config } from './config.ts';

function read(yaml: string, strict = false) {
  const parsed = parseYaml(yaml, 'c.yaml');
  assert.ok('node' in parsed);
  const findings: Findings = { faults: [], warnings: [], strict };
  const value = readSection(config, parsed.node, 'exporters::kafka', findings);
  return { value, faults: findings.faults.map(faultLine), warnings: findings.warnings };
}

/** As teams wrote it for collectors of some years ago, and one key of nobody's. */
const OLD = `
brokers: ["kafka-1:9092", "kafka-2:9092"]
topic: "otel-traces"
partition_key: "service.name"
compression: gzip
max_message_bytes: 1000000
retry:
  max_retries: 3
  initial_interval: 5s
  max_interval: 30s
`;

test('older spellings are read, each with one warning, and refused where the collector is followed', () => {
  const { value, faults, warnings } = read(OLD);
  assert.deepEqual(faults, []);
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    assert.deepEqual([value[signal].topic, value[signal].message_key], ['otel-traces', 'service.name']);
  }
  assert.deepEqual([value.producer.compression, value.producer.max_message_bytes], ['gzip', 1_000_000]);
  const { max_retries, initial_interval, enabled } = value.retry_on_failure;
  assert.deepEqual([max_retries, initial_interval, enabled], [3, 5000, true]);
  assert.equal(warnings.length, 5);
  assert.equal(
    warnings[0],
    "c.yaml:3:1: exporters::kafka: 'topic' is a key of older collectors, read as 'traces.topic, metrics.topic, logs.topic'",
  );
  const strict = read(OLD, true).faults.join('\n');
  for (const key of ['topic', 'partition_key', 'compression', 'max_message_bytes', 'retry']) {
    assert.match(strict, new RegExp(`'kafkaexporter.Config' has invalid keys: ${key}\\b`));
  }
});

test('keys of our own are refused where the collector is followed', () => {
  const yaml =
    'driver: kafkajs\ntraces: {message_key: k}\nproducer: {idempotent: true}\nretry_on_failure: {max_retries: 1}';
  assert.deepEqual(read(yaml).faults, []);
  assert.equal(read(yaml, true).faults.length, 4);
});

test('a signal keeps its own where it has one', () => {
  const { value } = read('topic: all\nmetrics: {topic: own}');
  assert.deepEqual([value.traces.topic, value.metrics.topic, value.logs.topic], ['all', 'own', 'all']);
});

test('faults in the words of the collector', () => {
  const only = (yaml: string) =>
    read(yaml)
      .faults.map((fault) => fault.replace(/^c\.yaml:\d+:\d+: /, ''))
      .join('\n');
  assert.equal(only('brokers: []'), 'exporters::kafka::clientconfig: brokers must be specified');
  assert.match(only('protocol_version: x'), /invalid protocol version: "x"/);
  assert.equal(
    only('producer: {required_acks: 5}'),
    "exporters::kafka::producer::required_acks: expected 'all' (-1), 0, or 1; configured value is 5",
  );
  assert.equal(
    only('producer: {compression: lz77}'),
    `exporters::kafka::producer: compression should be one of 'none', 'gzip', 'snappy', 'lz4', or 'zstd'. configured value is "lz77"`,
  );
  assert.match(only('auth: {sasl: {mechanism: PLAIN}}'), /username is required/);
  assert.match(only('auth: {sasl: {mechanism: PLAIN, username: u, password: p, version: 2}}'), /configured value 2/);
  assert.match(only('partition_logs_by_trace_id: true\npartition_logs_by_resource_attributes: true'), /cannot both/);
  assert.match(only('record_partitioner: {sticky_key: {}, round_robin: {}}'), /at most one record_partitioner/);
  assert.match(only('record_partitioner: {sticky_key: {hasher: md5}}'), /unknown hasher "md5"/);
  assert.match(only('producer: {idempotent: true, required_acks: 1}'), /need required_acks: all/);
  assert.match(only('include_metadata_keys: [a]\nsending_queue: {batch: {}}'), /metadata_keys must be configured/);
});

test('acks may be written all, and are all where doubles are to be dropped', () => {
  assert.equal(read('producer: {required_acks: all}').value.producer.required_acks, -1);
  assert.equal(read('').value.producer.required_acks, 1);
  assert.equal(read('producer: {transactional_id: t}').value.producer.required_acks, -1);
});

test('what the clients cannot do is said where it is asked for', () => {
  const asked = `
protocol_version: 2.1.0
rack_id: a
conn_idle_timeout: 1m
producer: {linger: 1s, compression: gzip, compression_params: {level: 9}}`;
  const said = read(asked).warnings.map((line) => / '(\S+)' has no effect: /.exec(line)?.[1]);
  const keys = ['protocol_version', 'rack_id', 'conn_idle_timeout'];
  assert.deepEqual(said.sort(), [...keys, 'producer.linger', 'producer.compression_params.level'].sort());
  assert.deepEqual(read('metadata: {full: false}\nuse_leader_epoch: false\nconn_idle_timeout: 9m').warnings, []);
});
