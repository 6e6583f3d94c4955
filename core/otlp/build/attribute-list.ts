import { Attributes } from '../readers/attributes.ts';
import { next, readVarint, varintSize, writeVarint } from '../wire.ts';

/** The tag of attributes in an encoded list: that of a NumberDataPoint. `MetricsBuilder` writes the right one. */
const LIST_TAG = (7 << 3) | 2;

const KEY = 0x0a;
const VALUE = 0x12;

/**
 * A list of attributes in the making: keys as UTF-8, values as encoded AnyValues. `encode` makes it the form in which
 * `MetricsBuilder` takes it: fields with a tag of one byte.
 */
export class AttributeList {
  readonly #keys: Buffer[] = [];
  readonly #values: Buffer[] = [];

  /** Adds an attribute, or gives the one with this key another value. Bytes are copied by `encode`, not here. */
  put(key: Buffer, value: Buffer): this {
    const known = this.#keys.findIndex((k) => k.equals(key));
    if (known >= 0) this.#values[known] = value;
    else {
      this.#keys.push(key);
      this.#values.push(value);
    }
    return this;
  }

  encode(): Buffer {
    const values = this.#values;
    const list = Buffer.allocUnsafe(this.#keys.reduce((sum, key, i) => sum + fieldSize(key, values[i] as Buffer), 0));
    let at = 0;
    for (const [i, key] of this.#keys.entries()) at = writeField(list, at, key, values[i] as Buffer);
    return list;
  }
}

/** A list as it was received, copied; where its tags are written at more length than they need, written anew. */
export function copyAttributes(attributes: Attributes): Buffer {
  const { buffer, tag } = attributes;
  const fields: Buffer[] = [];
  attributes.rewind();
  while (attributes.next()) {
    const { keyStart, keyEnd, valueStart, valueEnd, fieldStart, fieldEnd } = attributes;
    const isPlain = buffer[fieldStart] === tag;
    const field = isPlain
      ? buffer.subarray(fieldStart, fieldEnd)
      : encodeField(buffer.subarray(keyStart, keyEnd), buffer.subarray(valueStart, valueEnd));
    fields.push(field);
  }
  const list = Buffer.concat(fields);
  return retag(list, 0, list.length, LIST_TAG);
}

/** Gives the fields of a list in `buffer[start, end)`, whose tags have one byte, this one. */
export function retag(buffer: Buffer, start: number, end: number, tag: number): Buffer {
  for (let at = start; at < end; ) {
    buffer[at] = tag;
    const size = readVarint(buffer, at + 1);
    at = next + size;
  }
  return buffer;
}

/** The attributes of an encoded or copied list. */
export function attributesIn(list: Buffer): Attributes {
  return new Attributes().set(list, 0, list.length, LIST_TAG);
}

function encodeField(key: Buffer, value: Buffer): Buffer {
  const field = Buffer.allocUnsafe(fieldSize(key, value));
  writeField(field, 0, key, value);
  return field;
}

function fieldSize(key: Buffer, value: Buffer): number {
  const size = keyValueSize(key, value);
  return 1 + varintSize(size) + size;
}

function keyValueSize(key: Buffer, value: Buffer): number {
  return 2 + varintSize(key.length) + key.length + varintSize(value.length) + value.length;
}

/** A KeyValue as a field. */
function writeField(target: Buffer, at: number, key: Buffer, value: Buffer): number {
  target[at] = LIST_TAG;
  const start = writeBytes(target, writeVarint(target, at + 1, keyValueSize(key, value)), KEY, key);
  return writeBytes(target, start, VALUE, value);
}

function writeBytes(target: Buffer, at: number, tag: number, value: Buffer): number {
  target[at] = tag;
  const start = writeVarint(target, at + 1, value.length);
  return start + value.copy(target, start);
}
