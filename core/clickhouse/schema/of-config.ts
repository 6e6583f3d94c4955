import type { Signal } from '../../signal.ts';
import type { ClickHouse } from '../client.ts';
import { ClickHouseError } from '../error.ts';
import { readRows } from '../read.ts';
import type { Schema } from './objects.ts';
import type { MetricKind } from './otel-metrics.ts';
import { otelSchema } from './otel-schema.ts';
import { platformSchema } from './platform-schema.ts';

/** What the configuration of the exporter says about tables, for the exporter and for the commands. */
export interface SchemaConfig {
  readonly schema: 'otel' | 'platform';
  readonly cluster_name: string;
  readonly table_engine: { readonly name: string; readonly params: string };
  /** Milliseconds; 0 for the schema's own. */
  readonly ttl: number;
  readonly json: boolean;
  readonly traces_table_name: string;
  readonly logs_table_name: string;
  readonly metrics_tables: Readonly<Record<MetricKind, { readonly name: string }>>;
}

/** The names of the tables of the schema `otel`. */
export function otelNames(config: SchemaConfig): Readonly<Record<'traces' | 'logs' | MetricKind, string>> {
  const { gauge, sum, summary, histogram, exponential_histogram } = config.metrics_tables;
  return {
    traces: config.traces_table_name,
    logs: config.logs_table_name,
    gauge: gauge.name,
    sum: sum.name,
    summary: summary.name,
    histogram: histogram.name,
    exponential_histogram: exponential_histogram.name,
  };
}

/** The tables that some signals need on this server. */
export async function schemaOf(
  config: SchemaConfig,
  ch: ClickHouse,
  database: string,
  signals: readonly Signal[],
): Promise<Schema> {
  const { cluster_name: cluster, ttl: ttlMs, json, table_engine: engine } = config;
  if (config.schema === 'platform') return platformSchema({ database, cluster, ttlMs });
  const textIndexes = !json && signals.includes('logs') && (await hasTextIndexes(ch));
  return otelSchema({ database, cluster, engine, ttlMs, json, textIndexes, names: otelNames(config) }, signals);
}

/** The first version with text indexes. */
const TEXT_INDEXES = [26, 2] as const;

/** A server that does not tell its version gets the indexes that all know. */
async function hasTextIndexes(ch: ClickHouse): Promise<boolean> {
  try {
    const [row] = await readRows(ch, 'SELECT version() AS version');
    const [major = 0, minor = 0] = String(row?.version).split('.').map(Number);
    return major > TEXT_INDEXES[0] || (major === TEXT_INDEXES[0] && minor >= TEXT_INDEXES[1]);
  } catch (error) {
    if (error instanceof ClickHouseError && error.number !== 0) return false;
    throw error;
  }
}
