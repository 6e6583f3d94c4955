import type { ClickHouse } from '../client.ts';
import { readRows } from '../read.ts';
import { type ActualTable, plain, readTables } from './actual.ts';
import { JOURNAL, readVersion } from './journal.ts';
import { createObject, type DistributedObject, type Schema, type SchemaObject, type TableObject } from './objects.ts';
import { columnDdl, indexDdl, onCluster, quoteName, tableName } from './table.ts';

/** One statement that brings a database closer to a schema. None of them loses rows. */
export interface Change {
  readonly object: string;
  readonly statement: string;
}

export interface Plan {
  /** What the database says it was last brought to; 0 where nothing says so. */
  readonly version: number;
  readonly changes: readonly Change[];
  /** What differs and is not changed, since that would lose or rewrite rows. A sentence each. */
  readonly drift: readonly string[];
}

/** What there is to do, which is nothing the second time. */
export async function planSchema(ch: ClickHouse, schema: Schema): Promise<Plan> {
  const actual = await readTables(ch, schema.database);
  const changes: Change[] = [];
  const drift: string[] = [];
  if (actual === undefined) {
    const on = onCluster(schema.cluster);
    const statement = `CREATE DATABASE IF NOT EXISTS ${quoteName(schema.database)}${on}`;
    changes.push({ object: schema.database, statement });
  }
  for (const object of schema.objects) {
    const { table } = object.at;
    const found = actual?.get(table);
    if (found === undefined) changes.push({ object: table, statement: createObject(object) });
    else await compare(ch, object, found, changes, drift);
  }
  const version = actual?.has(JOURNAL) === true ? await readVersion(ch, schema) : 0;
  return { version, changes, drift };
}

async function compare(
  ch: ClickHouse,
  object: SchemaObject,
  found: ActualTable,
  changes: Change[],
  drift: string[],
): Promise<void> {
  const name = object.at.table;
  if (object.kind !== 'view') {
    compareColumns(object, found, changes, drift);
    if (object.kind === 'table') compareTable(object, found, changes, drift);
    return;
  }
  if (found.engine !== 'MaterializedView') {
    drift.push(`${name} is a ${found.engine}, not a materialized view`);
    return;
  }
  const sql = 'SELECT formatQuerySingleLine({query:String}) AS query';
  const [row] = await readRows(ch, sql, { query: object.query });
  if (row?.query === found.query) return;
  const statement = `ALTER TABLE ${tableName(object.at)}${onCluster(object.at.cluster)} MODIFY QUERY ${object.query}`;
  changes.push({ object: name, statement });
}

function compareColumns(
  { at, table }: TableObject | DistributedObject,
  found: ActualTable,
  changes: Change[],
  drift: string[],
): void {
  const alter = `ALTER TABLE ${tableName(at)}${onCluster(at.cluster)}`;
  let before = '';
  for (const column of table.columns) {
    const there = found.columns.get(column.name);
    if (there === undefined) {
      const place = before === '' ? 'FIRST' : `AFTER ${quoteName(before)}`;
      const statement = `${alter} ADD COLUMN IF NOT EXISTS ${columnDdl(column)} ${place}`;
      changes.push({ object: at.table, statement });
    } else {
      const type = plain(column.type);
      if (there.type !== type) drift.push(`${at.table}.${column.name} has the type ${there.type}, not ${type}`);
      const expression = plain(column.expression ?? '');
      if (there.expression !== expression) {
        drift.push(`${at.table}.${column.name} has ${there.expression || 'no default'}, not ${expression || 'none'}`);
      }
    }
    before = column.name;
  }
  const known = new Set(table.columns.map(({ name }) => name));
  const others = [...found.columns.keys()].filter((name) => !known.has(name));
  if (others.length > 0) drift.push(`${at.table} has columns of its own: ${others.join(', ')}`);
}

function compareTable({ at, table }: TableObject, found: ActualTable, changes: Change[], drift: string[]): void {
  const alter = `ALTER TABLE ${tableName(at)}${onCluster(at.cluster)}`;
  for (const index of table.indexes ?? []) {
    if (found.indexes.has(index.name)) continue;
    const statement = `${alter} ADD INDEX IF NOT EXISTS ${indexDdl(index).slice('INDEX '.length)}`;
    changes.push({ object: at.table, statement });
  }
  const differ = (what: string, is: string, should: string, how = '') => {
    if (is !== should) drift.push(`${at.table} has ${what} ${is || 'none'}, not ${should || 'none'}${how}`);
  };
  differ('the engine', found.engine, at.engine.replace(/\(.*$/s, ''));
  differ('the partitions', found.partitionBy, plain(table.partitionBy));
  differ('the order', found.orderBy, plain(table.orderBy));
  const ttl = at.ttl === undefined ? 'REMOVE TTL' : `MODIFY TTL ${at.ttl}`;
  differ('the TTL', found.ttl, plain(at.ttl ?? ''), `; to have it: ${alter} ${ttl}`);
}
