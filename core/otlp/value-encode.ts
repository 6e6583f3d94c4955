import { ValueType } from './value.ts';
import { tagOf, varintSize, WireType, writeVarint, writeVarint64 } from './wire.ts';

/** What a configuration or a computation gives as the value of an attribute; null is the empty value. */
export type PlainValue =
  | string
  | boolean
  | number
  | bigint
  | null
  | Buffer
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue };

/**
 * An AnyValue. A number without a fraction becomes an integer, as an integer in YAML arrives here as one; where a
 * double is meant whatever its value, take `encodeDouble`.
 */
export function encodeValue(value: PlainValue): Buffer {
  if (value === null) return Buffer.alloc(0);
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'boolean') return Buffer.from([tagOf(ValueType.BOOL, WireType.VARINT), value ? 1 : 0]);
  if (typeof value === 'bigint') return encodeInt(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? encodeInt(BigInt(value)) : encodeDouble(value);
  if (Buffer.isBuffer(value)) return lengthPrefixed(ValueType.BYTES, value);
  if (Array.isArray(value)) {
    const elements = value.map((element) => lengthPrefixed(1, encodeValue(element)));
    return lengthPrefixed(ValueType.ARRAY, Buffer.concat(elements));
  }
  const entries = Object.entries(value).map(([key, entry]) => encodeAttribute(key, encodeValue(entry)));
  return lengthPrefixed(ValueType.MAP, Buffer.concat(entries.map((entry) => lengthPrefixed(1, entry))));
}

export function encodeString(text: string): Buffer {
  return lengthPrefixed(ValueType.STRING, Buffer.from(text));
}

/** The same from UTF-8. */
export function encodeUtf8(bytes: Buffer): Buffer {
  return lengthPrefixed(ValueType.STRING, bytes);
}

/** 64 bits, signed. */
export function encodeInt(value: bigint): Buffer {
  const field = Buffer.allocUnsafe(11);
  field[0] = tagOf(ValueType.INT, WireType.VARINT);
  return field.subarray(0, writeVarint64(field, 1, value));
}

export function encodeDouble(value: number): Buffer {
  const field = Buffer.allocUnsafe(9);
  field[0] = tagOf(ValueType.DOUBLE, WireType.FIXED64);
  field.writeDoubleLE(value, 1);
  // the NaN of Go has its lowest bit set, which shows in a hash
  if (Number.isNaN(value)) field[1] = 1;
  return field;
}

/** A KeyValue with `value`, which is an encoded AnyValue. */
export function encodeAttribute(key: string, value: Buffer): Buffer {
  return Buffer.concat([lengthPrefixed(1, Buffer.from(key)), lengthPrefixed(2, value)]);
}

/** A field whose tag has one byte. */
function lengthPrefixed(number: number, value: Buffer): Buffer {
  const field = Buffer.allocUnsafe(1 + varintSize(value.length) + value.length);
  field[0] = tagOf(number, WireType.BYTES);
  value.copy(field, writeVarint(field, 1, value.length));
  return field;
}
