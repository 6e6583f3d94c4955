import { type Infer, int, mapOf, string, struct } from '../config/fields.ts';
import { kafkaClient } from './config.ts';

const topic = struct('topics.Topic', 'A topic as it shall be.', {
  partitions: int('Number of partitions. There can be more later, never fewer.', 1, 'int'),
  replication_factor: int('Copies of each partition; lowered with a warning where there are fewer brokers.', 3, 'int'),
  configs: mapOf('Settings of the topic, as retention.ms.', string('The value.')),
});
export type DeclaredTopic = Infer<typeof topic>;

const SECTIONS = ['receivers', 'processors', 'exporters', 'connectors', 'extensions', 'service'];
const ELSEWHERE = 'topics are declared in a file of their own, as configs/topics.yaml';

/** A file of declared topics. */
export const topicsConfig = struct(
  'topics.Config',
  'Where the cluster is, and its topics.',
  { topics: mapOf('The topics by name.', topic) },
  {
    embed: [kafkaClient],
    hints: Object.fromEntries(SECTIONS.map((section) => [section, ELSEWHERE])),
    validate(value, path, report) {
      if (Object.keys(value.topics).length === 0) report(path, 'topics: none are declared');
      for (const [name, { partitions, replication_factor: factor }] of Object.entries(value.topics)) {
        if (partitions < 1) report(path, `topics: ${name}: partitions must be at least 1`);
        if (factor < 1) report(path, `topics: ${name}: replication_factor must be at least 1`);
      }
    },
  },
);
export type TopicsConfig = Infer<typeof topicsConfig>;

/** A topic as it is. */
export interface ActualTopic {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Every setting with its value, and whether it was set for this topic. */
  readonly configs: ReadonlyMap<string, { readonly value: string; readonly own: boolean }>;
}

export type Change =
  | {
      readonly kind: 'create';
      readonly topic: string;
      readonly partitions: number;
      readonly replicationFactor: number;
      readonly configs: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'partitions'; readonly topic: string; readonly from: number; readonly to: number }
  | {
      readonly kind: 'config';
      readonly topic: string;
      readonly key: string;
      readonly from: string;
      readonly to: string;
    };

/** What is to be done, and what is different but cannot or must not be changed. */
export interface Plan {
  readonly changes: readonly Change[];
  /** One line each. */
  readonly drift: readonly string[];
  readonly warnings: readonly string[];
}

const MIN_ISR = 'min.insync.replicas';

/** Compares; a plan that was carried out is empty the next time. */
export function plan(
  declared: Readonly<Record<string, DeclaredTopic>>,
  actual: ReadonlyMap<string, ActualTopic>,
  brokers: number,
): Plan {
  const changes: Change[] = [];
  const drift: string[] = [];
  const warnings: string[] = [];
  for (const [name, asked] of Object.entries(declared)) {
    const wanted = fitted(name, asked, brokers, warnings);
    const found = actual.get(name);
    if (found === undefined) changes.push({ kind: 'create', topic: name, ...wanted });
    else compare(name, wanted, found, changes, drift);
  }
  return { changes, drift, warnings };
}

interface Wanted {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

/**
 * With fewer brokers than copies there are as many copies as brokers, and one broker may be away as it could with the
 * copies that were asked for, unless there is only one.
 */
function fitted(name: string, asked: DeclaredTopic, brokers: number, warnings: string[]): Wanted {
  const { partitions, replication_factor: factor, configs } = asked;
  if (factor <= brokers) return { partitions, replicationFactor: factor, configs };
  const isr = Number(configs[MIN_ISR] ?? 1);
  const lowered = Math.max(1, Math.min(isr, brokers - 1));
  const also = lowered < isr ? ` and ${MIN_ISR} ${lowered} instead of ${isr}` : '';
  warnings.push(`${name}: replication factor ${brokers} instead of ${factor}${also}: there are no more brokers`);
  return {
    partitions,
    replicationFactor: brokers,
    configs: MIN_ISR in configs ? { ...configs, [MIN_ISR]: String(lowered) } : configs,
  };
}

function compare(name: string, wanted: Wanted, found: ActualTopic, changes: Change[], drift: string[]): void {
  const { partitions, replicationFactor, configs } = wanted;
  if (found.partitions < partitions) {
    changes.push({ kind: 'partitions', topic: name, from: found.partitions, to: partitions });
  } else if (found.partitions > partitions) {
    drift.push(`${name}: ${found.partitions} partitions, declared ${partitions}: their number cannot go down`);
  }
  if (found.replicationFactor !== replicationFactor) {
    const reason = 'replicas are moved with the tools of Kafka';
    drift.push(`${name}: replication factor ${found.replicationFactor}, declared ${replicationFactor}: ${reason}`);
  }
  for (const [key, to] of Object.entries(configs)) {
    const from = found.configs.get(key)?.value ?? '';
    if (from !== to) changes.push({ kind: 'config', topic: name, key, from, to });
  }
  for (const [key, { value, own }] of found.configs) {
    if (own && !(key in configs)) drift.push(`${name}: ${key} is set to ${value}, which is not declared`);
  }
}

/** The change as a line for people. */
export function changeText(change: Change): string {
  switch (change.kind) {
    case 'create': {
      const settings = Object.entries(change.configs).map(([key, value]) => ` ${key}=${value}`);
      const copies = `replication factor ${change.replicationFactor}`;
      return `${change.topic}: create with ${change.partitions} partitions, ${copies}${settings.join('')}`;
    }
    case 'partitions':
      return `${change.topic}: ${change.to} partitions instead of ${change.from}`;
    case 'config':
      return `${change.topic}: ${change.key}=${change.to} instead of ${change.from === '' ? 'nothing' : change.from}`;
  }
}
