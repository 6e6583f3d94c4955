/** Three processes share the partitions; one is killed, one is added under load: no window is missing, none comes twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics, Points, windowsConfig, windowsOf } from './stream-lab.ts';

/** Between points of each partition. */
const PACE_MS = 30;
/** Long enough for the group to notice a death by its session timeout, and to go on. */
const PHASE_MS = 12_000;
const PATIENCE_MS = 120_000;

test('a process is killed, one joins, one leaves in order: the windows are those of one process', async (t) => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster);
  const points = new Points(addresses, Math.random);
  const windows = await windowsOf(addresses);
  let feeding = true;
  const feeder = (async () => {
    while (feeding) {
      await points.next();
      await pause(PACE_MS);
    }
    await points.end();
  })();
  const start = (member: string): Daemon => new Daemon({ args: ['--config', windowsConfig(addresses, member)] });
  const members = [start('a'), start('b'), start('c')] as [Daemon, Daemon, Daemon];
  try {
    await pause(PHASE_MS);
    members[0].process.kill('SIGKILL');
    await pause(PHASE_MS);
    members.push(start('d'));
    await pause(PHASE_MS);
    await members[1].stop();
    await pause(PHASE_MS);
    feeding = false;
    await feeder;
    await until('all windows', () => windows.rows.length >= points.expected.size, PATIENCE_MS).catch((error) => {
      for (const member of members) t.diagnostic(member.output.slice(-2000));
      throw error;
    });
    await pause(2_000);
  } finally {
    for (const member of members) if (member.running) await member.stop();
    await windows.close();
  }
  const shared = members.map(({ output }) => output.match(/State of a partition was restored/g)?.length ?? 0);
  t.diagnostic(`${points.expected.size} windows; partitions opened by each process: ${shared.join(', ')}`);
  assert.deepEqual(windows.rows.toSorted(), [...points.expected].toSorted());
  assert.ok(
    shared.every((count) => count > 0),
    'every process had a share',
  );
});
