import type { FieldSchema, MessageSchema } from '../schema.ts';
import { type Words, wordsOf } from './printer.ts';

/** A field with what the encoder needs at hand. */
export interface FieldLayout {
  readonly schema: FieldSchema;
  readonly slot: Slot;
  readonly message: MessageLayout | undefined;
  /** `"name":` */
  readonly firstKey: Words;
  /** The same after a comma. */
  readonly nextKey: Words;
}

/** A place in the printed object: a field, or all the members of a oneof, of which one is there at most. */
export interface Slot {
  readonly index: number;
  /** The field, unless it is a oneof. */
  field: FieldLayout | undefined;
  /** Printed even when absent: messages that are neither in a list nor in a oneof. */
  readonly always: boolean;
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
    const slot = groups.get(group) ?? newSlot(slots, field);
    groups.set(group, slot);
    const key = `"${field.jsonName}":`;
    const compiled = { schema: field, slot, message, firstKey: wordsOf(key), nextKey: wordsOf(`,${key}`) };
    fields[field.number] = compiled;
    if (field.oneof === undefined) slot.field = compiled;
  }
  for (const field of schema.fields) {
    if (field.replacedBy === undefined) continue;
    const replacement = fields[field.replacedBy] as FieldLayout;
    replacement.slot.fallback = (fields[field.number] as FieldLayout).slot;
  }
  return layout;
}

/** A message of which several occurrences are several elements, or parts of one. */
const isPart = (field: FieldSchema): boolean => field.message !== undefined && field.oneof === undefined;

function newSlot(slots: Slot[], field: FieldSchema): Slot {
  const slot: Slot = {
    index: slots.length,
    field: undefined,
    always: isPart(field) && !field.repeated,
    collects: field.repeated || isPart(field),
    fallback: undefined,
    hidden: field.replacedBy !== undefined,
  };
  slots.push(slot);
  return slot;
}
