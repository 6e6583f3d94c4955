/**
 * The protobuf wire format: a message is a run of fields, each a tag (number << 3 | wire type, as a varint) and a
 * value. Nothing here allocates, except where 64 bits are wanted as a bigint.
 *
 *   varint   0   7 bits a byte, lowest first, top bit set while more bytes follow
 *   fixed64  1   8 bytes, little-endian
 *   bytes    2   varint length, then as many bytes: string, bytes, message, packed numbers
 *   fixed32  5   4 bytes, little-endian
 *
 * Reading trusts the bytes: they were scanned (scan.ts) or written by us.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

/** The tag of a field; fields up to 15 have a tag of one byte. */
export function tagOf(number: number, type: WireType): number {
  return number * 8 + type;
}

/** Where reading goes on: each read function sets it to the position after what it read. */
export let next = 0;

/** A tag, a length or a small number: exact up to 2^53. */
export function readVarint(buffer: Buffer, position: number): number {
  const first = buffer[position] as number;
  if (first < 0x80) {
    next = position + 1;
    return first;
  }
  const second = buffer[position + 1] as number;
  if (second < 0x80) {
    next = position + 2;
    return (first & 0x7f) | (second << 7);
  }
  return readLongVarint(buffer, position);
}

function readLongVarint(buffer: Buffer, position: number): number {
  let value = 0;
  let unit = 1;
  let byte: number;
  do {
    byte = buffer[position++] as number;
    value += (byte & 0x7f) * unit;
    unit *= 0x80;
  } while (byte >= 0x80);
  next = position;
  return value;
}

/** All 64 bits of a varint, unsigned; for int64 take `BigInt.asIntN(64, …)`. */
export function readVarint64(buffer: Buffer, position: number): bigint {
  let low = 0; // bits 0–27
  let middle = 0; // bits 28–55
  let high = 0; // bits 56–69
  let shift = 0;
  let byte: number;
  do {
    byte = buffer[position++] as number;
    const bits = byte & 0x7f;
    if (shift < 28) low |= bits << shift;
    else if (shift < 56) middle |= bits << (shift - 28);
    else high |= bits << (shift - 56);
    shift += 7;
  } while (byte >= 0x80);
  next = position;
  if (middle === 0 && high === 0) return BigInt(low);
  return BigInt.asUintN(64, BigInt(low) | (BigInt(middle) << 28n) | (BigInt(high) << 56n));
}

/** 32 signed bits of a varint: what int32, enum and bool fields hold. */
export function readInt32(buffer: Buffer, position: number): number {
  let value = 0;
  let shift = 0;
  let byte: number;
  do {
    byte = buffer[position++] as number;
    if (shift < 32) value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte >= 0x80);
  next = position;
  return value;
}

/** A zigzag-coded varint (sint32). */
export function readSint32(buffer: Buffer, position: number): number {
  const coded = readInt32(buffer, position) >>> 0;
  return (coded >>> 1) ^ -(coded & 1);
}

/** Fixed 64 bits as a number: exact up to 2^53, otherwise the nearest. Nanosecond times lose up to 128 ns. */
export function readFixed64AsNumber(buffer: Buffer, position: number): number {
  return buffer.readUInt32LE(position) + buffer.readUInt32LE(position + 4) * 0x1_0000_0000;
}

/** Where the bytes of an id begin that is the value of a field, given where the value ends; -1 for an empty one. */
export function idAt(buffer: Buffer, value: number, after: number): number {
  readVarint(buffer, value);
  return next === after ? -1 : next;
}

/** Whether the id of `length` bytes at `at` is none: not there (-1), or all zeros, which means the same. */
export function isNoId(buffer: Buffer, at: number, length: number): boolean {
  if (at < 0) return true;
  for (let i = 0; i < length; i++) if (buffer[at + i] !== 0) return false;
  return true;
}

/** The position after the value of a field whose tag, just before `position`, was `tag`. */
export function skipValue(buffer: Buffer, position: number, tag: number): number {
  switch (tag & 7) {
    case WireType.BYTES: {
      // lengths of one byte are most, and are read without a detour
      const length = buffer[position] as number;
      return length < 0x80 ? position + 1 + length : skipLong(buffer, position);
    }
    case WireType.FIXED64:
      return position + 8;
    case WireType.VARINT:
      while ((buffer[position] as number) >= 0x80) position++;
      return position + 1;
    default:
      return position + 4;
  }
}

function skipLong(buffer: Buffer, position: number): number {
  const length = readVarint(buffer, position);
  return next + length;
}

/** The position after the field that begins at `position`. */
export function skipField(buffer: Buffer, position: number): number {
  const tag = buffer[position] as number;
  if (tag < 0x80) return skipValue(buffer, position + 1, tag);
  const long = readVarint(buffer, position);
  return skipValue(buffer, next, long);
}

/** How many bytes `value` takes as a varint; exact for integers up to 2^53. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return 3 + varintSize(Math.floor(value / 0x20_0000));
}

/** Writes an unsigned integer up to 2^53; returns the position after it. */
export function writeVarint(buffer: Buffer, position: number, value: number): number {
  while (value > 0x7fff_ffff) {
    buffer[position++] = (value % 0x80) | 0x80;
    value = Math.floor(value / 0x80);
  }
  while (value > 0x7f) {
    buffer[position++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  buffer[position++] = value;
  return position;
}

/** Writes 64 bits; negative numbers take ten bytes, as protobuf has it. */
export function writeVarint64(buffer: Buffer, position: number, value: bigint): number {
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    buffer[position++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  buffer[position++] = Number(rest);
  return position;
}
