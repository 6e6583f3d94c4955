import { Attributes } from '../../otlp/readers/attributes.ts';
import { jsonString, ValueReader, ValueType, valueJson } from '../../otlp/value.ts';
import type { NativeBlock } from '../native/block.ts';
import { type NativeColumn, StringColumn } from '../native/columns.ts';
import { ArrayColumn, appendAttributes, MapColumn } from '../native/nested.ts';

/** Writes attributes as one row of what a table has for them. */
export interface AttributesColumn {
  append(attributes: Attributes): void;
  /** As in `NativeColumn`. */
  mark(): void;
  repeat(times: number): void;
}

/** A map of text, or JSON beside the column `…Keys` with the paths in it. */
export function attributesColumn(block: NativeBlock, name: string, json: boolean): AttributesColumn {
  return json
    ? new JsonAttributes(block.string(name), block.strings(`${name}Keys`))
    : new MapAttributes(block.map(name));
}

/** Of events and links, where there is one for each element of an array. Their JSON has no paths beside it. */
export function nestedAttributes(block: NativeBlock, name: string): AttributesColumn & { end(elements: number): void } {
  const column: ArrayColumn = block.any(name, ArrayColumn);
  const { element } = column;
  if (element instanceof MapColumn) return new NestedAttributes(column, new MapAttributes(element));
  if (element instanceof StringColumn) return new NestedAttributes(column, new JsonAttributes(element));
  throw new Error(`column ${name} cannot hold attributes`);
}

class NestedAttributes {
  readonly #column: ArrayColumn;
  readonly #element: AttributesColumn;

  constructor(column: ArrayColumn, element: AttributesColumn) {
    this.#column = column;
    this.#element = element;
  }
  append(attributes: Attributes): void {
    this.#element.append(attributes);
  }
  end(elements: number): void {
    this.#column.end(elements);
  }
  mark(): void {
    this.#column.mark();
  }
  repeat(times: number): void {
    this.#column.repeat(times);
  }
}

class MapAttributes implements AttributesColumn {
  readonly #map: MapColumn;

  constructor(map: MapColumn) {
    this.#map = map;
  }
  append(attributes: Attributes): void {
    appendAttributes(this.#map, attributes);
  }
  mark(): void {
    this.#map.mark();
  }
  repeat(times: number): void {
    this.#map.repeat(times);
  }
}

class JsonAttributes implements AttributesColumn {
  readonly #json: StringColumn;
  readonly #paths: ArrayColumn<StringColumn> | undefined;

  constructor(json: StringColumn, paths?: ArrayColumn<StringColumn>) {
    this.#json = json;
    this.#paths = paths;
  }
  append(attributes: Attributes): void {
    this.#json.text(attributesJson(attributes));
    if (this.#paths === undefined) return;
    const paths = attributePaths(attributes);
    for (const path of paths) this.#paths.element.bytes(path);
    this.#paths.end(paths.length);
  }
  mark(): void {
    this.#json.mark();
    this.#paths?.mark();
  }
  repeat(times: number): void {
    this.#json.repeat(times);
    this.#paths?.repeat(times);
  }
}

/** One JSON object. A value in which JSON cannot hold a number is null; of several with one key the last stands. */
function attributesJson(attributes: Attributes): string {
  const entries = new Map<string, string>();
  attributes.rewind();
  while (attributes.next()) {
    const { buffer, valueStart, valueEnd } = attributes;
    entries.set(attributes.key(), valueJson(buffer, valueStart, valueEnd) ?? 'null');
  }
  return `{${[...entries].map(([key, text]) => `${jsonString(key)}:${text}`).join(',')}}`;
}

/** `a`, `b.c` …: where the values are that are no maps, in the order of their bytes, each once. */
function attributePaths(attributes: Attributes): Buffer[] {
  const paths = new Set<string>();
  collectPaths('', attributes, paths);
  return [...paths].map((path) => Buffer.from(path)).sort(Buffer.compare);
}

/** The tag of the entries of a map. */
const ENTRY = (1 << 3) | 2;

function collectPaths(prefix: string, attributes: Attributes, into: Set<string>): void {
  attributes.rewind();
  while (attributes.next()) {
    const path = prefix + attributes.key();
    const value = new ValueReader().read(attributes.buffer, attributes.valueStart, attributes.valueEnd);
    if (value.type !== ValueType.MAP) into.add(path);
    else collectPaths(`${path}.`, new Attributes().set(value.buffer, value.start, value.end, ENTRY), into);
  }
}

/** What is the same in `rows` rows is appended once and repeated. */
export function constant<C extends Pick<NativeColumn, 'mark' | 'repeat'>>(
  column: C,
  rows: number,
  append: (column: C) => void,
): void {
  column.mark();
  append(column);
  column.repeat(rows - 1);
}
