import type { FieldSchema, MessageSchema } from '../schema.ts';

/** A field with what the encoder needs at hand. */
export interface FieldLayout {
  readonly schema: FieldSchema;
  readonly slot: Slot;
  readonly message: MessageLayout | undefined;
  /** `,"name":` — without the comma it is read from index 1 on. */
  readonly key: Buffer;
}

/** A place in the printed object: a field, or all the members of a oneof, of which one is there at most. */
export interface Slot {
  readonly index: number;
  /** Printed even when absent: messages that are neither in a list nor in a oneof. */
  readonly always: FieldLayout | undefined;
  /** More than one occurrence counts: lists, and messages, which are merged. */
  readonly collects: boolean;
  /** Where a dropped field is looked for when this one is absent. */
  fallback: Slot | undefined;
  /** Is such a dropped field. */
  readonly hidden: boolean;
}

export interface MessageLayout {
  /** In the order they are printed. */
  readonly slots: readonly Slot[];
  /** By field number. */
  readonly fields: readonly (FieldLayout | undefined)[];
}

const layouts = new Map<MessageSchema, MessageLayout>();

export function layoutOf(schema: MessageSchema): MessageLayout {
  const known = layouts.get(schema);
  if (known !== undefined) return known;
  const slots: Slot[] = [];
  const fields: (FieldLayout | undefined)[] = [];
  const layout: MessageLayout = { slots, fields };
  // known before its fields are, because AnyValue contains itself
  layouts.set(schema, layout);
  const groups = new Map<string, Slot>();
  for (const field of schema.fields) {
    const group = field.oneof ?? field.name;
    const message = field.message === undefined ? undefined : layoutOf(field.message);
    const key = Buffer.from(`,"${field.jsonName}":`);
    const slot = groups.get(group) ?? newSlot(slots, field, key, message);
    groups.set(group, slot);
    fields[field.number] = { schema: field, slot, message, key };
  }
  for (const field of schema.fields) {
    if (field.replacedBy === undefined) continue;
    const replacement = fields[field.replacedBy] as FieldLayout;
    replacement.slot.fallback = (fields[field.number] as FieldLayout).slot;
  }
  return layout;
}

function newSlot(slots: Slot[], field: FieldSchema, key: Buffer, message: MessageLayout | undefined): Slot {
  const isPart = message !== undefined && field.oneof === undefined;
  const slot: { -readonly [K in keyof Slot]: Slot[K] } = {
    index: slots.length,
    always: undefined,
    collects: field.repeated || isPart,
    fallback: undefined,
    hidden: field.replacedBy !== undefined,
  };
  if (isPart && !field.repeated) slot.always = { schema: field, slot, message, key };
  slots.push(slot);
  return slot;
}
