import type { Schema, SchemaObject } from './objects.ts';
import { HOURLY_VIEW, hourlyQuery, PLATFORM_TABLES, type PlatformName, type PlatformTable } from './platform.ts';
import { quoteText, tableName } from './table.ts';

const VERSION = 1;
/** Tokens of inserts that a table remembers; a retry comes long before so many others. */
const TOKENS = 10_000;
/** …and for how long, where the table is replicated: the longest that a queue on disk should hold a batch back. */
const TOKEN_SECONDS = 7 * 86_400;

export interface PlatformOptions {
  readonly database: string;
  /** With it, each table is replicated and spread over the shards of the cluster. */
  readonly cluster?: string | undefined;
  /** How long rows stay, instead of each table's own time; 0 leaves these. */
  readonly ttlMs?: number;
}

/** Where rows are inserted and asked for: over all shards where there is a cluster. */
export function platformSchema({ database, cluster = '', ttlMs = 0 }: PlatformOptions): Schema {
  const clustered = cluster === '' ? undefined : cluster;
  const local = (name: string) => (clustered === undefined ? name : `${name}_local`);
  const objects = Object.values(PLATFORM_TABLES).flatMap((one): SchemaObject[] => {
    const at = { database, cluster: clustered };
    const table: SchemaObject = {
      kind: 'table',
      table: one.table,
      at: { ...at, table: local(one.name), ttl: ttl(one, ttlMs), ...engine(database, one.name, clustered) },
    };
    if (clustered === undefined) return [table];
    const { table: columns, shardBy } = one;
    const over = { ...at, table: one.name };
    return [table, { kind: 'distributed', table: columns, at: over, of: local(one.name), shardBy }];
  });
  const source = tableName({ database, table: local('business_events') });
  const view: SchemaObject = {
    kind: 'view',
    at: { database, table: HOURLY_VIEW, cluster: clustered },
    to: local('aggregated_metrics'),
    query: hourlyQuery(source),
  };
  return { name: 'platform', version: VERSION, database, cluster: clustered, objects: [...objects, view] };
}

function engine(database: string, name: PlatformName, cluster: string | undefined) {
  if (cluster === undefined) return { engine: 'MergeTree', settings: { non_replicated_deduplication_window: TOKENS } };
  const path = quoteText(`/clickhouse/tables/{shard}/${database}/${name}`);
  return {
    engine: `ReplicatedMergeTree(${path}, '{replica}')`,
    settings: { replicated_deduplication_window: TOKENS, replicated_deduplication_window_seconds: TOKEN_SECONDS },
  };
}

function ttl({ time, days }: PlatformTable, ttlMs: number): string {
  return ttlMs > 0
    ? `toDateTime(${time}) + toIntervalSecond(${Math.ceil(ttlMs / 1000)})`
    : `toDateTime(${time}) + toIntervalDay(${days})`;
}
