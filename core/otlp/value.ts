import { next, readVarint, readVarint64, skipValue, tagOf, WireType } from './wire.ts';

/** What an AnyValue holds: the number of its field; EMPTY for none. */
export const ValueType = { EMPTY: 0, STRING: 1, BOOL: 2, INT: 3, DOUBLE: 4, ARRAY: 5, MAP: 6, BYTES: 7 } as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];

/** The tag of the elements of an ArrayValue and of the entries of a KeyValueList. */
const ELEMENT = tagOf(1, WireType.BYTES);

const KEY = tagOf(1, WireType.BYTES);
const VALUE = tagOf(2, WireType.BYTES);
const NOTHING = Buffer.alloc(0);

/** An AnyValue: `read`, then by `type` one of the methods. Of several values in one, the last stands. */
export class ValueReader {
  type: ValueType = ValueType.EMPTY;
  buffer: Buffer = NOTHING;
  /** The bytes of a string, byte string, array or map; for a number or bool where it begins. */
  start = 0;
  end = 0;

  read(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.type = ValueType.EMPTY;
    this.start = this.end = end;
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      const field = tag >>> 3;
      if (field > ValueType.BYTES) {
        if (field === STRING_INDEX) this.type = ValueType.EMPTY;
        continue;
      }
      this.type = field as ValueType;
      this.start = value;
      this.end = position;
      if ((tag & 7) !== WireType.BYTES) continue;
      readVarint(buffer, value);
      this.start = next;
    }
    return this;
  }

  /** A STRING; bytes that are not UTF-8 become replacement characters. */
  get string(): string {
    return this.buffer.toString('utf8', this.start, this.end);
  }

  get bool(): boolean {
    return readVarint(this.buffer, this.start) !== 0;
  }

  get int(): bigint {
    return BigInt.asIntN(64, readVarint64(this.buffer, this.start));
  }

  get double(): number {
    return this.buffer.readDoubleLE(this.start);
  }

  /** BYTES, not copied. */
  get bytes(): Buffer {
    return this.buffer.subarray(this.start, this.end);
  }
}

/** A member of the oneof that only profiles use; elsewhere it is as good as empty. */
const STRING_INDEX = 8;

/**
 * The AnyValue in `buffer[start, end)` as text, as the collector writes it wherever text is wanted (labels, metric
 * dimensions, hashes): strings as they are, integers in decimal, doubles as JavaScript prints them, bytes in base64,
 * arrays and maps as compact JSON with sorted keys, the empty value as ''.
 */
export function valueText(buffer: Buffer, start: number, end: number): string {
  const value = reader.read(buffer, start, end);
  switch (value.type) {
    case ValueType.STRING:
      return value.string;
    case ValueType.BOOL:
      return String(value.bool);
    case ValueType.INT:
      return value.int.toString();
    case ValueType.DOUBLE:
      return doubleText(value.double);
    case ValueType.BYTES:
      return buffer.toString('base64', value.start, value.end);
    case ValueType.ARRAY:
    case ValueType.MAP:
      return jsonOf(buffer, start, end) ?? '';
    default:
      return '';
  }
}

const reader = new ValueReader();

/** Fixed notation from 1e-6 to 1e21, otherwise an exponent, which is what JavaScript does, and a zero has its sign. */
function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** A string in JSON as Go's encoder writes it: the line separators of JavaScript are escaped, <, > and & are not. */
export function jsonString(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (c) => (c === '\u2028' ? '\\u2028' : '\\u2029'));
}

/**
 * The AnyValue in `buffer[start, end)` as compact JSON with sorted keys, bytes in base64. Undefined where there is a
 * double inside that JSON cannot hold: the collector then has no text for the whole.
 */
export function valueJson(buffer: Buffer, start: number, end: number): string | undefined {
  return jsonOf(buffer, start, end);
}

function jsonOf(buffer: Buffer, start: number, end: number): string | undefined {
  const value = new ValueReader().read(buffer, start, end);
  switch (value.type) {
    case ValueType.EMPTY:
      return 'null';
    case ValueType.STRING:
      return jsonString(value.string);
    case ValueType.DOUBLE:
      return Number.isFinite(value.double) ? doubleText(value.double) : undefined;
    case ValueType.BYTES:
      return value.start === value.end ? 'null' : `"${value.bytes.toString('base64')}"`;
    case ValueType.ARRAY:
      return jsonOfArray(value);
    case ValueType.MAP:
      return jsonOfMap(value);
    default:
      return valueText(buffer, start, end);
  }
}

function jsonOfArray(array: ValueReader): string | undefined {
  const elements: string[] = [];
  for (const [start, end] of elementsOf(array)) {
    const text = jsonOf(array.buffer, start, end);
    if (text === undefined) return undefined;
    elements.push(text);
  }
  return `[${elements.join(',')}]`;
}

/** Of entries with one key the last stands; keys are in the order of their bytes. */
function jsonOfMap(map: ValueReader): string | undefined {
  const { buffer } = map;
  const entries = new Map<string, { key: Buffer; text: string | undefined }>();
  for (const [start, end] of elementsOf(map)) {
    const [key, value, valueEnd] = entryAt(buffer, start, end);
    entries.set(key.toString('latin1'), { key, text: jsonOf(buffer, value, valueEnd) });
  }
  for (const { text } of entries.values()) if (text === undefined) return undefined;
  const sorted = [...entries.values()].sort((a, b) => Buffer.compare(a.key, b.key));
  return `{${sorted.map(({ key, text }) => `${jsonString(key.toString('utf8'))}:${text}`).join(',')}}`;
}

function elementsOf({ buffer, start, end }: ValueReader): [start: number, end: number][] {
  const elements: [number, number][] = [];
  let position = start;
  while (position < end) {
    const tag = readVarint(buffer, position);
    const value = next;
    position = skipValue(buffer, value, tag);
    if (tag !== ELEMENT) continue;
    readVarint(buffer, value);
    elements.push([next, position]);
  }
  return elements;
}

function entryAt(buffer: Buffer, start: number, end: number): [key: Buffer, value: number, valueEnd: number] {
  let key: Buffer = NOTHING;
  let valueStart = end;
  let valueEnd = end;
  let position = start;
  while (position < end) {
    const tag = readVarint(buffer, position);
    const value = next;
    position = skipValue(buffer, value, tag);
    if (tag !== KEY && tag !== VALUE) continue;
    readVarint(buffer, value);
    if (tag === KEY) key = buffer.subarray(next, position);
    else {
      valueStart = next;
      valueEnd = position;
    }
  }
  return [key, valueStart, valueEnd];
}
