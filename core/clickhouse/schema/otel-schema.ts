import type { Signal } from '../../signal.ts';
import type { Schema, SchemaObject, TableObject } from './objects.ts';
import { logsTable, TRACE_TIMES, tracesTable, traceTimesQuery } from './otel.ts';
import { METRIC_TABLES, type MetricKind } from './otel-metrics.ts';
import { type Placement, type Table, tableName } from './table.ts';

const VERSION = 1;
/** So many inserts of the past are known again. Tables with replicas have a window of their own. */
const DEDUPLICATION_WINDOW = 10_000;

export interface OtelOptions {
  readonly database: string;
  readonly cluster?: string | undefined;
  /** Empty for `MergeTree`. */
  readonly engine: { readonly name: string; readonly params: string };
  /** How long rows stay; 0 for ever. */
  readonly ttlMs: number;
  readonly json: boolean;
  /** Whether the server has text indexes. */
  readonly textIndexes: boolean;
  readonly names: Readonly<Record<'traces' | 'logs' | MetricKind, string>>;
}

/** The tables of the collector for some signals. */
export function otelSchema(options: OtelOptions, signals: readonly Signal[]): Schema {
  const { database, cluster } = options;
  const objects = signals.flatMap((signal) => OBJECTS[signal](options));
  return { name: 'otel', version: VERSION, database, cluster: cluster === '' ? undefined : cluster, objects };
}

const OBJECTS: Readonly<Record<Signal, (options: OtelOptions) => SchemaObject[]>> = {
  traces(options) {
    const { database, cluster, json, names } = options;
    const times = `${names.traces}_trace_id_ts`;
    return [
      tableObject(options, names.traces, tracesTable(json), 'toDateTime(Timestamp)'),
      tableObject(options, times, TRACE_TIMES, 'toDateTime(Start)'),
      {
        kind: 'view',
        at: { database, cluster, table: `${times}_mv` },
        to: times,
        query: traceTimesQuery(tableName({ database, table: names.traces })),
      },
    ];
  },
  logs: (options) => {
    const table = logsTable(options.json, options.textIndexes);
    return [tableObject(options, options.names.logs, table, 'toDateTime(Timestamp)')];
  },
  metrics: (options) =>
    (Object.keys(METRIC_TABLES) as MetricKind[]).map((kind) =>
      tableObject(options, options.names[kind], METRIC_TABLES[kind], 'toDateTime(TimeUnix)'),
    ),
};

function tableObject(options: OtelOptions, name: string, table: Table, time: string): TableObject {
  return { kind: 'table', table, at: place(options, name, time) };
}

function place({ database, cluster, engine, ttlMs }: OtelOptions, table: string, time: string): Placement {
  const name = engine.name === '' ? 'MergeTree' : engine.name;
  const remembers = /MergeTree$/.test(name) && !/^(Replicated|Shared)/.test(name);
  return {
    database,
    table,
    cluster,
    engine: `${name}(${engine.name === '' ? '' : engine.params})`,
    ttl: ttlExpression(ttlMs, time),
    ...(remembers ? { settings: { non_replicated_deduplication_window: DEDUPLICATION_WINDOW } } : {}),
  };
}

const UNITS = [
  ['Day', 86_400_000],
  ['Hour', 3_600_000],
  ['Minute', 60_000],
  ['Second', 1000],
] as const;

/** In the largest unit that fits, as the collector writes it. */
function ttlExpression(ms: number, time: string): string | undefined {
  if (ms <= 0) return undefined;
  const [unit, size] = UNITS.find(([, length]) => ms % length === 0) ?? UNITS[3];
  return `${time} + toInterval${unit}(${Math.floor(ms / size)})`;
}
