/**
 * What a key without news takes in memory, of 100,000, in each stage that works in event time; what a snapshot of
 * them costs. Each stage is a process of its own. Run: `node test/bench/state.bench.ts [stage]`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import anomaly from '../../connectors/anomaly/index.ts';
import dedup from '../../connectors/dedup/index.ts';
import pattern from '../../connectors/pattern/index.ts';
import window from '../../connectors/window/index.ts';
import type { Checkpointed } from '../../core/checkpoint.ts';
import type { Connector } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import type { Consumer } from '../../core/consumer.ts';
import type { ConnectorFactory } from '../../core/factory.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { records, streamBatch } from '../../core/testing/streams.ts';
import { BATCH, Points, START } from './points.ts';

const KEYS = 100_000;
/** Of event time, in which log records come. */
const SPAN_MS = 5_000;

interface Subject {
  // biome-ignore lint/suspicious/noExplicitAny: factories of different configurations
  readonly factory: ConnectorFactory<any>;
  readonly yaml: string;
  /** Something of the keys `from` to `from + BATCH`. */
  readonly batch: (from: number) => Telemetry;
}

const points = (from: number): Telemetry => new Points(from).at(START);
const logins = (from: number): Telemetry => {
  const login = (user: number) => {
    const time = START + Math.floor((user / KEYS) * SPAN_MS);
    return [time, { 'event.name': 'login', 'user.id': `user-${user}` }] as const;
  };
  return streamBatch('logs', records(Array.from({ length: BATCH }, (_, i) => login(from + i))));
};

const FEW = 'statistics: [count, sum, min, max]';
const TWO_LOGINS = `
patterns:
  two:
    key: [user.id]
    within: 1h
    steps:
      - {name: a, contiguity: begin, where: {field: event.name, op: ==, value: login}}
      - {name: b, contiguity: next, where: {field: event.name, op: ==, value: login}}
    alert: {type: TWO, severity: LOW, message: two}
`;

const SUBJECTS: Readonly<Record<string, Subject>> = {
  window: { factory: window, yaml: `size: 1h\n${FEW}`, batch: points },
  'window, sliding': { factory: window, yaml: `type: sliding\nsize: 1m\nslide: 30s\n${FEW}`, batch: points },
  'window, session': { factory: window, yaml: `type: session\ngap: 1m\n${FEW}`, batch: points },
  'window with quantiles': { factory: window, yaml: 'size: 1h', batch: points },
  anomaly: { factory: anomaly, yaml: '', batch: points },
  pattern: { factory: pattern, yaml: TWO_LOGINS, batch: logins },
  dedup: { factory: dedup, yaml: 'key: [user.id]', batch: logins },
};

function memory(): { heap: number; rss: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

async function measure(name: string, { factory, yaml, batch }: Subject): Promise<void> {
  const sink: Consumer = { consume: (one) => one.release() };
  const outputs = {
    for: () => sink,
    pipelines: new Map([
      ['metrics/x', sink],
      ['logs/x', sink],
    ]),
  };
  const options = readYaml(factory.config, `max_future: 0s\nout_of_orderness: 0s\n${yaml}`);
  const settings = testSettings({ id: factory.type, kind: 'connector', signals: ['logs'] });
  const subject = factory.create(settings, options, outputs) as Connector & Checkpointed;
  await subject.start(new NopHost());
  const batches = Array.from({ length: KEYS / BATCH }, (_, i) => batch(i * BATCH));
  const before = memory();
  for (const one of batches) await subject.consume(one);
  // patterns look at what event time has come to
  await subject.watermark?.('', START + SPAN_MS);
  const after = memory();
  const each = (what: 'heap' | 'rss') => Math.round((after[what] - before[what]) / KEYS);
  const began = process.cpuUsage();
  const entries = subject.snapshot('', 'all');
  const { user, system } = process.cpuUsage(began);
  const millis = Math.round((user + system) / 1000);
  const size = [...entries.values()].reduce((sum, entry) => sum + (entry?.length ?? 0), 0) / KEYS;
  const snapshot = `snapshot ${millis} ms of CPU time, ${Math.round(size)} bytes`;
  console.log(`${name}: ${each('heap')} bytes a key, RSS ${each('rss')}; ${snapshot}`);
}

const [only] = process.argv.slice(2);
const subject = SUBJECTS[only ?? ''];
if (only !== undefined && subject !== undefined && globalThis.gc !== undefined) await measure(only, subject);
else {
  const file = fileURLToPath(import.meta.url);
  for (const name of only === undefined ? Object.keys(SUBJECTS) : [only]) {
    spawnSync(process.execPath, ['--expose-gc', file, name], { stdio: 'inherit' });
  }
}
