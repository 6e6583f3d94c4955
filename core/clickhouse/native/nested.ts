import type { Attributes } from '../../otlp/readers/attributes.ts';
import { NativeColumn, StringColumn } from './columns.ts';
import { Growing } from './growing.ts';

/** Running counts of elements. */
class Offsets {
  readonly #data = new Growing();
  #total = 0;
  #mark = 0;
  #markTotal = 0;

  clear(): void {
    this.#data.clear();
    this.#total = 0;
  }
  push(elements: number): void {
    this.#total += elements;
    this.#data.uint64(this.#total);
  }
  mark(): void {
    this.#mark = this.#data.length;
    this.#markTotal = this.#total;
  }
  repeat(times: number): void {
    const { length } = this.#data;
    const added = this.#total - this.#markTotal;
    for (let i = 1; i <= times; i++) {
      for (let at = this.#mark; at < length; at += 8) this.#data.uint64(this.#data.buffer.readUInt32LE(at) + i * added);
    }
    this.#total += times * added;
  }
  bytes(): Buffer {
    return this.#data.bytes();
  }
}

/** Rows of elements: append the elements to `element`, then say how many they were. */
export class ArrayColumn<E extends NativeColumn = NativeColumn> extends NativeColumn {
  readonly element: E;
  readonly #offsets = new Offsets();

  constructor(element: E) {
    super(`Array(${element.type})`);
    this.element = element;
  }

  end(elements: number): void {
    this.#offsets.push(elements);
  }
  clear(): void {
    this.#offsets.clear();
    this.element.clear();
  }
  mark(): void {
    this.#offsets.mark();
    this.element.mark();
  }
  repeat(times: number): void {
    this.#offsets.repeat(times);
    this.element.repeat(times);
  }
  pieces(into: Buffer[]): void {
    into.push(this.#offsets.bytes());
    this.element.pieces(into);
  }
}

/** Append to all parts, for each row. */
export class TupleColumn extends NativeColumn {
  readonly parts: readonly NativeColumn[];

  constructor(parts: readonly NativeColumn[]) {
    super(`Tuple(${parts.map(({ type }) => type).join(', ')})`);
    this.parts = parts;
  }

  clear(): void {
    for (const part of this.parts) part.clear();
  }
  mark(): void {
    for (const part of this.parts) part.mark();
  }
  repeat(times: number): void {
    for (const part of this.parts) part.repeat(times);
  }
  pieces(into: Buffer[]): void {
    for (const part of this.parts) part.pieces(into);
  }
}

/** Append to `keys` and `values`, then say how many entries there are. */
export class MapColumn<V extends NativeColumn = StringColumn> extends NativeColumn {
  readonly keys = new StringColumn();
  readonly values: V;
  readonly #offsets = new Offsets();

  constructor(values: V) {
    super(`Map(String, ${values.type})`);
    this.values = values;
  }

  end(entries: number): void {
    this.#offsets.push(entries);
  }
  clear(): void {
    this.#offsets.clear();
    this.keys.clear();
    this.values.clear();
  }
  mark(): void {
    this.#offsets.mark();
    this.keys.mark();
    this.values.mark();
  }
  repeat(times: number): void {
    this.#offsets.repeat(times);
    this.keys.repeat(times);
    this.values.repeat(times);
  }
  pieces(into: Buffer[]): void {
    into.push(this.#offsets.bytes());
    this.keys.pieces(into);
    this.values.pieces(into);
  }
}

/** Attributes as one row of a map, values as text. */
export function appendAttributes(map: MapColumn, attributes: Attributes): void {
  map.end(appendPairs(map, attributes));
}

/** Attributes as entries of the row that is being written; gives how many they are. */
export function appendPairs({ keys, values }: MapColumn, attributes: Attributes): number {
  const { buffer } = attributes;
  let entries = 0;
  attributes.rewind();
  while (attributes.next()) {
    keys.range(buffer, attributes.keyStart, attributes.keyEnd);
    values.value(buffer, attributes.valueStart, attributes.valueEnd);
    entries++;
  }
  return entries;
}
