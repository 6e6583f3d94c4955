import { createTable, onCluster, type Placement, quoteName, type Table, tableName } from './table.ts';

/** Something that a schema has, by what kind of thing it is in ClickHouse. */
export type SchemaObject = TableObject | DistributedObject | ViewObject;

export interface TableObject {
  readonly kind: 'table';
  readonly at: Placement;
  readonly table: Table;
}

/** The same columns over all shards of a cluster. */
export interface DistributedObject {
  readonly kind: 'distributed';
  readonly at: Place;
  readonly table: Table;
  /** The table of each shard, in the same database. */
  readonly of: string;
  /** The expression that decides the shard. */
  readonly shardBy: string;
}

/** Fills one table from the inserts into another. */
export interface ViewObject {
  readonly kind: 'view';
  readonly at: Place;
  /** The table that is filled, in the same database. */
  readonly to: string;
  readonly query: string;
}

type Place = Pick<Placement, 'database' | 'table' | 'cluster'>;

/** All that one exporter's tables need, in the order in which it can be made. */
export interface Schema {
  readonly name: string;
  /** Rises with each change of what `objects` says. */
  readonly version: number;
  readonly database: string;
  readonly cluster?: string | undefined;
  readonly objects: readonly SchemaObject[];
}

/** The statement that makes it where it is not there. */
export function createObject(object: SchemaObject): string {
  if (object.kind === 'table') return createTable(object.table, object.at);
  const { at } = object;
  const name = `${tableName(at)}${onCluster(at.cluster)}`;
  if (object.kind === 'view') {
    const to = tableName({ database: at.database, table: object.to });
    return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} TO ${to} AS ${object.query}`;
  }
  const local = tableName({ database: at.database, table: object.of });
  return `CREATE TABLE IF NOT EXISTS ${name} AS ${local} ENGINE = ${distributedEngine(object)}`;
}

function distributedEngine({ at, of, shardBy }: DistributedObject): string {
  const [cluster, database, table] = [at.cluster ?? '', at.database, of].map(quoteName);
  return `Distributed(${cluster}, ${database}, ${table}, ${shardBy})`;
}
