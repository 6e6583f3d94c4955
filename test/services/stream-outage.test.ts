/** The broker goes away in the middle, for longer than a client tries: processing goes on where it was, once. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics, Points, windowsConfig, windowsOf } from './stream-lab.ts';

const ROUNDS = 120;
const PACE_MS = 30;
const AWAY_MS = 15_000;
/** What a process may grow by while it can do nothing. */
const GROWTH_MIB = 64;

test('a broker that is away for a while: nothing is lost or doubled, and memory does not grow', async (t) => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster);
  const points = new Points(addresses, Math.random);
  const feed = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) {
      await points.next();
      await pause(PACE_MS);
    }
  };
  const daemon = new Daemon({ args: ['--config', windowsConfig(addresses, 'only')] });
  try {
    await feed();
    const before = residentMib(daemon);
    await cluster.stop(0, 'SIGKILL');
    await pause(AWAY_MS);
    const grown = residentMib(daemon) - before;
    t.diagnostic(`${before} MiB before, ${grown} more while the broker was away`);
    assert.ok(grown < GROWTH_MIB, `${grown} MiB more`);
    await cluster.restart(0);
    const back = performance.now();
    await feed();
    await points.end();
    const windows = await windowsOf(addresses);
    await until('all windows', () => windows.rows.length >= points.expected.size, 60_000).catch((error) => {
      t.diagnostic(daemon.output.slice(-4000));
      throw error;
    });
    t.diagnostic(`all windows ${Math.round(performance.now() - back)} ms after the broker was back`);
    await pause(2_000);
    await windows.close();
    assert.deepEqual(windows.rows.toSorted(), [...points.expected].toSorted());
    assert.equal(await daemon.stop(), 0);
  } finally {
    if (daemon.running) daemon.process.kill('SIGKILL');
  }
});

function residentMib({ process: { pid } }: Daemon): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
