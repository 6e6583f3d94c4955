import { systemClock } from '../../core/clock.ts';
import { type Findings, readSection } from '../../core/config/decoder.ts';
import { ConfigError } from '../../core/config/fault.ts';
import { TopicAdmin } from '../../core/kafka/admin.ts';
import { clientOptions } from '../../core/kafka/client-options.ts';
import { type ActualTopic, changeText, plan, type TopicsConfig, topicsConfig } from '../../core/kafka/topics.ts';
import type { Logger } from '../../core/logger.ts';
import type { Sources } from '../../service/config/load.ts';
import { resolveConfig } from '../../service/config/resolve.ts';
import type { Arguments } from './args.ts';
import { type Terminal, UsageError } from './terminal.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** `topics plan|apply|show`: compares declared topics with those of the cluster, and changes these. */
export async function topics(args: Arguments, terminal: Terminal, sources: Sources): Promise<string> {
  const [verb = 'plan'] = args.operands;
  if (verb !== 'plan' && verb !== 'apply' && verb !== 'show') {
    throw new UsageError(`unknown command ${JSON.stringify(verb)}: topics plan, apply or show`);
  }
  if (args.config.length === 0) throw new UsageError('topics needs --config FILE, where the topics are declared');
  const config = await read(args, terminal, sources);
  const admin = new TopicAdmin(
    clientOptions({ logger: SILENT, clock: systemClock }, config, NO_HOST, REQUEST_TIMEOUT_MS),
  );
  try {
    const actual = await admin.read(Object.keys(config.topics));
    if (verb === 'show') return show(config, actual);
    const { changes, drift, warnings } = plan(config.topics, actual, await admin.brokers());
    for (const warning of warnings) terminal.stderr(`Warning: ${warning}\n`);
    for (const line of drift) terminal.stderr(`Differs: ${line}\n`);
    if (changes.length === 0) return 'Nothing to do.\n';
    for (const change of changes) {
      if (verb === 'apply') await admin.apply(change);
      terminal.stdout(`${changeText(change)}\n`);
    }
    return verb === 'apply' ? `${changes.length} done.\n` : `${changes.length} to do: weir topics apply\n`;
  } finally {
    await admin.close();
  }
}

async function read(args: Arguments, { env, stderr }: Terminal, sources: Sources): Promise<TopicsConfig> {
  const findings: Findings = { faults: [], warnings: [], strict: false };
  const root = await resolveConfig(
    { uris: args.config, sets: args.set, append: false },
    {
      env,
      strict: false,
      keepSource: (name, text) => sources.set(name, text),
      warn: (line) => findings.warnings.push(line),
    },
  );
  const config = readSection(topicsConfig, root, '', findings);
  for (const warning of findings.warnings) stderr(`Warning: ${warning}\n`);
  if (findings.faults.length > 0) throw new ConfigError(findings.faults);
  return config;
}

/** Each topic with what was set for it. */
function show(config: TopicsConfig, actual: ReadonlyMap<string, ActualTopic>): string {
  const lines = Object.keys(config.topics).map((name) => {
    const topic = actual.get(name);
    if (topic === undefined) return `${name}: not there\n`;
    const own = [...topic.configs].filter(([, { own }]) => own).map(([key, { value }]) => ` ${key}=${value}`);
    return `${name}: ${topic.partitions} partitions, replication factor ${topic.replicationFactor}${own.join('')}\n`;
  });
  return lines.join('');
}

/** A command has no log: what matters comes back as an error. */
const SILENT: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  debugEnabled: false,
  with: () => SILENT,
};

/** There are no extensions here. */
const NO_HOST = { extension: () => undefined };
