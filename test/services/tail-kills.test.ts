/** Traces sampled from Kafka to Kafka, killed many times at random moments: each span to keep comes out once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics } from './stream-lab.ts';
import { PARTITIONS, sampledOf, samplingConfig, Traces } from './tail-lab.ts';

const KILLS = Number(process.env.WEIR_KILLS ?? 20);
/** From its first partition on a process lives at most so long: enough for some decisions, or for none. */
const LONGEST_LIFE_MS = 2_000;
/** Between the beginnings of two traces. */
const PACE_MS = 25;

test(`killed ${KILLS} times: sampled traces come out whole, each span once, and no others`, async (t) => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster, ['spans', 'sampled'], PARTITIONS);
  const traces = new Traces(addresses);
  const sampled = await sampledOf(addresses);
  const path = samplingConfig(addresses);

  let feeding = true;
  /** Processes that went on from a checkpoint. */
  let went = 0;
  const feeder = (async () => {
    while (feeding) {
      await traces.next(performance.now());
      await pause(PACE_MS);
    }
    await traces.end();
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
  const before = sampled.spans.length;
  const last = new Daemon({ args: ['--config', path] });
  try {
    await until('all spans', () => sampled.spans.length >= traces.expected.size, 30_000).catch((error) => {
      const come = new Set(sampled.spans);
      const missing = [...traces.expected].filter((span) => !come.has(span));
      t.diagnostic(`missing ${missing.length}: ${missing.slice(0, 5)}\n${last.output.slice(-3000)}`);
      throw error;
    });
    // what would come twice, or should not come, would come now
    await pause(2_000);
  } finally {
    last.process.kill('SIGTERM');
    await last.exited();
    await sampled.close();
  }
  t.diagnostic(
    `${traces.expected.size} spans to keep, ${before} before the last start; ${went} went on from checkpoints`,
  );
  assert.ok(went > KILLS / 2, 'most processes live long enough to matter');
  assert.ok(before > 0, 'and some of them long enough to decide');
  const come = new Set(sampled.spans);
  const faults = {
    missing: [...traces.expected].filter((span) => !come.has(span)).length,
    unwanted: [...come].filter((span) => !traces.expected.has(span)).length,
    again: sampled.spans.length - come.size,
  };
  assert.deepEqual(faults, { missing: 0, unwanted: 0, again: 0 });
  assert.deepEqual(sampled.failures, []);
});
