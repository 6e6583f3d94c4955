/**
 * Checkpoints of windows over 100,000 keys of one partition, on disk: how long one takes, what it has, and how many
 * points come through with and without them, in turns.
 * Run: `node test/bench/checkpoint.bench.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { config as windowConfig } from '../../connectors/window/config.ts';
import { windowConnector } from '../../connectors/window/connector.ts';
import type { Checkpointed } from '../../core/checkpoint.ts';
import { CheckpointedPartition, type Outcome } from '../../core/checkpoints/partition.ts';
import { StorageStore } from '../../core/checkpoints/storage-store.ts';
import { systemClock } from '../../core/clock.ts';
import type { Connector } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import type { Consumer } from '../../core/consumer.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import type { StorageExtension } from '../../core/storage.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import fileStorage from '../../extensions/file_storage/index.ts';

const KEYS = 100_000;
const BATCH = 1_000;
const START = 1_700_000_040_000;
const PARTITION = 't/0';
/** Far more often than by default, so that a run of some seconds has several. */
const INTERVAL_MS = 2_000;
const RUN_MS = 8_000;
const TURNS = 3;

const nanos = (millis: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(millis) * 1_000_000n);
  return bytes;
};
const context = {
  transport: 'kafka',
  metadata: new Map(),
  stream: { partition: PARTITION, watermarked: false },
};

/** A point of each of so many series, whose time can be changed. */
class Template {
  readonly #bytes: Buffer;
  readonly #places: number[] = [];

  constructor(service: number) {
    const metrics = Array.from({ length: BATCH }, (_, i) => {
      const point = { timeUnixNano: `${START}000000`, asDouble: (i * 7919) % 1000 };
      return { name: `metric.number.${i}`, gauge: { dataPoints: [point] } };
    });
    const attributes = [{ key: 'service.name', value: { stringValue: `service-${service}` } }];
    const tree = { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] };
    this.#bytes = Buffer.from(decodeJson('metrics', Buffer.from(JSON.stringify(tree))).bytes);
    const stamp = nanos(START);
    for (let at = this.#bytes.indexOf(stamp); at >= 0; at = this.#bytes.indexOf(stamp, at + 8)) this.#places.push(at);
  }

  at(time: number): Telemetry {
    const stamp = nanos(time);
    for (const place of this.#places) stamp.copy(this.#bytes, place);
    return Telemetry.of('metrics', this.#bytes, BATCH, context);
  }
}

const templates = Array.from({ length: KEYS / BATCH }, (_, i) => new Template(i));
const sink: Consumer = { consume: (batch) => batch.release() };

function windows(): Connector & Checkpointed {
  const settings = testSettings({ id: 'window', kind: 'connector' });
  const yaml = 'type: tumbling\nsize: 60s\nmax_future: 0s\nmax_keys: 200000\nstatistics: [count, sum]';
  const outputs = { for: () => sink, pipelines: new Map([['metrics/x', sink]]) };
  return windowConnector(settings, readYaml(windowConfig, yaml), outputs) as Connector & Checkpointed;
}

interface Result {
  /** Points per second, and per second of CPU time. */
  readonly rate: number;
  readonly perCpu: number;
}

async function run(outcomes: Outcome[] | undefined): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const settings = { ...testSettings({ id: 'file_storage', kind: 'extension' }), clock: systemClock };
  const storageConfig = readYaml(fileStorage.config, `directory: ${folder}`);
  const storage = fileStorage.create(settings, storageConfig) as ReturnType<typeof fileStorage.create> &
    StorageExtension;
  await storage.start(new NopHost());
  const connector = windows();
  await connector.start(new NopHost());
  const partition = new CheckpointedPartition(
    { partition: PARTITION, stored: () => {}, lost: () => {} },
    {
      store: new StorageStore(() => storage.client({ kind: 'extension', id: 'checkpoint', name: '' })),
      states: new Map([['connector window ', connector]]),
      clock: systemClock,
      ...{ intervalMs: outcomes === undefined ? 1 << 30 : INTERVAL_MS, minPauseMs: 100, timeoutMs: 60_000 },
      report: (outcome) => outcomes?.push(outcome),
    },
  );
  partition.begin(undefined);
  let points = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  for (let time = START; performance.now() - began < RUN_MS; time += 1_000) {
    for (const template of templates) {
      const due = partition.before(BigInt(points));
      if (due !== undefined) await due;
      const pending = connector.consume(template.at(time));
      if (pending !== undefined) await pending;
      points += BATCH;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const rate = points / ((performance.now() - began) / 1000);
  const { user, system } = process.cpuUsage(cpu);
  await partition.close();
  await connector.shutdown();
  await storage.shutdown();
  rmSync(folder, { recursive: true, force: true });
  return { rate, perCpu: points / ((user + system) / 1e6) };
}

for (let turn = 0; turn < TURNS; turn++) {
  const outcomes: Outcome[] = [];
  const without = await run(undefined);
  const withThem = await run(outcomes);
  const longest = Math.max(...outcomes.map(({ seconds }) => seconds));
  const bytes = Math.max(...outcomes.map((one) => one.bytes));
  const ratio = (of: keyof Result) => (withThem[of] / without[of]).toFixed(2);
  const points = `${ratio('rate')} of the points per second, ${ratio('perCpu')} of those per CPU second`;
  const size = `${(bytes / KEYS).toFixed(0)} bytes per key`;
  console.log(`${Math.round(without.rate)} points/s; with a checkpoint every ${INTERVAL_MS} ms ${points}`);
  console.log(`  ${outcomes.length} checkpoints, the longest ${longest.toFixed(2)} s, ${size}`);
}
