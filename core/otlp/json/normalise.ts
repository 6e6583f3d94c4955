import { bytesField } from '../fields.ts';
import { type FieldSchema, ITEM_MESSAGES, type MessageSchema } from '../schema.ts';
import { next, readVarint, skipValue, tagOf, varintSize, WireType, writeVarint } from '../wire.ts';

/**
 * A message in which a field is given more than once, or a dropped one is used, as one that has every field once: the
 * last value of a scalar and of a oneof, messages and packed lists joined. The bytes are the decoder's, so lengths are
 * trusted and all fields are known.
 */
export function normalise(schema: MessageSchema, bytes: Buffer): Buffer {
  const values = new Map<FieldSchema, Buffer[]>();
  eachField(schema, bytes, (field, value) => {
    if (field.oneof !== undefined) forgetOneof(values, field.oneof);
    const others = values.get(field);
    if (others === undefined) values.set(field, [value]);
    else others.push(value);
  });
  const parts: Buffer[] = [];
  for (const [field, all] of values) {
    if (field.replacedBy === undefined) addJoined(parts, field, all);
    else if (!values.has(fieldOf(schema, field.replacedBy))) addEach(parts, field.replacedBy, all);
  }
  return Buffer.concat(parts);
}

function forgetOneof(values: Map<FieldSchema, Buffer[]>, oneof: string): void {
  for (const field of values.keys()) if (field.oneof === oneof) values.delete(field);
}

function addJoined(parts: Buffer[], field: FieldSchema, values: readonly Buffer[]): void {
  const { number, message } = field;
  if (field.packed) parts.push(bytesField(number, Buffer.concat(values)));
  else if (field.repeated) addEach(parts, number, values);
  else if (message !== undefined) parts.push(bytesField(number, normalise(message, Buffer.concat(values))));
  else addScalar(parts, field, values.at(-1) as Buffer);
}

function addEach(parts: Buffer[], number: number, values: readonly Buffer[]): void {
  for (const value of values) parts.push(bytesField(number, value));
}

function addScalar(parts: Buffer[], field: FieldSchema, value: Buffer): void {
  if (field.oneof === undefined && !field.optional && isDefault(field, value)) return;
  parts.push(field.wireType === WireType.BYTES ? bytesField(field.number, value) : scalarField(field, value));
}

function isDefault(field: FieldSchema, value: Buffer): boolean {
  return field.kind === 'string' ? value.length === 0 : value.every((byte) => byte === 0);
}

function scalarField(field: FieldSchema, value: Buffer): Buffer {
  const tag = tagOf(field.number, field.wireType);
  const bytes = Buffer.allocUnsafe(varintSize(tag) + value.length);
  value.copy(bytes, writeVarint(bytes, 0, tag));
  return bytes;
}

/** Spans, data points or log records in an export request, or in any other message that holds some. */
export function countItems(schema: MessageSchema, bytes: Buffer): number {
  let items = 0;
  eachField(schema, bytes, ({ message }, value) => {
    if (message === undefined) return;
    if (ITEM_MESSAGES.has(message)) items++;
    else if (holdsItems(message)) items += countItems(message, value);
  });
  return items;
}

const holders = new Map<MessageSchema, boolean>();

/** Whether items can be inside a message, at any depth. */
function holdsItems(schema: MessageSchema): boolean {
  const known = holders.get(schema);
  if (known !== undefined) return known;
  // false until found otherwise, so that messages which contain themselves end
  holders.set(schema, false);
  const holds = schema.fields.some(({ message }) => message && (ITEM_MESSAGES.has(message) || holdsItems(message)));
  holders.set(schema, holds);
  return holds;
}

/** Calls back with each field and its value: without tag, and without the length where it has one. */
function eachField(schema: MessageSchema, bytes: Buffer, callback: (field: FieldSchema, value: Buffer) => void): void {
  for (let position = 0; position < bytes.length; ) {
    const tag = readVarint(bytes, position);
    const start = next;
    position = skipValue(bytes, start, tag);
    if ((tag & 7) === WireType.BYTES) readVarint(bytes, start);
    const from = (tag & 7) === WireType.BYTES ? next : start;
    callback(fieldOf(schema, tag >>> 3), bytes.subarray(from, position));
  }
}

function fieldOf(schema: MessageSchema, number: number): FieldSchema {
  const field = schema.byNumber.get(number);
  if (field === undefined) throw new Error(`${schema.name} has no field ${number}`);
  return field;
}
