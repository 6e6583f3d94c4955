import type { ClickHouse } from '../client.ts';
import { type Row, readRows } from '../read.ts';

/** A table, or view, as the server has it. */
export interface ActualTable {
  readonly engine: string;
  readonly partitionBy: string;
  readonly orderBy: string;
  readonly ttl: string;
  /** Of a view, in the server's own layout. */
  readonly query: string;
  readonly rows: number;
  readonly bytes: number;
  readonly columns: ReadonlyMap<string, { readonly type: string; readonly expression: string }>;
  readonly indexes: ReadonlySet<string>;
}

/** The tables of a database; undefined where the database is not there. */
export async function readTables(
  ch: ClickHouse,
  database: string,
): Promise<ReadonlyMap<string, ActualTable> | undefined> {
  const params = { database };
  const there = await readRows(ch, 'SELECT name FROM system.databases WHERE name = {database:String}', params);
  if (there.length === 0) return undefined;
  const tables = await readRows(
    ch,
    `SELECT name, engine, engine_full, partition_key, sorting_key, toFloat64(total_rows) AS rows,
       toFloat64(total_bytes) AS bytes, if(as_select = '', '', formatQuerySingleLine(as_select)) AS query
     FROM system.tables WHERE database = {database:String}`,
    params,
  );
  const columns = await byTable(
    ch,
    'SELECT table, name, type, default_kind, default_expression FROM system.columns WHERE database = {database:String}',
    params,
  );
  const indexes = await byTable(
    ch,
    'SELECT table, name FROM system.data_skipping_indices WHERE database = {database:String}',
    params,
  );
  return new Map(
    tables.map((row) => {
      const name = String(row.name);
      return [name, actual(row, columns.get(name) ?? [], indexes.get(name) ?? [])] as const;
    }),
  );
}

async function byTable(ch: ClickHouse, sql: string, params: Readonly<Record<string, string>>) {
  return Map.groupBy(await readRows(ch, sql, params), ({ table }) => String(table));
}

function actual(row: Row, columns: readonly Row[], indexes: readonly Row[]): ActualTable {
  const full = String(row.engine_full);
  return {
    engine: String(row.engine),
    partitionBy: plain(String(row.partition_key)),
    orderBy: plain(String(row.sorting_key)),
    ttl: plain(/ TTL (.*?)(?: SETTINGS |$)/s.exec(full)?.[1] ?? ''),
    query: String(row.query),
    rows: Number(row.rows ?? 0),
    bytes: Number(row.bytes ?? 0),
    columns: new Map(
      columns.map(({ name, type, default_kind: kind, default_expression: expression }) => [
        String(name),
        { type: plain(String(type)), expression: plain(`${kind} ${expression}`) },
      ]),
    ),
    indexes: new Set(indexes.map(({ name }) => String(name))),
  };
}

/** An expression without what only its layout decides, so that two of them can be compared. */
export function plain(expression: string): string {
  const text = expression.replace(/[\s`]+/g, ' ').replace(/(?<=\() | (?=[),])|(?<=,) /g, '');
  return /^\((.*)\)$/s.test(text) && isOneGroup(text) ? text.slice(1, -1).trim() : text.trim();
}

/** Whether the parenthesis at the start is closed at the end, and not before. */
function isOneGroup(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i === text.length - 1;
  }
  return false;
}
