import type { FieldSchema, MessageSchema } from './schema.ts';
import { next, readInt32, readSint32, readVarint, readVarint64, skipValue, WireType } from './wire.ts';

export type Message = Record<string, unknown>;

const NO_BYTES = Buffer.alloc(0);

/**
 * The message in `buffer[start, end)`, which must have been scanned, as an object (see tree.ts). As in protobuf, a
 * singular message that occurs twice is merged, and of the members of a oneof the last one stands.
 */
export function decodeMessage(
  schema: MessageSchema,
  buffer: Buffer,
  start: number,
  end: number,
  into?: Message,
): Message {
  const message = into ?? emptyMessage(schema);
  const replaced = new Map<FieldSchema, unknown[]>();
  let position = start;
  while (position < end) {
    const tag = readVarint(buffer, position);
    position = next;
    const field = schema.byNumber.get(tag >>> 3);
    const after = skipValue(buffer, position, tag);
    if (field?.replacedBy !== undefined) append(replaced, field, readOne(field, buffer, position));
    else if (field !== undefined) readField(message, schema, field, buffer, position, tag & 7, after);
    position = after;
  }
  for (const [field, values] of replaced) {
    const current = schema.byNumber.get(field.replacedBy as number) as FieldSchema;
    if ((message[current.jsonName] as unknown[]).length === 0) message[current.jsonName] = values;
  }
  return message;
}

function append(lists: Map<FieldSchema, unknown[]>, field: FieldSchema, value: unknown): void {
  const list = lists.get(field);
  if (list === undefined) lists.set(field, [value]);
  else list.push(value);
}

export function emptyMessage(schema: MessageSchema): Message {
  const message: Message = {};
  for (const field of schema.fields) {
    if (field.replacedBy === undefined) message[field.jsonName] = defaultOf(field);
  }
  return message;
}

function defaultOf(field: FieldSchema): unknown {
  if (field.repeated) return [];
  if (field.oneof !== undefined || field.optional || field.kind === 'message') return undefined;
  switch (field.kind) {
    case 'string':
      return '';
    case 'bool':
      return false;
    case 'bytes':
    case 'traceId':
    case 'spanId':
      return NO_BYTES;
    case 'int64':
    case 'uint64':
    case 'fixed64':
    case 'sfixed64':
      return 0n;
    default:
      return 0;
  }
}

function readField(
  message: Message,
  schema: MessageSchema,
  field: FieldSchema,
  buffer: Buffer,
  position: number,
  wireType: number,
  after: number,
): void {
  const name = field.jsonName;
  if (field.repeated) {
    const list = message[name] as unknown[];
    if (field.packed && wireType === WireType.BYTES) readPacked(list, field, buffer, position, after);
    else list.push(readOne(field, buffer, position));
    return;
  }
  if (field.oneof !== undefined) {
    for (const member of schema.fields) if (member.oneof === field.oneof) message[member.jsonName] = undefined;
  }
  message[name] = readOne(field, buffer, position, message[name] as Message | undefined);
}

function readPacked(list: unknown[], field: FieldSchema, buffer: Buffer, position: number, end: number): void {
  readVarint(buffer, position);
  let at = next;
  while (at < end) {
    list.push(readOne(field, buffer, at));
    at = skipValue(buffer, at, field.wireType);
  }
}

function readOne(field: FieldSchema, buffer: Buffer, position: number, before?: Message): unknown {
  switch (field.kind) {
    case 'message': {
      const length = readVarint(buffer, position);
      return decodeMessage(field.message as MessageSchema, buffer, next, next + length, before);
    }
    case 'string': {
      const length = readVarint(buffer, position);
      return buffer.toString('utf8', next, next + length);
    }
    case 'bytes':
    case 'traceId':
    case 'spanId': {
      const length = readVarint(buffer, position);
      return Buffer.from(buffer.subarray(next, next + length));
    }
    default:
      return readNumber(field, buffer, position);
  }
}

function readNumber(field: FieldSchema, buffer: Buffer, position: number): unknown {
  switch (field.kind) {
    case 'bool':
      return readVarint(buffer, position) !== 0;
    case 'uint32':
      return readInt32(buffer, position) >>> 0;
    case 'sint32':
      return readSint32(buffer, position);
    case 'int64':
      return BigInt.asIntN(64, readVarint64(buffer, position));
    case 'uint64':
      return readVarint64(buffer, position);
    case 'fixed32':
      return buffer.readUInt32LE(position);
    case 'fixed64':
      return buffer.readBigUInt64LE(position);
    case 'sfixed64':
      return buffer.readBigInt64LE(position);
    case 'double':
      return buffer.readDoubleLE(position);
    default:
      return readInt32(buffer, position);
  }
}
