/**
 * Checkpoints of windows over 100,000 keys of one partition, on disk or in Kafka: how long one takes, what it has, and
 * how many points come through with and without them, in turns.
 * Run: `node test/bench/checkpoint.bench.ts [disk|kafka]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { config as windowConfig } from '../../connectors/window/config.ts';
import { windowConnector } from '../../connectors/window/connector.ts';
import type { Checkpointed } from '../../core/checkpoint.ts';
import { KafkaStore } from '../../core/checkpoints/kafka-store.ts';
import { CheckpointedPartition, type Outcome } from '../../core/checkpoints/partition.ts';
import { StorageStore } from '../../core/checkpoints/storage-store.ts';
import type { SnapshotStore } from '../../core/checkpoints/store.ts';
import { systemClock } from '../../core/clock.ts';
import type { Connector } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import type { Consumer } from '../../core/consumer.ts';
import type { StorageExtension } from '../../core/storage.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config as checkpointConfig } from '../../extensions/checkpoint/config.ts';
import { kafkaAccess } from '../../extensions/checkpoint/kafka-access.ts';
import fileStorage from '../../extensions/file_storage/index.ts';
import { KafkaCluster } from '../services/kafka.ts';
import { BATCH, pointsOf, START } from './points.ts';

const KEYS = 100_000;
const PARTITION = 't/0';
/** Far more often than by default, so that a run of some seconds has several. */
const INTERVAL_MS = 2_000;
const RUN_MS = 8_000;
const TURNS = 3;

const context = {
  transport: 'kafka',
  metadata: new Map(),
  stream: { partition: PARTITION, watermarked: false },
};
const batches = pointsOf(KEYS, context);
const sink: Consumer = { consume: (batch) => batch.release() };

/** Where checkpoints go, and what ends it. */
interface Place {
  readonly store: SnapshotStore;
  readonly close: () => Promise<void>;
}

async function disk(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const settings = { ...testSettings({ id: 'file_storage', kind: 'extension' }), clock: systemClock };
  const storageConfig = readYaml(fileStorage.config, `directory: ${folder}`);
  const storage = fileStorage.create(settings, storageConfig) as ReturnType<typeof fileStorage.create> &
    StorageExtension;
  await storage.start(new NopHost());
  const store = new StorageStore(() => storage.client({ kind: 'extension', id: 'checkpoint', name: '' }));
  const close = async () => {
    await store.shutdown();
    await storage.shutdown();
    rmSync(folder, { recursive: true, force: true });
  };
  return { store, close };
}

/** As the `checkpoint` extension does it. */
async function kafka(brokers: readonly string[]): Promise<Place> {
  const yaml = `exactly_once: {brokers: [${brokers}], topic: state, transactional_id_prefix: bench}`;
  const options = readYaml(checkpointConfig, yaml).exactly_once;
  if (options === undefined) throw new Error('not exactly once');
  const settings = { ...testSettings({ id: 'checkpoint', kind: 'extension' }), clock: systemClock };
  const store = new KafkaStore({
    access: kafkaAccess(settings, options, new NopHost()),
    topic: options.topic,
    idPrefix: options.transactional_id_prefix,
    maxRequestBytes: options.max_message_bytes,
    clock: systemClock,
  });
  return { store, close: () => store.shutdown() };
}

function windows(): Connector & Checkpointed {
  const settings = testSettings({ id: 'window', kind: 'connector' });
  const yaml = 'type: tumbling\nsize: 60s\nmax_future: 0s\nmax_keys: 200000\nstatistics: [count, sum]';
  const outputs = { for: () => sink, pipelines: new Map([['metrics/x', sink]]) };
  return windowConnector(settings, readYaml(windowConfig, yaml), outputs) as Connector & Checkpointed;
}

interface Result {
  readonly points: number;
  /** Points per second, and per second of CPU time. */
  readonly rate: number;
  readonly perCpu: number;
}

async function run(open: () => Promise<Place>, outcomes: Outcome[] | undefined): Promise<Result> {
  const { store, close } = await open();
  const connector = windows();
  await connector.start(new NopHost());
  const partition = new CheckpointedPartition(
    { partition: PARTITION, stored: () => {}, lost: (error) => console.log(`  lost: ${error.message}`) },
    {
      store,
      states: new Map([['connector window ', connector]]),
      clock: systemClock,
      ...{ intervalMs: outcomes === undefined ? 1 << 30 : INTERVAL_MS, minPauseMs: 100, timeoutMs: 60_000 },
      report: (outcome) => outcomes?.push(outcome),
    },
  );
  await store.open(PARTITION);
  partition.begin(undefined);
  let points = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  for (let time = START; performance.now() - began < RUN_MS; time += 1_000) {
    for (const batch of batches) {
      const due = partition.before(BigInt(points));
      if (due !== undefined) await due;
      const pending = connector.consume(batch.at(time));
      if (pending !== undefined) await pending;
      points += BATCH;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const rate = points / ((performance.now() - began) / 1000);
  const { user, system } = process.cpuUsage(cpu);
  await partition.close();
  await connector.shutdown();
  await close();
  return { points, rate, perCpu: points / ((user + system) / 1e6) };
}

async function compare(where: string, open: () => Promise<Place>): Promise<void> {
  console.log(`${where}:`);
  for (let turn = 0; turn < TURNS; turn++) {
    const outcomes: Outcome[] = [];
    const without = await run(open, undefined);
    const withThem = await run(open, outcomes);
    const longest = Math.max(...outcomes.map(({ seconds }) => seconds));
    const bytes = Math.max(...outcomes.map((one) => one.bytes));
    const ratio = (of: keyof Result) => (withThem[of] / without[of]).toFixed(2);
    const points = `${ratio('rate')} of the points per second, ${ratio('perCpu')} of those per CPU second`;
    const size = `${(bytes / KEYS).toFixed(0)} bytes per key`;
    const cpu = (withThem.points * (1 / withThem.perCpu - 1 / without.perCpu)) / outcomes.length;
    console.log(`  ${Math.round(without.rate)} points/s; with a checkpoint every ${INTERVAL_MS} ms ${points}`);
    const time = `the longest ${longest.toFixed(2)} s, ${cpu.toFixed(2)} s of CPU time each`;
    console.log(`    ${outcomes.length} checkpoints, ${time}, ${size}`);
    for (const { error } of outcomes) if (error !== undefined) console.log(`    failed: ${error.message}`);
  }
}

const [only] = process.argv.slice(2);
if (only !== 'kafka') await compare('on disk', disk);
if (only !== 'disk') {
  await using cluster = await KafkaCluster.start(1);
  await compare('in Kafka', () => kafka(cluster.addresses));
}
