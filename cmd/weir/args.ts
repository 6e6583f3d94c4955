import { parseDuration } from '../../core/config/duration.ts';

/** What the command line said. */
export interface Arguments {
  /** `run` where no command is given. */
  readonly command: string;
  /** What follows the command: the id of `featuregate`, the component of `explain`. */
  readonly operands: readonly string[];
  readonly config: readonly string[];
  readonly set: readonly string[];
  readonly featureGates: readonly string[];
  readonly plugin: readonly string[];
  /** Nothing is read in an older or our own way. Also on with WEIR_STRICT=1. */
  readonly strict: boolean;
  /** Reload when a configuration file changes. */
  readonly watch: boolean;
  /** How long a shutdown may take. */
  readonly drainTimeoutMs: number;
  readonly mode: string;
  /** Of what is printed; the command's own where it is empty. */
  readonly format: string;
  /** The ClickHouse that a query goes to. */
  readonly endpoint: string;
  readonly database: string;
  /** `name=value` of a query. */
  readonly param: readonly string[];
  /** The exporter that is meant, where a configuration has several. */
  readonly exporter: string;
  readonly validate: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

interface Flag {
  readonly key: keyof Arguments;
  readonly kind: 'list' | 'text' | 'bool' | 'duration';
  readonly doc: string;
  /** Commands that have it; all where it is not set. */
  readonly only?: readonly string[];
}

export const COMMANDS: Readonly<Record<string, string>> = {
  run: 'Run the pipelines of a configuration; the default',
  validate: 'Check a configuration without running it',
  components: 'List the components of this program',
  'print-config': 'Print the resolved configuration with all defaults',
  schema: 'Print the JSON Schema of configurations, for editors',
  explain: 'Explain a component or one of its keys: explain batch, explain processor/batch.timeout',
  featuregate: 'List feature gates, or show one',
  topics: 'Manage topics of Kafka: topics plan, apply or show, with --config of a file that declares them',
  clickhouse:
    'Manage tables of ClickHouse: clickhouse plan, apply or show, with --config of a file that has the exporter',
  query: 'Ask ClickHouse, a server or the embedded store: query "SELECT service_name, count() FROM traces GROUP BY 1"',
  help: 'Show how to use a command',
};

const ALIASES: Readonly<Record<string, string>> = { 'print-initial-config': 'print-config' };

const CONFIGURED: readonly string[] = ['run', 'validate', 'print-config', 'topics', 'clickhouse', 'query'];

export const FLAGS: Readonly<Record<string, Flag>> = {
  config: {
    key: 'config',
    kind: 'list',
    doc: 'Where the configuration is: a file, or file:, env:, yaml:, http:, https: URI. Repeatable, later ones win',
    only: CONFIGURED,
  },
  set: { key: 'set', kind: 'list', doc: 'Set one key, as processors.batch.timeout=2s. Repeatable', only: CONFIGURED },
  'feature-gates': {
    key: 'featureGates',
    kind: 'list',
    doc: 'Comma list of feature gates; - before one switches it off',
    only: CONFIGURED,
  },
  plugin: { key: 'plugin', kind: 'list', doc: 'Folder or npm package with further components. Repeatable' },
  strict: { key: 'strict', kind: 'bool', doc: 'Refuse what the present collector refuses (also WEIR_STRICT=1)' },
  watch: { key: 'watch', kind: 'bool', doc: 'Reload when a configuration file changes', only: ['run'] },
  'drain-timeout': {
    key: 'drainTimeoutMs',
    kind: 'duration',
    doc: 'Time a shutdown may take before what is left is given up (default 10s)',
    only: ['run'],
  },
  mode: { key: 'mode', kind: 'text', doc: 'redacted (default) or unredacted', only: ['print-config'] },
  format: {
    key: 'format',
    kind: 'text',
    doc: 'print-config: yaml (default) or json. query: table (default), json (a line a row) or csv',
    only: ['print-config', 'query'],
  },
  endpoint: {
    key: 'endpoint',
    kind: 'text',
    doc: 'chdb://./directory or http://host:8123 (default chdb://./data/store). CLICKHOUSE_USER and _PASSWORD log in',
    only: ['query'],
  },
  database: { key: 'database', kind: 'text', doc: 'Database that is asked', only: ['query'] },
  param: { key: 'param', kind: 'list', doc: 'name=value for {name:Type} in the query. Repeatable', only: ['query'] },
  exporter: {
    key: 'exporter',
    kind: 'text',
    doc: 'Which clickhouse exporter of the configuration is meant, where there are several',
    only: ['clickhouse', 'query'],
  },
  validate: { key: 'validate', kind: 'bool', doc: 'Whether faults are fatal (default true)', only: ['print-config'] },
  help: { key: 'help', kind: 'bool', doc: 'Show this' },
  version: { key: 'version', kind: 'bool', doc: 'Show the version', only: ['run'] },
};

const SHORT: Readonly<Record<string, string>> = { h: 'help', v: 'version' };

/** Reads the arguments behind the program's name; `{error}` has the words of the collector. */
export function parseArguments(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Arguments | { readonly error: string } {
  const values: Record<string, FlagValue | string[]> = {};
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      words.push(word);
      continue;
    }
    const read = readFlag(word, argv[i + 1]);
    if ('error' in read) return read;
    if (read.tookNext) i++;
    const { flag, value } = read;
    if (flag.kind === 'list') values[flag.key] = [...((values[flag.key] as string[] | undefined) ?? []), String(value)];
    else values[flag.key] = value;
  }
  const [first = 'run', ...operands] = words;
  const command = Object.hasOwn(ALIASES, first) ? (ALIASES[first] ?? first) : first;
  if (!Object.hasOwn(COMMANDS, command)) return { error: `unknown command ${JSON.stringify(command)} for "weir"` };
  return { ...DEFAULTS, strict: env.WEIR_STRICT === '1', ...values, command, operands };
}

