import type { ByteRange, Telemetry } from '../../telemetry/telemetry.ts';
import { EXPORT_REQUEST, type MessageSchema } from '../schema.ts';
import { next, readVarint, skipValue, tagOf, WireType } from '../wire.ts';
import { Char } from './chars.ts';
import { type FieldLayout, layoutOf, type MessageLayout, type Slot } from './layout.ts';
import { isDefault, printScalar } from './print-scalar.ts';
import { JsonPrinter, MAX_NUMBER } from './printer.ts';

/**
 * A batch as OTLP/JSON, byte for byte what the collector writes for it: fields in the order of the .proto files, names
 * in lowerCamelCase, enums as numbers, 64-bit integers as strings, ids in hex, bytes in base64. Defaults, empty lists
 * and unknown fields are left out; messages that are not in lists are written even when empty. Memory of its own.
 */
export function encodeJson(batch: Pick<Telemetry, 'signal' | 'ranges'>): Buffer {
  const printer = scratch ?? new JsonPrinter(SCRATCH_SIZE);
  scratch = undefined;
  printer.length = 0;
  new Encoder(printer).request(EXPORT_REQUEST[batch.signal], batch.ranges);
  const text = Buffer.from(printer.bytes.subarray(0, printer.length));
  if (printer.bytes.length <= MAX_SCRATCH) scratch = printer;
  return text;
}

/** Written to before the result is copied to memory of the right size. Larger ones are not kept. */
const SCRATCH_SIZE = 1 << 18;
const MAX_SCRATCH = 8 << 20;
let scratch: JsonPrinter | undefined = new JsonPrinter(SCRATCH_SIZE);

/** Numbers kept for a field that was found: where its value starts and ends, its tag, and the next one of its slot. */
const ENTRY = 4;
/** Numbers kept for a slot of a message being printed: its first and its last entry. */
const HEAD = 2;
const NONE = -1;
/** Of the one field of an export request. */
const GROUP_TAG = tagOf(1, WireType.BYTES);

/**
 * The order on the wire is not the order in print, so each message is looked through once and its fields are noted in
 * a table: a list of entries for every slot. The table is a stack, as messages are inside messages. Malformed bytes
 * were refused before; should there be any, they give garbage or an error and no more.
 */
class Encoder {
  readonly #out: JsonPrinter;
  #source: Buffer = Buffer.alloc(0);
  #table = new Int32Array(1 << 10);
  #top = 0;

  constructor(out: JsonPrinter) {
    this.#out = out;
  }

  /** The one list an export request consists of. */
  request(schema: MessageSchema, ranges: readonly ByteRange[]): void {
    const group = layoutOf(schema).fields[1] as FieldLayout;
    const out = this.#out;
    out.reserve(MAX_NUMBER);
    out.char(Char.OPEN_BRACE);
    let count = 0;
    for (const { buffer, start, end } of ranges) {
      this.#source = buffer;
      for (let position = start; position < end; ) {
        const tag = readVarint(buffer, position);
        const value = next;
        position = checked(skipValue(buffer, value, tag), end);
        if (tag !== GROUP_TAG) continue;
        readVarint(buffer, value);
        out.reserve(MAX_NUMBER);
        if (count++ === 0) this.#openList(group, false);
        else out.char(Char.COMMA);
        this.#element(group.message as MessageLayout, next, position);
      }
    }
    out.reserve(2);
    if (count > 0) out.char(Char.CLOSE_BRACKET);
    out.char(Char.CLOSE_BRACE);
  }

