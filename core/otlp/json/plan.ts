import { type FieldKind, type FieldSchema, ITEM_MESSAGES, type MessageSchema } from '../schema.ts';
import { tagOf, WireType } from '../wire.ts';

/** A field with what the decoder needs at hand. */
export interface FieldPlan {
  readonly schema: FieldSchema;
  readonly kind: FieldKind;
  readonly tag: number;
  /** One bit a field, the same for all members of a oneof: which of them were seen in a message. */
  readonly bit: number;
  readonly repeated: boolean;
  readonly packed: boolean;
  readonly replaced: boolean;
  /** Written even when zero: members of a oneof and `optional` fields. */
  readonly presence: boolean;
  readonly message: MessagePlan | undefined;
}

/** A message with its fields by the bytes of their names. */
export class MessagePlan {
  readonly schema: MessageSchema;
  readonly isItem: boolean;
  /** Bytes to leave for the length of the next one: what the last one took. A wrong guess costs a move of its bytes. */
  lengthSize = 1;
  #entries: (Entry | undefined)[] = [];

  constructor(schema: MessageSchema) {
    this.schema = schema;
    this.isItem = ITEM_MESSAGES.has(schema);
  }

  /** Apart from the constructor because AnyValue contains itself. */
  setFields(entries: readonly Entry[]): void {
    let size = 16;
    do {
      size *= 2;
      this.#entries = spread(entries, size);
    } while (this.#entries.length === 0);
  }

  /** `hash` is hashName of `bytes[start, end)`. */
  find(bytes: Buffer, start: number, end: number, hash: number): FieldPlan | undefined {
    const entry = this.#entries[hash & (this.#entries.length - 1)];
    if (entry === undefined || entry.name.length !== end - start) return undefined;
    for (let i = start, k = 0; i < end; i++, k++) if (bytes[i] !== entry.name[k]) return undefined;
    return entry.field;
  }
}

interface Entry {
  readonly name: Buffer;
  readonly field: FieldPlan;
}

/** A table without collisions, or an empty one where this size has some. */
function spread(entries: readonly Entry[], size: number): (Entry | undefined)[] {
  const table = new Array<Entry | undefined>(size).fill(undefined);
  for (const entry of entries) {
    let hash = 0;
    for (const byte of entry.name) hash = hashName(hash, byte);
    if (table[hash & (size - 1)] !== undefined) return [];
    table[hash & (size - 1)] = entry;
  }
  return table;
}

export const hashName = (hash: number, byte: number): number => (Math.imul(hash, 31) + byte) | 0;

const plans = new Map<MessageSchema, MessagePlan>();

export function planOf(schema: MessageSchema): MessagePlan {
  const known = plans.get(schema);
  if (known !== undefined) return known;
  const plan = new MessagePlan(schema);
  plans.set(schema, plan);
  const bits = new Map<string, number>();
  const entries: Entry[] = [];
  for (const field of schema.fields) {
    const group = field.oneof ?? field.name;
    if (!bits.has(group)) bits.set(group, 1 << bits.size);
    const compiled = fieldPlan(field, bits.get(group) as number);
    for (const name of new Set([field.jsonName, field.name]))
      entries.push({ name: Buffer.from(name), field: compiled });
  }
  plan.setFields(entries);
  return plan;
}

function fieldPlan(field: FieldSchema, bit: number): FieldPlan {
  return {
    schema: field,
    kind: field.kind,
    tag: tagOf(field.number, field.packed ? WireType.BYTES : field.wireType),
    bit,
    repeated: field.repeated,
    packed: field.packed,
    replaced: field.replacedBy !== undefined,
    presence: field.oneof !== undefined || field.optional,
    message: field.message === undefined ? undefined : planOf(field.message),
  };
}
