import type { Attributes } from '../otlp/readers/attributes.ts';
import { ValueReader, ValueType } from '../otlp/value.ts';
import { next, readVarint, readVarint64, skipValue, writeVarint64 } from '../otlp/wire.ts';
import type { KeyWriter } from './key-writer.ts';

const ELEMENT = (1 << 3) | 2;
/** The most bytes of a varint of 64 bits. */
const LONGEST_VARINT = 10;
/** Up to here insertion sort is good; longer lists are rare, and must not take quadratic time. */
const SHORT_LIST = 32;

/**
 * Writes attributes into a key such that two lists give the same bytes when they mean the same: in the order of their
 * keys, whatever order and encoding they came in. Of entries with one key the first counts.
 */
export class AttributesKey {
  readonly #keys: KeyWriter;
  readonly #value = new ValueReader();
  readonly #integer = Buffer.alloc(LONGEST_VARINT);
  /** Key start, key end, value start and value end of the entries, in turn, and the order of the entries. */
  readonly #places: number[] = [];
  readonly #order: number[] = [];

  constructor(keys: KeyWriter) {
    this.#keys = keys;
  }

  write(attributes: Attributes): void {
    const places = this.#places;
    let count = 0;
    attributes.rewind();
    while (attributes.next()) {
      const at = count++ * 4;
      places[at] = attributes.keyStart;
      places[at + 1] = attributes.keyEnd;
      places[at + 2] = attributes.valueStart;
      places[at + 3] = attributes.valueEnd;
    }
    const order = sort(attributes.buffer, places, this.#order, count);
    this.#writeEntries(attributes.buffer, places, order, count);
  }

  /** Bytes with their length before them, so that what follows cannot be mistaken for them. */
  bytes(buffer: Buffer, start: number, end: number): void {
    this.#keys.length(end - start);
    this.#keys.copy(buffer, start, end);
  }

  #writeEntries(buffer: Buffer, places: readonly number[], order: readonly number[], count: number): void {
    let written = 0;
    let last = -1;
    for (let i = 0; i < count; i++) {
      const at = (order[i] as number) * 4;
      if (last >= 0 && compareKeys(buffer, places, last, at) === 0) continue;
      last = at;
      written++;
      this.bytes(buffer, places[at] as number, places[at + 1] as number);
      this.#writeValue(buffer, places[at + 2] as number, places[at + 3] as number);
    }
    this.#keys.length(written);
  }

  #writeValue(buffer: Buffer, start: number, end: number): void {
    const value = this.#value.read(buffer, start, end);
    this.#keys.byte(value.type);
    switch (value.type) {
      case ValueType.STRING:
      case ValueType.BYTES:
        this.bytes(buffer, value.start, value.end);
        break;
      case ValueType.DOUBLE:
        this.#keys.copy(buffer, value.start, value.end);
        break;
      case ValueType.BOOL:
        this.#keys.byte(value.bool ? 1 : 0);
        break;
      case ValueType.INT:
        this.#writeInteger(buffer, value.start, value.end);
        break;
      case ValueType.ARRAY:
        this.#writeArray(buffer, value.start, value.end);
        break;
      case ValueType.MAP:
        this.#writeMap(buffer, value.start, value.end);
    }
  }

  /** As it is on the wire, unless somebody wrote more bytes than needed. */
  #writeInteger(buffer: Buffer, start: number, end: number): void {
    if (end - start === 1 || buffer[end - 1] !== 0) this.bytes(buffer, start, end);
    else {
      this.bytes(this.#integer, 0, writeVarint64(this.#integer, 0, readVarint64(buffer, start)));
    }
  }

  #writeArray(buffer: Buffer, start: number, end: number): void {
    let count = 0;
    for (const [from, to] of elements(buffer, start, end)) {
      this.#writeValue(buffer, from, to);
      count++;
    }
    this.#keys.length(count);
  }

  #writeMap(buffer: Buffer, start: number, end: number): void {
    const places: number[] = [];
    const order: number[] = [];
    for (const [from, to] of elements(buffer, start, end)) places.push(...entryAt(buffer, from, to));
    const count = places.length / 4;
    this.#writeEntries(buffer, places, sort(buffer, places, order, count), count);
  }
}

/** Lists are short, and most come in the same order every time. */
function sort(buffer: Buffer, places: readonly number[], order: number[], count: number): readonly number[] {
  if (count > SHORT_LIST) {
    const indexes = Array.from({ length: count }, (_, i) => i);
    return indexes.sort((a, b) => compareKeys(buffer, places, a * 4, b * 4));
  }
  for (let i = 0; i < count; i++) {
    let at = i;
    while (at > 0 && compareKeys(buffer, places, (order[at - 1] as number) * 4, i * 4) > 0) {
      order[at] = order[at - 1] as number;
      at--;
    }
    order[at] = i;
  }
  return order;
}

function compareKeys(buffer: Buffer, places: readonly number[], a: number, b: number): number {
  const startA = places[a] as number;
  const startB = places[b] as number;
  const lengthA = (places[a + 1] as number) - startA;
  const lengthB = (places[b + 1] as number) - startB;
  for (let i = 0; i < lengthA && i < lengthB; i++) {
    const difference = (buffer[startA + i] as number) - (buffer[startB + i] as number);
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}

function* elements(buffer: Buffer, start: number, end: number): Generator<[start: number, end: number]> {
  let position = start;
  while (position < end) {
    const tag = readVarint(buffer, position);
    const value = next;
    position = skipValue(buffer, value, tag);
    if (tag !== ELEMENT) continue;
    readVarint(buffer, value);
    yield [next, position];
  }
}

/** Places of key and value of the KeyValue in `buffer[start, end)`. */
function entryAt(buffer: Buffer, start: number, end: number): number[] {
  const places = [end, end, end, end];
  let position = start;
  while (position < end) {
    const tag = readVarint(buffer, position);
    const value = next;
    position = skipValue(buffer, value, tag);
    if (tag >>> 3 !== 1 && tag >>> 3 !== 2) continue;
    readVarint(buffer, value);
    const at = tag >>> 3 === 1 ? 0 : 2;
    places[at] = next;
    places[at + 1] = position;
  }
  return places;
}
