/** A pattern of topics with exactly once: one that appears later takes part, and what there is goes on once. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics, Points, windowsConfig, windowsOf } from './stream-lab.ts';

const ROUNDS = 30;
const PACE_MS = 30;
const REFRESH = '2s';
const PATIENCE_MS = 60_000;

async function feed(...topics: readonly Points[]): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    for (const points of topics) await points.next();
    await pause(PACE_MS);
  }
}

test('a topic that comes later, and a process that is killed: the windows of both topics, each once', async () => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster, ['otel-first', 'windows']);
  const windows = await windowsOf(addresses);
  const path = windowsConfig(addresses, 'only');
  const yaml = readFileSync(path, 'utf8')
    .replace('topics: [points]', 'topics: ["^otel-.*"]')
    .replace('initial_offset', `metadata: { refresh_interval: ${REFRESH} }\n    initial_offset`);
  writeFileSync(path, yaml);
  const first = new Points(addresses, Math.random, 'otel-first');
  const before = new Daemon({ args: ['--config', path] });
  await feed(first);
  await before.until('the first topic', () => windows.rows.length > 0, PATIENCE_MS);
  await createTopics(cluster, ['otel-later']);
  const later = new Points(addresses, Math.random, 'otel-later');
  await feed(first, later);
  await before.until('the other topic', () => windows.rows.some((row) => row.startsWith('otel-later')), PATIENCE_MS);
  before.process.kill('SIGKILL');
  await before.exited();
  const after = new Daemon({ args: ['--config', path] });
  try {
    await feed(first, later);
    await Promise.all([first.end(), later.end()]);
    const expected = [...first.expected, ...later.expected].toSorted();
    await until('all windows', () => windows.rows.length >= expected.length, PATIENCE_MS).catch((error) => {
      throw new Error(`${windows.rows.length} of ${expected.length} windows\n${after.output}`, { cause: error });
    });
    await pause(1_000);
    assert.deepEqual(windows.rows.toSorted(), expected);
  } finally {
    assert.equal(await after.stop(), 0, after.output);
    await windows.close();
  }
});
