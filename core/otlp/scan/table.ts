import { SIGNALS, type Signal } from '../../signal.ts';
import { EXPORT_REQUEST, type FieldSchema, ITEM_MESSAGES, type MessageSchema } from '../schema.ts';
import { tagOf, WireType } from '../wire.ts';

/**
 * What the scan does at a tag, one byte per message kind and tag, made from the schema; the TypeScript scan and the
 * WebAssembly kernel use the same table.
 *
 *   TABLE[kind << 8 | tag]   for tags up to 255, which are fields up to 31
 *
 * The value is one of `Action`, or for a field that holds a message one of the flags with the kind of that message in
 * the low six bits. Unknown fields have the action of their wire type: they are stepped over.
 */
export const Action = {
  /** A known field with another wire type, a group, or field number 0. */
  REFUSE: 0,
  VARINT: 1,
  FIXED64: 2,
  FIXED32: 3,
  BYTES: 4,
  /** Empty or 16 bytes. */
  TRACE_ID: 5,
  /** Empty or 8 bytes. */
  SPAN_ID: 6,
  PACKED_FIXED64: 7,
  PACKED_VARINT: 8,
  /** A KeyValue: has a short cut for its usual shape. */
  KEY_VALUE: 9,
} as const;

/** From here on the action is a flag and a kind. */
export const MESSAGE = 0x40;
/** The message is an item. */
export const ITEM = 0x80;
/** The message replaces what came before it in the same oneof, so items counted there do not count. */
export const REPLACES = 0xc0;
export const KIND_MASK = 0x3f;

/** Messages by kind number. */
export const KINDS: readonly MessageSchema[] = collect();
const KIND_OF: ReadonlyMap<MessageSchema, number> = new Map(KINDS.map((schema, kind) => [schema, kind]));

/** The kind of KeyValue, for its short cut. */
export const KEY_VALUE_KIND = KINDS.findIndex((schema) => schema.name === 'KeyValue');

export const TABLE: Uint8Array = build();

/** What is done at the tag of a field over 31: none is known except `LEGACY_SCOPES`, so only its wire type counts. */
export const UNKNOWN_ACTIONS: Uint8Array = TABLE.slice(tagOf(31, WireType.VARINT), tagOf(32, WireType.VARINT));

/** Kind of an export request by signal. */
export const REQUEST_KIND: Readonly<Record<Signal, number>> = {
  traces: kindOf(EXPORT_REQUEST.traces),
  metrics: kindOf(EXPORT_REQUEST.metrics),
  logs: kindOf(EXPORT_REQUEST.logs),
};

/** The scope groups of a resource group up to OTLP 0.15. The collector still reads them where there are no others. */
export const LEGACY_SCOPES = tagOf(1000, WireType.BYTES);
/** By kind: the action at `LEGACY_SCOPES`, 0 where the message is not a resource group. */
export const LEGACY_SCOPES_ACTION: Uint8Array = Uint8Array.from(KINDS, (schema) => {
  const field = schema.byNumber.get(LEGACY_SCOPES >>> 3);
  return field === undefined ? 0 : actionAt(field, LEGACY_SCOPES & 7);
});

function kindOf(schema: MessageSchema): number {
  return KIND_OF.get(schema) as number;
}

function collect(): MessageSchema[] {
  const found = new Set<MessageSchema>(SIGNALS.map((signal) => EXPORT_REQUEST[signal]));
  // a set is walked in order of insertion, so that what is found on the way is walked too
  for (const schema of found) for (const field of schema.fields) if (field.message) found.add(field.message);
  if (found.size > KIND_MASK + 1) throw new Error('more kinds of messages than an action has bits for');
  return [...found];
}

function build(): Uint8Array {
  const table = new Uint8Array(KINDS.length << 8);
  KINDS.forEach((schema, kind) => {
    for (let tag = tagOf(1, WireType.VARINT); tag < 0x100; tag++) {
      table[(kind << 8) | tag] = actionAt(schema.byNumber.get(tag >>> 3), tag & 7);
    }
  });
  return table;
}

function actionAt(field: FieldSchema | undefined, wireType: number): number {
  if (field === undefined) return plainAction(wireType);
  if (field.packed && wireType === WireType.BYTES) {
    return field.wireType === WireType.VARINT ? Action.PACKED_VARINT : Action.PACKED_FIXED64;
  }
  if (wireType !== field.wireType) return Action.REFUSE;
  if (field.kind === 'traceId') return Action.TRACE_ID;
  if (field.kind === 'spanId') return Action.SPAN_ID;
  return field.message === undefined ? plainAction(wireType) : messageAction(field, field.message);
}

function plainAction(wireType: number): number {
  switch (wireType) {
    case WireType.VARINT:
      return Action.VARINT;
    case WireType.FIXED64:
      return Action.FIXED64;
    case WireType.FIXED32:
      return Action.FIXED32;
    case WireType.BYTES:
      return Action.BYTES;
    default:
      return Action.REFUSE;
  }
}

function messageAction(field: FieldSchema, message: MessageSchema): number {
  if (message.name === 'KeyValue') return Action.KEY_VALUE;
  const kind = kindOf(message);
  if (ITEM_MESSAGES.has(message)) return ITEM | kind;
  return (field.oneof === undefined ? MESSAGE : REPLACES) | kind;
}
