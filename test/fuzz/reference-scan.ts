import { readFields } from '../../core/otlp/fields.ts';
import { MAX_NESTING } from '../../core/otlp/nesting.ts';
import type { FieldSchema, MessageSchema } from '../../core/otlp/schema.ts';

/**
 * Whether the octets are a request, as plainly as it can be said and as slowly: the second opinion on the scan. Fields
 * are found by their number in the schema, and nothing is prepared.
 */
export function isRequest(schema: MessageSchema, bytes: Buffer): boolean {
  return isMessage(schema, bytes, 1);
}

function isMessage(schema: MessageSchema, bytes: Buffer, depth: number): boolean {
  if (depth > MAX_NESTING) return false;
  let at = 0;
  while (at < bytes.length) {
    const tag = varintAt(bytes, at);
    if (tag === undefined || tag.value >> 3n === 0n || tag.value >> 3n >= 1n << 29n) return false;
    at += tag.length;
    const field = schema.byNumber.get(Number(tag.value >> 3n));
    const end = valueEnd(bytes, at, Number(tag.value & 7n));
    if (end === undefined) return false;
    if (field !== undefined && !isField(field, Number(tag.value & 7n), bytes.subarray(at, end), depth)) return false;
    at = end;
  }
  return true;
}

/** At most ten octets; bits over 64 are passed over in a number, and make a tag or a length too large. */
function varintAt(bytes: Buffer, at: number): { readonly value: bigint; readonly length: number } | undefined {
  let value = 0n;
  for (let length = 1; length <= 10; length++) {
    const byte = bytes[at + length - 1];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (length - 1));
    if (byte < 0x80) return { value, length };
  }
  return undefined;
}

function valueEnd(bytes: Buffer, at: number, type: number): number | undefined {
  let end: number | undefined;
  const varint = type === 0 || type === 2 ? varintAt(bytes, at) : undefined;
  if (type === 0 && varint !== undefined) end = at + varint.length;
  if (type === 1) end = at + 8;
  if (type === 5) end = at + 4;
  if (type === 2 && varint !== undefined && varint.value <= BigInt(bytes.length)) {
    end = at + varint.length + Number(varint.value);
  }
  return end === undefined || end > bytes.length ? undefined : end;
}

function isField(field: FieldSchema, type: number, value: Buffer, depth: number): boolean {
  const content = type === 2 ? value.subarray(varintAt(value, 0)?.length) : value;
  if (field.packed && type === 2) return isPacked(field.wireType, content);
  if (type !== field.wireType) return false;
  if (field.kind === 'traceId') return content.length === 0 || content.length === 16;
  if (field.kind === 'spanId') return content.length === 0 || content.length === 8;
  return field.message === undefined || isMessage(field.message, content, depth + 1);
}

function isPacked(type: number, content: Buffer): boolean {
  for (let at = 0; at < content.length; ) {
    const end = valueEnd(content, at, type);
    if (end === undefined) return false;
    at = end;
  }
  return true;
}

/** Whether somewhere in a request a message occurs twice where only one may stand. */
export function repeatsMessage(schema: MessageSchema, bytes: Buffer): boolean {
  const met = new Set<FieldSchema>();
  return readFields(bytes).some(({ number, value }) => {
    const field = schema.byNumber.get(number);
    if (field?.message === undefined || typeof value === 'bigint') return false;
    if (!field.repeated && met.has(field)) return true;
    met.add(field);
    return repeatsMessage(field.message, value);
  });
}
