import { tagOf, varintSize, WireType, writeVarint, writeVarint64 } from './wire.ts';

/** A field of a message: a number for varints and fixed kinds (as 64 unsigned bits), bytes for the rest. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/** The bytes are not a protobuf message. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/**
 * The fields of a small message of a peer, checked: for responses and statuses, of which there are few. Telemetry is
 * read by the readers.
 */
export function readFields(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[position++];
      if (byte === undefined) throw new WireError('message ends inside a varint');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new WireError('varint of more than ten bytes');
  };
  const take = (length: bigint): Buffer => {
    if (length > BigInt(bytes.length - position)) throw new WireError('field reaches beyond the end of its message');
    position += Number(length);
    return bytes.subarray(position - Number(length), position);
  };
  while (position < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    if (number === 0 || number > 0x1fff_ffff) throw new WireError(`illegal field number ${number}`);
    const type = Number(tag & 7n);
    if (type === WireType.VARINT) fields.push({ number, value: varint() });
    else if (type === WireType.FIXED64) fields.push({ number, value: take(8n).readBigUInt64LE() });
    else if (type === WireType.BYTES) fields.push({ number, value: take(varint()) });
    else if (type === WireType.FIXED32) fields.push({ number, value: BigInt(take(4n).readUInt32LE()) });
    else throw new WireError(`unsupported wire type ${type} of field ${number}`);
  }
  return fields;
}

/** Nothing for zero, as protobuf omits defaults. */
export function varintField(number: number, value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0);
  const field = Buffer.allocUnsafe(15);
  return field.subarray(0, writeVarint64(field, writeVarint(field, 0, tagOf(number, WireType.VARINT)), value));
}

/** Writes an empty value too: an empty message that is present differs from none. */
export function bytesField(number: number, value: Buffer): Buffer {
  const tag = tagOf(number, WireType.BYTES);
  const field = Buffer.allocUnsafe(varintSize(tag) + varintSize(value.length) + value.length);
  value.copy(field, writeVarint(field, writeVarint(field, 0, tag), value.length));
  return field;
}

/** Nothing for the empty string. */
export function stringField(number: number, value: string): Buffer {
  return value === '' ? Buffer.alloc(0) : bytesField(number, Buffer.from(value));
}
