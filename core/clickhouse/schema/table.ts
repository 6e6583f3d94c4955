/** A column. The same text is in the DDL and says how rows are encoded, see `native/columns.ts`. */
export interface Column {
  readonly name: string;
  /** As ClickHouse writes it: `Map(LowCardinality(String), String)`; of the nested `Events.Name` an array. */
  readonly type: string;
  /** What follows the type: `DEFAULT now()`, `MATERIALIZED …`. A column with it is not part of inserts. */
  readonly expression?: string;
  readonly comment?: string;
  /** Without the word: `Delta, ZSTD(1)`. */
  readonly codec?: string;
}

/** A skipping index. */
export interface Index {
  readonly name: string;
  readonly expression: string;
  /** `bloom_filter(0.01)`, `minmax`… */
  readonly type: string;
  readonly granularity?: number;
}

/** What a table holds, whatever it is called and wherever it is. */
export interface Table {
  readonly columns: readonly Column[];
  readonly indexes?: readonly Index[];
  readonly partitionBy: string;
  readonly orderBy: string;
  /** Where it is not all of `orderBy`. */
  readonly primaryKey?: string;
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** Where a table is made, and how it keeps its rows. */
export interface Placement {
  readonly database: string;
  readonly table: string;
  /** For `ON CLUSTER`. */
  readonly cluster?: string | undefined;
  /** With its parameters: `MergeTree()`, `ReplicatedMergeTree('/path', '{replica}')`. */
  readonly engine: string;
  /** The expression after `TTL`. */
  readonly ttl?: string | undefined;
  /** Beside those of the table. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** The columns that inserts name, in their order. */
export function insertColumns(table: Pick<Table, 'columns'>): readonly Column[] {
  return table.columns.filter(({ expression }) => expression === undefined);
}

/** `CREATE TABLE IF NOT EXISTS` for it. */
export function createTable(table: Table, at: Placement): string {
  const settings = Object.entries({ ...table.settings, ...at.settings });
  return [
    `CREATE TABLE IF NOT EXISTS ${tableName(at)}${onCluster(at.cluster)} (`,
    [...table.columns.map(columnDdl), ...(table.indexes ?? []).map(indexDdl)].map((line) => `    ${line}`).join(',\n'),
    `) ENGINE = ${at.engine}`,
    `PARTITION BY ${table.partitionBy}`,
    ...(table.primaryKey === undefined ? [] : [`PRIMARY KEY ${table.primaryKey}`]),
    `ORDER BY ${table.orderBy}`,
    ...(at.ttl === undefined ? [] : [`TTL ${at.ttl}`]),
    ...(settings.length === 0 ? [] : [`SETTINGS ${settings.map(([name, value]) => `${name} = ${value}`).join(', ')}`]),
  ].join('\n');
}

/** The column as it is in `CREATE TABLE` and `ALTER TABLE … ADD COLUMN`. */
export function columnDdl({ name, type, expression, comment, codec }: Column): string {
  return [
    `${quoteName(name)} ${type}`,
    ...(expression === undefined ? [] : [expression]),
    ...(comment === undefined ? [] : [`COMMENT ${quoteText(comment)}`]),
    ...(codec === undefined ? [] : [`CODEC(${codec})`]),
  ].join(' ');
}

/** The index as it is in `CREATE TABLE` and after `ALTER TABLE … ADD`. */
export function indexDdl({ name, expression, type, granularity }: Index): string {
  const every = granularity === undefined ? '' : ` GRANULARITY ${granularity}`;
  return `INDEX ${quoteName(name)} ${expression} TYPE ${type}${every}`;
}

/** `` `database`.`table` ``. */
export function tableName({ database, table }: { readonly database: string; readonly table: string }): string {
  return `${quoteName(database)}.${quoteName(table)}`;
}

/** `` ON CLUSTER `name` `` with a blank before it, or nothing. */
export function onCluster(cluster: string | undefined): string {
  return cluster === undefined || cluster === '' ? '' : ` ON CLUSTER ${quoteName(cluster)}`;
}

/** A name in backticks; nothing in it can end them. */
export function quoteName(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}

/** A text literal. */
export function quoteText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
