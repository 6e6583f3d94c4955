import type { Attributes } from '../readers/attributes.ts';
import { varintSize, writeVarint } from '../wire.ts';

/** The tag of attributes in an encoded list: that of a NumberDataPoint. `MetricsBuilder` writes the right one. */
export const LIST_TAG = (7 << 3) | 2;

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
    const sizes = this.#keys.map((key, i) => keyValueSize(key, this.#values[i] as Buffer));
    const list = Buffer.allocUnsafeSlow(sizes.reduce((sum, size) => sum + 1 + varintSize(size) + size, 0));
    let at = 0;
    for (const [i, key] of this.#keys.entries()) {
      list[at] = LIST_TAG;
      at = writeVarint(list, at + 1, sizes[i] as number);
      at = writeField(list, at, KEY, key);
      at = writeField(list, at, VALUE, this.#values[i] as Buffer);
    }
    return list;
  }
}

/** A list as it was received, copied. */
export function copyAttributes(attributes: Attributes): Buffer {
  const fields: Buffer[] = [];
  attributes.rewind();
  while (attributes.next()) fields.push(attributes.buffer.subarray(attributes.fieldStart, attributes.fieldEnd));
  return Buffer.concat(fields);
}

function keyValueSize(key: Buffer, value: Buffer): number {
  return 2 + varintSize(key.length) + key.length + varintSize(value.length) + value.length;
}

function writeField(target: Buffer, at: number, tag: number, value: Buffer): number {
  target[at] = tag;
  const start = writeVarint(target, at + 1, value.length);
  return start + value.copy(target, start);
}
