import { type Column, insertColumns, type Table } from '../schema/table.ts';
import { type NativeColumn, NumberColumn, StringColumn } from './columns.ts';
import { Growing } from './growing.ts';
import { ArrayColumn, MapColumn, TupleColumn } from './nested.ts';

/** Types whose values are numbers of a fixed size, with the type that is sent for them. */
const NUMBERS: Readonly<Record<string, string>> = {
  Bool: 'UInt8',
  Boolean: 'UInt8',
  Int8: 'Int8',
  UInt8: 'UInt8',
  Int32: 'Int32',
  UInt32: 'UInt32',
  Int64: 'Int64',
  UInt64: 'UInt64',
  Float64: 'Float64',
  DateTime: 'DateTime',
  'DateTime64(9)': 'DateTime64(9)',
};

/** The column that takes values of a type of ClickHouse. Dictionaries are left to the server: it makes them itself. */
function nativeColumn(type: string): NativeColumn {
  const number = NUMBERS[type];
  if (number !== undefined) return new NumberColumn(number);
  const [, outer, inner] = /^(\w+)\((.*)\)$/.exec(type) ?? [];
  if (type === 'String' || type === 'JSON') return new StringColumn();
  if (inner === undefined) throw new Error(`a column of type ${type} cannot be written`);
  if (outer === 'LowCardinality') return nativeColumn(inner);
  if (outer === 'Array') return new ArrayColumn(nativeColumn(inner));
  const parts = splitTypes(inner);
  if (outer === 'Tuple') return new TupleColumn(parts.map((part) => nativeColumn(withoutName(part))));
  if (outer === 'Map' && parts.length === 2) return new MapColumn(nativeColumn(parts[1] as string));
  throw new Error(`a column of type ${type} cannot be written`);
}

/** Types between commas that are in no brackets. */
function splitTypes(list: string): string[] {
  const types: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < list.length; at++) {
    if (list[at] === '(') depth++;
    else if (list[at] === ')') depth--;
    else if (list[at] === ',' && depth === 0) {
      types.push(list.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...types, list.slice(start).trim()];
}

/** Parts of a tuple may have names before their types. */
function withoutName(part: string): string {
  return /^\w+ (.+)$/.exec(part)?.[1] ?? part;
}

/**
 * Rows of one table, column by column. Who writes rows asks for the columns once, appends a value to each of them for
 * every row, and takes the bytes with `take`, after which the block is empty.
 */
export class NativeBlock {
  readonly columns: readonly Column[];
  rows = 0;
  readonly #columns = new Map<string, NativeColumn>();
  readonly #head = new Growing(256);

  constructor(table: Pick<Table, 'columns'>) {
    this.columns = insertColumns(table);
    for (const { name, type } of this.columns) this.#columns.set(name, nativeColumn(type));
  }

  get names(): readonly string[] {
    return this.columns.map(({ name }) => name);
  }

  string(name: string): StringColumn {
    return this.#column(name, StringColumn);
  }
  number(name: string): NumberColumn {
    return this.#column(name, NumberColumn);
  }
  /** Attributes as text. */
  map(name: string): MapColumn {
    return this.#column(name, MapColumn<StringColumn>);
  }
  strings(name: string): ArrayColumn<StringColumn> {
    return this.#array(name, StringColumn);
  }
  numbers(name: string): ArrayColumn<NumberColumn> {
    return this.#array(name, NumberColumn);
  }
  maps(name: string): ArrayColumn<MapColumn> {
    return this.#array(name, MapColumn<StringColumn>);
  }
  /** A column of any other type. */
  any<C extends NativeColumn>(name: string, kind: abstract new (...args: never) => C): C {
    return this.#column(name, kind);
  }

  clear(): void {
    this.rows = 0;
    for (const column of this.#columns.values()) column.clear();
  }

  /** The rows as one buffer of their own in the Native format. */
  take(): Buffer {
    const head = this.#head;
    head.clear();
    head.varint(this.columns.length);
    head.varint(this.rows);
    const pieces: Buffer[] = [Buffer.from(head.bytes())];
    for (const [name, column] of this.#columns) {
      head.clear();
      for (const text of [Buffer.from(name), Buffer.from(column.type)]) head.text(text, 0, text.length);
      pieces.push(Buffer.from(head.bytes()));
      column.pieces(pieces);
    }
    const bytes = Buffer.concat(pieces);
    this.clear();
    return bytes;
  }

  #column<C extends NativeColumn>(name: string, kind: abstract new (...args: never) => C): C {
    const column = this.#columns.get(name);
    if (column instanceof kind) return column;
    throw new Error(`column ${name} is ${column?.type ?? 'not there'}, which is not what is written to it`);
  }

  #array<E extends NativeColumn>(name: string, kind: abstract new (...args: never) => E): ArrayColumn<E> {
    const column = this.#column(name, ArrayColumn);
    const element: unknown = column.element;
    if (element instanceof kind) return column as ArrayColumn<E>;
    throw new Error(`column ${name} is ${column.type}, which is not what is written to it`);
  }
}
