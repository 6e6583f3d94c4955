/** Windows from Kafka to Kafka, killed many times at random moments: what comes out is what an undisturbed run gives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics, Points, windowsConfig, windowsOf } from './stream-lab.ts';

const KILLS = Number(process.env.WEIR_KILLS ?? 100);
/** From its first partition on a process lives at most so long: enough for some checkpoints, or for none. */
const LONGEST_LIFE_MS = 2_000;
/** Between points of each partition. */
const PACE_MS = 50;

test(`killed ${KILLS} times: every window comes out once, and right`, async (t) => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster);
  const points = new Points(addresses, Math.random);
  const windows = await windowsOf(addresses);
  const path = windowsConfig(addresses, 'only');

  let feeding = true;
  /** Processes that went on from a checkpoint. */
  let went = 0;
  const feeder = (async () => {
    while (feeding) {
      await points.next();
      await pause(PACE_MS);
    }
    await points.end();
  })();
  for (let kill = 0; kill < KILLS; kill++) {
    const daemon = new Daemon({ args: ['--config', path] });
    await daemon.until('a partition', () => daemon.output.includes('State of a partition was restored'));
    await pause(Math.random() * LONGEST_LIFE_MS);
    daemon.process.kill('SIGKILL');
    await daemon.exited();
    if (/restored.*position.*[0-9]/.test(daemon.output)) went++;
  }
  feeding = false;
  await feeder;
  const last = new Daemon({ args: ['--config', path] });
  try {
    await until('all windows', () => windows.rows.length >= points.expected.size, 120_000).catch((error) => {
      t.diagnostic(last.output.slice(-3000));
      throw error;
    });
    // what would come twice, or of the last window of all, would come now
    await pause(2_000);
  } finally {
    last.process.kill('SIGTERM');
    await last.exited();
    await windows.close();
  }
  t.diagnostic(`${points.expected.size} windows, ${windows.rows.length} rows; ${went} went on from checkpoints`);
  assert.ok(went > KILLS / 2, 'most processes live long enough to matter');
  assert.deepEqual(windows.rows.toSorted(), [...points.expected].toSorted());
  assert.deepEqual(windows.failures, []);
});
