import type { FieldSchema, MessageSchema } from './schema.ts';
import type { Message } from './tree-decode.ts';
import { tagOf, varintSize, WireType, writeVarint, writeVarint64 } from './wire.ts';

/** The protobuf bytes of an object (see tree.ts); in order of field numbers, absent and default ones left out. */
export function encodeMessage(schema: MessageSchema, message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const field of [...schema.fields].sort((a, b) => a.number - b.number)) {
    const value = message[field.jsonName];
    if (value === undefined || field.replacedBy !== undefined) continue;
    if (!field.repeated) {
      if (field.oneof !== undefined || field.optional || !isDefault(value)) parts.push(encodeField(field, value));
      continue;
    }
    const values = value as unknown[];
    if (field.packed && values.length > 0) {
      const packed = Buffer.concat(values.map((v) => encodeValue(field, v)));
      parts.push(varint(tagOf(field.number, WireType.BYTES)), varint(packed.length), packed);
    } else for (const v of values) parts.push(encodeField(field, v));
  }
  return Buffer.concat(parts);
}

function isDefault(value: unknown): boolean {
  if (typeof value === 'object') return Buffer.isBuffer(value) && value.length === 0;
  return value === '' || value === false || value === 0n || Object.is(value, 0);
}

function encodeField(field: FieldSchema, value: unknown): Buffer {
  const encoded = encodeValue(field, value);
  const tag = varint(tagOf(field.number, field.wireType));
  if (field.wireType !== WireType.BYTES) return Buffer.concat([tag, encoded]);
  return Buffer.concat([tag, varint(encoded.length), encoded]);
}

function varint(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(varintSize(value));
  writeVarint(buffer, 0, value);
  return buffer;
}

/** The most bytes a 64-bit varint takes. */
const LONGEST_VARINT = 10;

function varint64(value: bigint): Buffer {
  const buffer = Buffer.allocUnsafe(LONGEST_VARINT);
  return buffer.subarray(0, writeVarint64(buffer, 0, value));
}

function encodeValue(field: FieldSchema, value: unknown): Buffer {
  switch (field.kind) {
    case 'message':
      return encodeMessage(field.message as MessageSchema, value as Message);
    case 'string':
      return Buffer.from(value as string);
    case 'bytes':
    case 'traceId':
    case 'spanId':
      return value as Buffer;
    default:
      return encodeNumber(field, value);
  }
}

function encodeNumber(field: FieldSchema, value: unknown): Buffer {
  const fixed = Buffer.allocUnsafe(8);
  switch (field.kind) {
    case 'bool':
      return varint(value ? 1 : 0);
    case 'int64':
    case 'uint64':
      return varint64(value as bigint);
    case 'sint32': {
      const n = value as number;
      return varint(((n << 1) ^ (n >> 31)) >>> 0);
    }
    case 'fixed32':
      return fixed.subarray(0, fixed.writeUInt32LE(value as number));
    case 'fixed64':
      return fixed.subarray(0, fixed.writeBigUInt64LE(value as bigint));
    case 'sfixed64':
      return fixed.subarray(0, fixed.writeBigInt64LE(value as bigint));
    case 'double':
      return fixed.subarray(0, fixed.writeDoubleLE(value as number));
    default:
      return varint64(BigInt(value as number));
  }
}
