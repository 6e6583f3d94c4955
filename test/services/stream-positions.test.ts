/** Where processing goes on: after a stop in order, and where the group never heard of a checkpoint. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics, Points, windowsConfig, windowsOf } from './stream-lab.ts';

const ROUNDS = 40;
const PACE_MS = 30;
const PARTITIONS = 12;
const PATIENCE_MS = 60_000;

const feed = async (points: Points, rounds = ROUNDS): Promise<void> => {
  for (let round = 0; round < rounds; round++) {
    await points.next();
    await pause(PACE_MS);
  }
};
/** Every partition is told of in the log. */
function config(brokers: readonly string[], receiver = 'initial_offset: earliest', interval = '300ms'): string {
  const path = windowsConfig(brokers, 'only');
  const yaml = readFileSync(path, 'utf8')
    .replace('telemetry: {', 'telemetry: { logs: { sampling: { enabled: false } },')
    .replace('interval: 300ms', `interval: ${interval}`)
    .replace('initial_offset: earliest', receiver);
  writeFileSync(path, yaml);
  return path;
}
const opened = ({ output }: Daemon) => positions({ output }).size;

test('a stop in order: what is in the state is committed, nothing is read again, no window is cut short', async () => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster);
  const points = new Points(addresses, Math.random);
  const windows = await windowsOf(addresses);
  // what is stored is stored by the stop alone
  const first = new Daemon({ args: ['--config', config(addresses, undefined, '1h')] });
  await feed(points);
  await first.until('all partitions', () => opened(first) === PARTITIONS);
  const feeding = feed(points);
  await pause(PACE_MS * 10);
  assert.equal(await first.stop(), 0, first.output);
  const committed = await committedOffsets(cluster);
  await feeding;
  assert.ok([...committed.values()].every((offset) => Number(offset) >= ROUNDS / 2));
  const second = new Daemon({ args: ['--config', config(addresses)] });
  try {
    await second.until('all partitions', () => opened(second) === PARTITIONS);
    assert.deepEqual(positions(second), committed);
    await points.end();
    await until('all windows', () => windows.rows.length >= points.expected.size, PATIENCE_MS);
    await pause(1_000);
  } finally {
    assert.equal(await second.stop(), 0, second.output);
    await windows.close();
  }
  assert.deepEqual(windows.rows.toSorted(), [...points.expected].toSorted());
  assert.equal(windows.incomplete(), 0);
});

test('a group without offsets that begins at the end: reading goes on at the checkpoint all the same', async () => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster);
  const points = new Points(addresses, Math.random);
  const windows = await windowsOf(addresses);
  const path = config(addresses, 'initial_offset: latest\n    autocommit: { enable: false }');
  const first = new Daemon({ args: ['--config', path] });
  await first.until('the group', () => first.output.includes('Consuming'));
  await pause(2_000);
  await feed(points);
  await until('results, which come with a checkpoint', () => windows.rows.length > 0, PATIENCE_MS);
  await until('all partitions', () => opened(first) === PARTITIONS, PATIENCE_MS);
  await pause(1_000);
  first.process.kill('SIGKILL');
  await first.exited();
  await feed(points, 20);
  const second = new Daemon({ args: ['--config', path] });
  try {
    await second.until('the group', () => second.output.includes('Consuming'));
    await pause(2_000);
    await feed(points, 20);
    await points.end();
    await until('all windows', () => windows.rows.length >= points.expected.size, PATIENCE_MS).catch((error) => {
      throw new Error(`${windows.rows.length} of ${points.expected.size} windows\n${second.output}`, { cause: error });
    });
    await pause(1_000);
  } finally {
    assert.equal(await second.stop(), 0, second.output);
    await windows.close();
  }
  assert.deepEqual(windows.rows.toSorted(), [...points.expected].toSorted());
});

/** Of each partition, by the group. */
async function committedOffsets(cluster: KafkaCluster): Promise<Map<string, string>> {
  const args = ['--bootstrap-server', cluster.addresses[0] ?? '', '--describe', '--group', 'windows', '--offsets'];
  const text = String(await cluster.tool('consumer.group.ConsumerGroupCommand', args));
  const rows = [...text.matchAll(/^windows\s+points\s+(\d+)\s+(\d+)/gm)];
  return new Map(rows.map(([, partition, offset]) => [`points/${partition}`, offset ?? ''] as const).sort());
}

/** Of each partition, by what the process says. */
function positions({ output }: Pick<Daemon, 'output'>): Map<string, string> {
  const rows = [
    ...output.matchAll(/State of a partition was restored.*?"partition": "([^"]+)", "position": "([^"]+)"/g),
  ];
  return new Map(rows.map(([, partition, position]) => [partition ?? '', position ?? ''] as const).sort());
}
