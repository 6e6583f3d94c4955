/** Spans counted from Kafka to Kafka, killed many times at random moments: no span is counted twice, none forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { type Counted, countedIn, countingConfig, PARTITIONS, type Point, Spans } from './span-metrics-lab.ts';
import { createTopics } from './stream-lab.ts';

const KILLS = Number(process.env.WEIR_KILLS ?? 20);
/** From its first partition on a process lives at most so long: enough for some flushes, or for none. */
const LONGEST_LIFE_MS = 1_000;
/** Between records of each partition. */
const PACE_MS = 50;
const RESTORED = /State of a partition was restored/g;

const total = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);
const lastOf = (points: readonly Point[]): number => points.at(-1)?.value ?? 0;
const sumOf = (points: readonly Point[]): number => total(points.map(({ value }) => value));

/** The value of each series. */
function valuesOf(points: Counted['calls'], of: (points: readonly Point[]) => number): Map<string, number> {
  return new Map([...points].map(([series, list]) => [series, of(list)]));
}

test(`killed ${KILLS} times: sums and deltas are those of the spans`, async (t) => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  await createTopics(cluster, ['spans'], PARTITIONS);
  await createTopics(cluster, ['sums', 'deltas'], 1);
  const spans = new Spans(addresses);
  const sums = await countedIn(addresses, 'sums');
  const deltas = await countedIn(addresses, 'deltas');
  const path = countingConfig(addresses);

  let feeding = true;
  /** Processes that went on from a checkpoint. */
  let went = 0;
  const feeder = (async () => {
    while (feeding) {
      await spans.next();
      await pause(PACE_MS);
    }
    await spans.end();
  })();
  for (let kill = 0; kill < KILLS; kill++) {
    const daemon = new Daemon({ args: ['--config', path] });
    await daemon.until('a partition', () => daemon.output.includes('State of a partition was restored'));
    await pause(Math.random() * LONGEST_LIFE_MS);
    daemon.process.kill('SIGKILL');
    await daemon.exited();
    if (/restored.*position.*[0-9]/.test(daemon.output)) went++;
  }
  const before = total(valuesOf(deltas.counted.calls, sumOf).values());
  const last = new Daemon({ args: ['--config', path] });
  const counts = () => ({
    sums: total(valuesOf(sums.counted.calls, lastOf).values()),
    deltas: total(valuesOf(deltas.counted.calls, sumOf).values()),
    spans: total(spans.expected.values()),
  });
  try {
    await last.until('all partitions', () => [...last.output.matchAll(RESTORED)].length === PARTITIONS);
    feeding = false;
    await feeder;
    const enough = (): boolean => Math.min(counts().sums, counts().deltas) >= counts().spans;
    await until('all spans', enough, 30_000).catch((error) => {
      t.diagnostic(`${JSON.stringify(counts())}\n${last.output.slice(-3000)}`);
      throw error;
    });
    // what would be counted twice would come now
    await pause(1_000);
  } finally {
    feeding = false;
    last.process.kill('SIGTERM');
    await last.exited();
    await sums.close();
    await deltas.close();
  }
  t.diagnostic(`${JSON.stringify(counts())}, ${before} before the last start; ${went} went on from checkpoints`);
  assert.ok(went > KILLS / 2, 'most processes live long enough to matter');
  assert.ok(before > 0, 'and some of them long enough to send');
  for (const metric of ['calls', 'duration'] as const) {
    assertSame(valuesOf(sums.counted[metric], lastOf), spans.expected);
    assertSame(valuesOf(deltas.counted[metric], sumOf), spans.expected);
    for (const [series, points] of sums.counted[metric]) {
      assert.equal(new Set(points.map(({ startTime }) => startTime)).size, 1, `${series} begins once`);
      const values = points.map(({ value }) => value);
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b),
        `${series} grows`,
      );
    }
    for (const [series, points] of deltas.counted[metric]) {
      for (const [i, { startTime }] of points.entries()) {
        if (i > 0) assert.equal(startTime, points[i - 1]?.time, `${series}: a delta begins where the last one ended`);
      }
    }
  }
  assert.deepEqual([...sums.failures, ...deltas.failures], []);
});

function assertSame(found: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  assert.deepEqual([...found].toSorted(), [...expected].toSorted());
}
