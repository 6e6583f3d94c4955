import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readYaml } from '../config/read.ts';
import { type ActualTopic, type Change, changeText, plan, topicsConfig } from './topics.ts';

const read = (yaml: string) => readYaml(topicsConfig, yaml).topics;

/** The topic as a cluster has it after a change was made. */
function made(change: Change): ActualTopic {
  assert.equal(change.kind, 'create');
  const configs = new Map(Object.entries(change.configs).map(([key, value]) => [key, { value, own: true }]));
  configs.set('max.message.bytes', { value: '1048588', own: false });
  return { partitions: change.partitions, replicationFactor: change.replicationFactor, configs };
}

test('the topics that ship: created once, then there is nothing to do', () => {
  const declared = read(readFileSync(new URL('../../configs/topics.yaml', import.meta.url), 'utf8'));
  const first = plan(declared, new Map(), 3);
  assert.deepEqual(first.warnings, []);
  assert.deepEqual(
    first.changes.map((change) => change.kind === 'create' && [change.topic, change.partitions]),
    [
      ['otel-traces', 12],
      ['otel-metrics', 8],
      ['otel-logs', 12],
      ['business-events', 6],
      ['processed-metrics', 4],
      ['alerts', 2],
    ],
  );
  for (const change of first.changes) {
    assert.ok(change.kind === 'create');
    assert.deepEqual([change.replicationFactor, change.configs['min.insync.replicas']], [3, '2']);
  }
  const actual = new Map(first.changes.map((change) => [change.topic, made(change)]));
  assert.deepEqual(plan(declared, actual, 3), { changes: [], drift: [], warnings: [] });
});

test('smaller clusters have fewer copies, and one broker may still be away', () => {
  const declared = read('topics: {t: {configs: {min.insync.replicas: "2"}}}');
  const at = (brokers: number) => {
    const { changes, warnings } = plan(declared, new Map(), brokers);
    const [change] = changes;
    assert.ok(change?.kind === 'create');
    return [change.replicationFactor, change.configs['min.insync.replicas'], warnings.length];
  };
  assert.deepEqual(
    [at(1), at(2), at(3), at(5)],
    [
      [1, '1', 1],
      [2, '1', 1],
      [3, '2', 0],
      [3, '2', 0],
    ],
  );
  const [warning] = plan(declared, new Map(), 1).warnings;
  assert.equal(
    warning,
    't: replication factor 1 instead of 3 and min.insync.replicas 1 instead of 2: there are no more brokers',
  );
});

test('what differs is changed where it can be, and told where not', () => {
  const declared = read('topics: {t: {partitions: 4, replication_factor: 1, configs: {retention.ms: "2", a: b}}}');
  const topic = (partitions: number, replicationFactor: number): ActualTopic => ({
    partitions,
    replicationFactor,
    configs: new Map([
      ['retention.ms', { value: '1', own: true }],
      ['segment.ms', { value: '5', own: true }],
      ['cleanup.policy', { value: 'delete', own: false }],
    ]),
  });
  const grow = plan(declared, new Map([['t', topic(2, 1)]]), 3);
  assert.deepEqual(grow.changes.map(changeText), [
    't: 4 partitions instead of 2',
    't: retention.ms=2 instead of 1',
    't: a=b instead of nothing',
  ]);
  assert.deepEqual(grow.drift, ['t: segment.ms is set to 5, which is not declared']);
  assert.deepEqual(plan(declared, new Map([['t', topic(6, 2)]]), 3).drift.slice(0, 2), [
    't: 6 partitions, declared 4: their number cannot go down',
    't: replication factor 2, declared 1: replicas are moved with the tools of Kafka',
  ]);
});

test('faults of a declaration', () => {
  assert.throws(() => read('topics: {t: {partitions: 0}}'), /t: partitions must be at least 1/);
  assert.throws(() => read('topics: {t: {replication_factor: 0}}'), /t: replication_factor must be at least 1/);
  assert.throws(() => read('topics: {t: {configs: {retention.ms: 1}}}'), /expected type 'string'/);
  assert.throws(() => read('brokers: []'), /brokers must be specified/);
});