const DEFAULTS: Omit<Arguments, 'command' | 'operands'> = {
  config: [],
  set: [],
  featureGates: [],
  plugin: [],
  strict: false,
  watch: false,
  drainTimeoutMs: 10_000,
  mode: 'redacted',
  format: '',
  endpoint: '',
  database: '',
  param: [],
  exporter: '',
  validate: true,
  help: false,
  version: false,
};

type FlagValue = string | boolean | number;
type ReadFlag = { flag: Flag; value: FlagValue; tookNext: boolean } | { error: string };

function readFlag(word: string, next: string | undefined): ReadFlag {
  const long = word.startsWith('--');
  const equals = word.indexOf('=');
  const given = word.slice(long ? 2 : 1, equals < 0 ? undefined : equals);
  const name = long ? given : (SHORT[given] ?? '');
  const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
  if (flag === undefined) {
    return { error: long ? `unknown flag: --${given}` : `unknown shorthand flag: '${given.slice(0, 1)}' in ${word}` };
  }
  const inline = equals < 0 ? undefined : word.slice(equals + 1);
  if (flag.kind === 'bool') {
    const text = inline ?? 'true';
    if (text === 'true' || text === '1') return { flag, value: true, tookNext: false };
    if (text === 'false' || text === '0') return { flag, value: false, tookNext: false };
    return { error: `invalid argument ${JSON.stringify(text)} for "--${name}" flag: must be true or false` };
  }
  const text = inline ?? next;
  if (text === undefined) return { error: `flag needs an argument: --${name}` };
  const tookNext = inline === undefined;
  return flag.kind === 'duration' ? readDuration(name, flag, text, tookNext) : { flag, value: text, tookNext };
}

function readDuration(name: string, flag: Flag, text: string, tookNext: boolean): ReadFlag {
  const parsed = parseDuration(text);
  const fault = 'error' in parsed ? parsed.error : parsed.ms < 0 ? 'must not be negative' : undefined;
  if (fault === undefined && 'ms' in parsed) return { flag, value: parsed.ms, tookNext };
  return { error: `invalid argument ${JSON.stringify(text)} for "--${name}" flag: ${fault}` };
}
