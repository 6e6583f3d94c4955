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
const OPENED = 'State of a partition was restored';

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
  const sharing = async (): Promise<void> => {
    const alive = members.filter(({ running }) => running);
    for (const member of alive) await member.until('a partition', () => member.output.includes(OPENED));
    await pause(PHASE_MS / 4);
  };
  try {
    await sharing();
    members[0].process.kill('SIGKILL');
    const killed = Date.now();
    await pause(PHASE_MS);
    t.diagnostic(`killed: its partitions were open elsewhere after ${lastOpened(members) - killed} ms`);
    members.push(start('d'));
    await sharing();
    const left = Date.now();
    await members[1].stop();
    await pause(PHASE_MS);
    t.diagnostic(`left in order: its partitions were open elsewhere after ${lastOpened(members) - left} ms`);
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
  const shared = members.map(({ output }) => output.split(OPENED).length - 1);
  t.diagnostic(`${points.expected.size} windows; partitions opened by each process: ${shared.join(', ')}`);
  assert.deepEqual(windows.rows.toSorted(), [...points.expected].toSorted());
  assert.ok(
    shared.every((count) => count > 0),
    'every process had a share',
  );
});

/** When the last partition was opened, by the logs. */
function lastOpened(members: readonly Daemon[]): number {
  const lines = members.flatMap(({ output }) => output.split('\n'));
  return Math.max(
    ...lines.filter((line) => line.includes(OPENED)).map((line) => Date.parse(line.split('\t')[0] ?? '')),
  );
}
