import type { ClickHouse } from '../client.ts';
import { readRows } from '../read.ts';
import type { Schema } from './objects.ts';
import { createTable, type Table, tableName } from './table.ts';

/** The table that remembers which statements were run here, when, and for which version of a schema. */
export const JOURNAL = 'weir_schema_migrations';

const TABLE: Table = {
  columns: [
    { name: 'schema', type: 'LowCardinality(String)' },
    { name: 'version', type: 'UInt32' },
    { name: 'object', type: 'String' },
    { name: 'statement', type: 'String' },
    { name: 'applied_at', type: 'DateTime64(3)', expression: 'DEFAULT now64(3)' },
  ],
  partitionBy: 'tuple()',
  orderBy: '(schema, version, applied_at)',
};

/** The statement that makes it. */
export function createJournal({ database, cluster }: Schema): string {
  const path = `/clickhouse/tables/${database}/${JOURNAL}`;
  const engine = cluster === undefined ? 'MergeTree' : `ReplicatedMergeTree('${path}', '{shard}-{replica}')`;
  return createTable(TABLE, { database, table: JOURNAL, cluster, engine });
}

/** The version that a database was last brought to. */
export async function readVersion(ch: ClickHouse, { name, database }: Schema): Promise<number> {
  const from = tableName({ database, table: JOURNAL });
  const [row] = await readRows(ch, `SELECT max(version) AS version FROM ${from} WHERE schema = {name:String}`, {
    name,
  });
  return Number(row?.version ?? 0);
}

/** Remembers that a statement was run; an empty one says that the version is reached. */
export async function remember(ch: ClickHouse, schema: Schema, object: string, statement: string): Promise<void> {
  const row = { schema: schema.name, version: schema.version, object, statement };
  await ch.insert({
    database: schema.database,
    table: JOURNAL,
    columns: Object.keys(row),
    format: 'JSONEachRow',
    body: [Buffer.from(JSON.stringify(row))],
    rows: 1,
    // read again by the next plan, maybe of another process
    settings: { async_insert: '0' },
  });
}
