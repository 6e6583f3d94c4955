import type { ClickHouse, QuerySettings } from '../../core/clickhouse/client.ts';
import { otelLogs } from '../../core/clickhouse/rows/otel-logs.ts';
import { otelMetrics } from '../../core/clickhouse/rows/otel-metrics.ts';
import { otelTraces } from '../../core/clickhouse/rows/otel-traces.ts';
import { platformLogs } from '../../core/clickhouse/rows/platform-logs.ts';
import { platformMetrics } from '../../core/clickhouse/rows/platform-metrics.ts';
import { platformTraces } from '../../core/clickhouse/rows/platform-traces.ts';
import type { Rows } from '../../core/clickhouse/rows/rows.ts';
import { applySchema } from '../../core/clickhouse/schema/apply.ts';
import { createObject } from '../../core/clickhouse/schema/objects.ts';
import { otelNames, schemaOf } from '../../core/clickhouse/schema/of-config.ts';
import { onCluster, quoteName } from '../../core/clickhouse/schema/table.ts';
import type { Signal } from '../../core/signal.ts';
import type { Config } from './config.ts';

/** What makes rows of a signal for the tables of a configuration. */
export function rowsOf({ schema, json }: Config, signal: Signal): Rows {
  const platform = schema === 'platform';
  if (signal === 'traces') return platform ? platformTraces() : otelTraces(json);
  if (signal === 'logs') return platform ? platformLogs() : otelLogs(json);
  return platform ? platformMetrics() : otelMetrics();
}

/** The names of tables by what `Rows` calls them; those of the platform are what they are called. */
export function tableNames(config: Config): (table: string) => string {
  if (config.schema === 'platform') return (table) => table;
  const names: Readonly<Record<string, string>> = otelNames(config);
  return (table) => names[table] ?? table;
}

/** Makes what is not there. The collector's tables are made as the collector does it, without a record of it. */
export async function makeTables(
  config: Config,
  client: ClickHouse,
  database: string,
  signals: readonly Signal[],
): Promise<void> {
  if (config.schema === 'platform') {
    await applySchema(client, await schemaOf(config, client, database, signals));
    return;
  }
  if (database !== 'default') {
    await client.command(`CREATE DATABASE IF NOT EXISTS ${quoteName(database)}${onCluster(config.cluster_name)}`);
  }
  const { objects } = await schemaOf(config, client, database, signals);
  for (const object of objects) await client.command(createObject(object));
}

/**
 * Collected inserts are acknowledged when they are written, and known again like all others. Views know repeated
 * inserts as well, even where a crash of the server came between the table and the view; together with collected
 * inserts servers before 26 refuse that, so there it is left to the server.
 */
export function insertSettings(config: Config): QuerySettings {
  // rows are acknowledged when the shards have them
  const shards = config.schema === 'platform' && config.cluster_name !== '' ? { insert_distributed_sync: '1' } : {};
  if (!config.async_insert) {
    return { async_insert: '0', deduplicate_blocks_in_dependent_materialized_views: '1', ...shards };
  }
  return { async_insert: '1', wait_for_async_insert: '1', async_insert_deduplicate: '1', ...shards };
}
