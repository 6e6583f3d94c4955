/** Windows from Kafka with state on disk, killed and stopped many times: all windows are right, some come again. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics, Points, windowsConfig, windowsOf } from './stream-lab.ts';

const ENDS = Number(process.env.WEIR_KILLS ?? 12);
const LONGEST_LIFE_MS = 2_000;
const PACE_MS = 50;

test(`ended ${ENDS} times, every third time in order: what comes out is right`, async (t) => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster);
  const points = new Points(addresses, Math.random);
  const windows = await windowsOf(addresses);
  const state = mkdtempSync(join(tmpdir(), 'weir-state-'));
  const path = windowsConfig(addresses, 'only', state);
  let feeding = true;
  const feeder = (async () => {
    while (feeding) {
      await points.next();
      await pause(PACE_MS);
    }
    await points.end();
  })();
  const restored = async (): Promise<Daemon> => {
    const daemon = new Daemon({ args: ['--config', path] });
    await daemon.until('a partition', () => daemon.output.includes('State of a partition was restored'));
    return daemon;
  };
  for (let end = 0; end < ENDS; end++) {
    const daemon = await restored();
    await pause(Math.random() * LONGEST_LIFE_MS);
    if (end % 3 === 2) assert.equal(await daemon.stop(), 0, daemon.output);
    else {
      daemon.process.kill('SIGKILL');
      await daemon.exited();
    }
  }
  feeding = false;
  await feeder;
  const last = await restored();
  try {
    const seen = () => new Set(windows.rows).size;
    await until('all windows', () => seen() >= points.expected.size, 120_000).catch((error) => {
      t.diagnostic(last.output.slice(-3000));
      throw error;
    });
    await pause(2_000);
  } finally {
    assert.equal(await last.stop(), 0, last.output);
    await windows.close();
    rmSync(state, { recursive: true, force: true });
  }
  t.diagnostic(`${points.expected.size} windows, ${windows.rows.length} rows`);
  assert.deepEqual([...new Set(windows.rows)].sort(), [...points.expected].sort());
});
