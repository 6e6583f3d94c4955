import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSection } from '../../core/config/decoder.ts';
import type { ConfigError } from '../../core/config/fault.ts';
import { readYaml } from '../../core/config/read.ts';
import { parseYaml } from '../../core/config/yaml.ts';
import { config, durationLayout } from './config.ts';

const REFUSED: readonly (readonly [yaml: string, message: string])[] = [
  ['dimensions: [{name: a}, {name: a}]', 'failed validating dimensions: duplicate dimension name "a"'],
  ['dimensions: [{name: service.name}]', 'failed validating dimensions: duplicate dimension name "service.name"'],
  [
    'calls_dimensions: [{name: collector.instance.id}]',
    'failed validating calls dimensions: duplicate dimension name "collector.instance.id"',
  ],
  [
    'histogram: {dimensions: [{}]}',
    'failed validating histogram dimensions: dimension entry must set one of `name` or `glob`',
  ],
  [
    'dimensions: [{name: a, glob: b}]',
    'failed validating dimensions: dimension entry must set only one of `name` or `glob`, got both: name="a" glob="b"',
  ],
  [
    'dimensions: [{glob: a, default: b}]',
    'failed validating dimensions: `default` is not supported on `glob` dimension "a"',
  ],
  [
    'dimensions: [{glob: "span.*"}]',
    'failed validating dimensions: duplicate dimension name "span.kind" conflicting with glob "span.*"',
  ],
  ['dimensions: [{glob: "["}]', 'failed validating dimensions: invalid dimension glob "[": "[" without "]"'],
  ['events: {enabled: true}', 'failed validating event dimensions: no dimensions configured for events'],
  ['histogram: {unit: us}', '\'histogram.unit\' unknown Unit "us", allowed units are "ms" and "s"'],
  ['histogram: {explicit: {}, exponential: {}}', 'use either `explicit` or `exponential` buckets histogram'],
  ['metrics_flush_interval: -1s', 'invalid metrics_flush_interval: -1s, the duration should be positive'],
  ['metrics_flush_interval: 0', 'invalid metrics_flush_interval: 0s, the duration should be positive'],
  ['metrics_expiration: -1s', 'invalid metrics_expiration: -1s, the duration should be positive'],
  ['series_expiration: -1s', 'invalid series_expiration: -1s, the duration should be positive'],
  [
    'aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA\nmetric_timestamp_cache_size: 0',
    'invalid delta timestamp cache size: 0, the maximum number of the items in the cache should be positive',
  ],
  ['aggregation_cardinality_limit: -1', 'invalid aggregation_cardinality_limit: -1, the limit should be positive'],
  [
    'exemplars: {enabled: true, max_per_data_point: -1}',
    'invalid max_per_data_point: -1, the value should be positive',
  ],
  ['resource_metrics_cache_size: 0', 'invalid resource_metrics_cache_size: 0, must provide a positive size'],
];

for (const [yaml, message] of REFUSED) {
  test(`refused: ${yaml.replaceAll('\n', ', ')}`, () => {
    assert.throws(
      () => readYaml(config, yaml),
      (error: ConfigError) => error.message.includes(message) || assert.fail(error.message),
    );
  });
}

const ACCEPTED = [
  'metric_timestamp_cache_size: 0',
  'events: {dimensions: [{name: service.name}]}',
  'exemplars: {max_per_data_point: -1}',
  'aggregation_temporality: whatever',
  'histogram: {explicit: null, exponential: {max_size: 5}}',
  'dimensions: [{name: a}, {glob: "b.*"}]\ncalls_dimensions: [{name: a}]',
];

for (const yaml of ACCEPTED) {
  test(`accepted: ${yaml.replaceAll('\n', ', ')}`, () => {
    readYaml(config, yaml, { strict: true });
  });
}

test('bounds in the unit', () => {
  const bounds = (yaml: string, unit: 'ms' | 's' = 'ms') => durationLayout(readYaml(config, yaml), unit).bounds;
  assert.deepEqual(bounds('')?.slice(0, 2), [2, 4]);
  assert.deepEqual(bounds('', 's')?.slice(0, 2), [0.002, 0.004]);
  assert.deepEqual(bounds('histogram: {unit: MS, explicit: {buckets: [100us, 1s]}}', 's'), [0.1, 1000]);
  assert.deepEqual(bounds('histogram: {explicit: {}}'), []);
  assert.equal(bounds('histogram: {exponential: {}}'), undefined);
});

/** As read, with the warnings; undefined where it is refused. */
function legacy(yaml: string, strict: boolean) {
  const parsed = parseYaml(yaml, 'old.yaml');
  assert.ok('node' in parsed);
  const findings = { faults: [], warnings: [] as string[], strict };
  const value = readSection(config, parsed.node, 'connectors::spanmetrics', findings);
  return { value: findings.faults.length > 0 ? undefined : value, warnings: findings.warnings };
}

test('older keys have one warning each, with place and standard key', () => {
  const { value, warnings } = legacy('histogram_buckets: [100us, 2ms]\nmetrics_flush_interval: 30s', false);
  assert.deepEqual([value?.histogram.explicit?.buckets, value?.metrics_flush_interval], [[0.1, 2], 30_000]);
  assert.deepEqual(warnings, [
    "old.yaml:1:1: connectors::spanmetrics: 'histogram_buckets' is a key of older collectors, " +
      "read as 'histogram.explicit.buckets'",
  ]);
});

test('keys of the former processor', () => {
  const { value, warnings } = legacy(
    'metrics_exporter: prometheus\nlatency_histogram_buckets: [2ms]\ndimensions_cache_size: 500',
    false,
  );
  assert.deepEqual([value?.histogram.explicit?.buckets, value?.dimensions_cache_size], [[2], 500]);
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /^old\.yaml:1:1: .*'metrics_exporter'.*'service::pipelines'/);
});

test('read strictly, neither older keys nor our own are known', () => {
  for (const yaml of ['latency_histogram_buckets: [2ms]', 'metrics_exporter: x', 'flush_on_shutdown: false']) {
    assert.equal(legacy(yaml, true).value, undefined, yaml);
  }
});