  /** A message that lies in one piece. */
  #element(layout: MessageLayout, start: number, end: number): void {
    const heads = this.#openTable(layout);
    this.#collect(layout, heads, start, end);
    this.#print(layout, heads);
  }

  /** A message that is merged from all entries of a slot; there may be none. */
  #merged(layout: MessageLayout, first: number): void {
    const heads = this.#openTable(layout);
    for (let entry = first; entry !== NONE; entry = this.#table[entry + 3] as number) {
      this.#collect(layout, heads, this.#table[entry] as number, this.#table[entry + 1] as number);
    }
    this.#print(layout, heads);
  }

  #openTable(layout: MessageLayout): number {
    const heads = this.#top;
    this.#grow(layout.slots.length * HEAD);
    const table = this.#table;
    for (let i = heads; i < this.#top; i++) table[i] = NONE;
    return heads;
  }

  #grow(size: number): void {
    this.#top += size;
    if (this.#top <= this.#table.length) return;
    const grown = new Int32Array(Math.max(this.#table.length * 2, this.#top));
    grown.set(this.#table);
    this.#table = grown;
  }

  /** Notes the fields of `source[start, end)`. */
  #collect(layout: MessageLayout, heads: number, start: number, end: number): void {
    const source = this.#source;
    for (let position = start; position < end; ) {
      const tag = readVarint(source, position);
      let value = next;
      position = checked(skipValue(source, value, tag), end);
      const field = layout.fields[tag >>> 3];
      if (field === undefined) continue;
      if ((tag & 7) === WireType.BYTES) {
        readVarint(source, value);
        value = next;
      }
      this.#note(field.slot, heads + field.slot.index * HEAD, value, position, tag);
    }
  }

  #note(slot: Slot, head: number, start: number, end: number, tag: number): void {
    let entry = this.#table[head] as number;
    if (entry === NONE || slot.collects) {
      const last = this.#table[head + 1] as number;
      entry = this.#top;
      this.#grow(ENTRY);
      if (last === NONE) this.#table[head] = entry;
      else this.#table[last + 3] = entry;
      this.#table[head + 1] = entry;
    }
    const table = this.#table;
    table[entry] = start;
    table[entry + 1] = end;
    table[entry + 2] = tag;
    table[entry + 3] = NONE;
  }

  #print(layout: MessageLayout, heads: number): void {
    const out = this.#out;
    out.reserve(MAX_NUMBER);
    out.char(Char.OPEN_BRACE);
    let comma = false;
    for (const slot of layout.slots) {
      if (slot.hidden) continue;
      let entry = this.#table[heads + slot.index * HEAD] as number;
      if (entry === NONE && slot.fallback !== undefined) {
        entry = this.#table[heads + slot.fallback.index * HEAD] as number;
      }
      if (entry !== NONE || slot.always) comma = this.#slot(layout, slot, entry, comma);
    }
    out.reserve(1);
    out.char(Char.CLOSE_BRACE);
    this.#top = heads;
  }

  /** Returns whether a comma is due before the next one. */
  #slot(layout: MessageLayout, slot: Slot, entry: number, comma: boolean): boolean {
    const table = this.#table;
    const field = slot.field ?? (layout.fields[(table[entry + 2] as number) >>> 3] as FieldLayout);
    const out = this.#out;
    out.reserve(field.nextKey.size + MAX_NUMBER);
    if (field.schema.repeated) return this.#list(field, entry, comma) || comma;
    if (field.message !== undefined) {
      out.words(comma ? field.nextKey : field.firstKey);
      if (slot.collects) this.#merged(field.message, entry);
      else this.#element(field.message, table[entry] as number, table[entry + 1] as number);
      return true;
    }
    const start = table[entry] as number;
    const end = table[entry + 1] as number;
    if (isDefault(field.schema, this.#source, start, end)) return comma;
    out.words(comma ? field.nextKey : field.firstKey);
    printScalar(out, field.schema, this.#source, start, end);
    return true;
  }

  #openList(field: FieldLayout, comma: boolean): void {
    this.#out.words(comma ? field.nextKey : field.firstKey);
    this.#out.char(Char.OPEN_BRACKET);
  }

  /** Returns whether there were elements: packed numbers may be none. */
  #list(field: FieldLayout, first: number, comma: boolean): boolean {
    const out = this.#out;
    let count = 0;
    for (let entry = first; entry !== NONE; entry = this.#table[entry + 3] as number) {
      let start = this.#table[entry] as number;
      const end = this.#table[entry + 1] as number;
      do {
        if (field.schema.packed && start >= end) break;
        out.reserve(field.nextKey.size + MAX_NUMBER);
        if (count++ === 0) this.#openList(field, comma);
        else out.char(Char.COMMA);
        if (field.message !== undefined) {
          this.#element(field.message, start, end);
          break;
        }
        start = printScalar(out, field.schema, this.#source, start, end);
      } while (start < end);
    }
    out.reserve(1);
    if (count > 0) out.char(Char.CLOSE_BRACKET);
    return count > 0;
  }
}

/** A field ends inside what it is in; so every walk ends. */
function checked(position: number, end: number): number {
  if (position > end) throw new Error('field reaches beyond the end of its message');
  return position;
}
