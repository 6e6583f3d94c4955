import type { MessageSchema } from './schema.ts';
import { decodeMessage, type Message } from './tree-decode.ts';
import { next, readVarint, WireType } from './wire.ts';

const LONGEST_VARINT = 10;
const FIXED_SIZES: Readonly<Record<number, number>> = { [WireType.FIXED64]: 8, [WireType.FIXED32]: 4 };

/**
 * A message of another protocol than OTLP, of a schema that does not contain itself, as an object (see tree.ts).
 * Unknown fields are passed over. Throws where the bytes are no such message.
 */
export function decodeForeign(schema: MessageSchema, bytes: Buffer): Message {
  check(schema, bytes, 0, bytes.length);
  return decodeMessage(schema, bytes, 0, bytes.length);
}

function check(schema: MessageSchema, buffer: Buffer, start: number, end: number): void {
  let position = start;
  while (position < end) {
    const tag = varintAt(buffer, position, end);
    position = next;
    const field = schema.byNumber.get(Math.floor(tag / 8));
    const type = tag & 7;
    if (tag < 8) throw new Error(`field number 0 in ${schema.name}`);
    const packed = field?.packed === true && type === WireType.BYTES;
    if (field !== undefined && type !== field.wireType && !packed) {
      throw new Error(`${schema.name}.${field.name} has wire type ${type}, expected ${field.wireType}`);
    }
    if (type === WireType.VARINT) {
      varintAt(buffer, position, end);
      position = next;
    } else if (type === WireType.BYTES) {
      const length = varintAt(buffer, position, end);
      const from = next;
      position = from + length;
      if (position <= end && field?.message !== undefined) check(field.message, buffer, from, position);
    } else {
      const size = FIXED_SIZES[type];
      if (size === undefined) throw new Error(`wire type ${type} in ${schema.name}`);
      position += size;
    }
    if (position > end) throw new Error(`a field of ${schema.name} reaches beyond its end`);
  }
}

/** Leaves the position after it in `next`. */
function varintAt(buffer: Buffer, position: number, end: number): number {
  let last = position;
  while (last < end && (buffer[last] as number) > 0x7f) last++;
  if (last >= end || last - position >= LONGEST_VARINT) throw new Error('a number has no end');
  return readVarint(buffer, position);
}
