import { next, readVarint, skipValue } from '../wire.ts';
import { AttributeEditor } from './attribute-editor.ts';
import { Writer } from './writer.ts';

const NOTHING = Buffer.alloc(0);
/** A tag and a 64-bit number. */
const LONGEST_NUMBER_FIELD = 15;

/**
 * A message that is edited: stretches of it are cut out or replaced, and fields appended. What is put in lies in
 * scratch memory until the message is written; everything else is copied from the source then.
 *
 *   editor.open(buffer, start, end);
 *   editor.attributes.upsert(key, value);
 *   editor.setBytes(SpanTag.NAME, name);
 *   if (editor.changed) editor.writeTo(writer);
 */
export class MessageEditor {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  readonly scratch = new Writer();
  /** The tag of the message's own list of attributes. */
  protected attributesTag: number;

  readonly #attributes: AttributeEditor;
  #attributesLoaded = false;
  /** Splices in the order of their places; appended ones lie at `end`. */
  #count = 0;
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #patchStart: number[] = [];
  readonly #patchEnd: number[] = [];

  constructor(attributesTag: number) {
    this.attributesTag = attributesTag;
    this.#attributes = new AttributeEditor(this.scratch);
  }

  open(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.#count = 0;
    this.#attributesLoaded = false;
    this.scratch.clear();
    return this;
  }

  /** Loaded when they are asked for. */
  get attributes(): AttributeEditor {
    if (!this.#attributesLoaded) {
      this.#attributesLoaded = true;
      this.#attributes.load(this.buffer, this.start, this.end, this.attributesTag);
    }
    return this.#attributes;
  }

  get changed(): boolean {
    return this.#count > 0 || (this.#attributesLoaded && this.#attributes.changed);
  }

  /** Sets a field of text, bytes or one message; an empty value removes it. */
  setBytes(tag: number, value: Buffer): void {
    const start = this.scratch.length;
    if (value.length > 0) this.scratch.field(tag, value);
    this.setField(tag, start, this.scratch.length);
  }

  /** Sets a field that is a varint; 0 removes it. */
  setVarint(tag: number, value: number): void {
    const start = this.scratch.length;
    if (value !== 0) {
      this.scratch.varint(tag);
      this.scratch.varint(value);
    }
    this.setField(tag, start, this.scratch.length);
  }

  /** Sets a field of fixed 64 bits. */
  setFixed64(tag: number, value: bigint): void {
    const start = this.scratch.length;
    this.scratch.varint(tag);
    this.scratch.reserve(LONGEST_NUMBER_FIELD);
    this.scratch.length = this.scratch.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.scratch.length);
    this.setField(tag, start, this.scratch.length);
  }

  /** Sets a field of fixed 64 bits, given as two unsigned halves; 0 removes it where `omitZero` is set. */
  setFixed64Halves(tag: number, high: number, low: number, omitZero = false): void {
    const { scratch } = this;
    const start = scratch.length;
    if (high !== 0 || low !== 0 || !omitZero) {
      scratch.varint(tag);
      scratch.reserve(LONGEST_NUMBER_FIELD);
      scratch.length = scratch.buffer.writeUInt32LE(low, scratch.length);
      scratch.length = scratch.buffer.writeUInt32LE(high, scratch.length);
    }
    this.setField(tag, start, scratch.length);
  }

  removeField(tag: number): void {
    this.setField(tag, 0, 0);
  }

  /** Puts `scratch[patchStart, patchEnd)` where the field with this tag is, and removes further ones. */
  setField(tag: number, patchStart: number, patchEnd: number): void {
    this.#dropAppended(tag);
    let placed = patchStart === patchEnd;
    let position = this.start;
    while (position < this.end) {
      const at = position;
      const found = readVarint(this.buffer, position);
      position = skipValue(this.buffer, next, found);
      if (found !== tag) continue;
      if (placed) this.splice(at, position, 0, 0);
      else this.splice(at, position, patchStart, patchEnd);
      placed = true;
    }
    if (!placed) this.append(patchStart, patchEnd);
  }

  /**
   * Visits each message in the fields with this tag (events, links …) with `nested` opened on it. What the visitor
   * changes is taken over; where it returns false the field is removed.
   */
  eachNested(tag: number, nested: MessageEditor, visit: (message: MessageEditor) => boolean): void {
    let position = this.start;
    while (position < this.end) {
      const at = position;
      const found = readVarint(this.buffer, position);
      const value = next;
      position = skipValue(this.buffer, value, found);
      if (found !== tag) continue;
      readVarint(this.buffer, value);
      nested.open(this.buffer, next, position);
      if (!visit(nested)) this.splice(at, position, 0, 0);
      else if (nested.changed) this.#spliceNested(at, position, tag, nested);
    }
  }

  /** Replaces `buffer[from, to)`, whole fields, by a stretch of scratch memory; the last splice of a place stands. */
  splice(from: number, to: number, patchStart: number, patchEnd: number): void {
    let index = this.#count;
    while (index > 0 && (this.#from[index - 1] as number) >= from) index--;
    if (index === this.#count) this.#count++;
    else if (this.#from[index] !== from || this.#to[index] === from) this.#makePlace(index);
    this.#from[index] = from;
    this.#to[index] = to;
    this.#patchStart[index] = patchStart;
    this.#patchEnd[index] = patchEnd;
  }

  /** Adds a stretch of the scratch memory, whole fields, at the end. */
  append(patchStart: number, patchEnd: number): void {
    const index = this.#count++;
    this.#from[index] = this.end;
    this.#to[index] = this.end;
    this.#patchStart[index] = patchStart;
    this.#patchEnd[index] = patchEnd;
  }

  /** Writes the content of the message as it is now, without tag and length. */
  writeTo(writer: Writer): void {
    if (this.#attributesLoaded) this.#attributes.flush(this);
    let from = this.start;
    for (let i = 0; i < this.#count; i++) {
      writer.copy(this.buffer, from, this.#from[i] as number);
      writer.copy(this.scratch.buffer, this.#patchStart[i] as number, this.#patchEnd[i] as number);
      from = this.#to[i] as number;
    }
    writer.copy(this.buffer, from, this.end);
  }

  #spliceNested(from: number, to: number, tag: number, nested: MessageEditor): void {
    const start = this.scratch.length;
    this.scratch.open(tag, to - from);
    nested.writeTo(this.scratch);
    this.scratch.close();
    this.splice(from, to, start, this.scratch.length);
  }

  #makePlace(index: number): void {
    for (const list of [this.#from, this.#to, this.#patchStart, this.#patchEnd]) {
      for (let i = this.#count; i > index; i--) list[i] = list[i - 1] as number;
    }
    this.#count++;
  }

  /** Of a field that is set twice only the last value stays. */
  #dropAppended(tag: number): void {
    for (let i = 0; i < this.#count; i++) {
      const appended = this.#from[i] === this.end && this.#to[i] === this.end;
      if (!appended || this.#patchStart[i] === this.#patchEnd[i]) continue;
      if (readVarint(this.scratch.buffer, this.#patchStart[i] as number) === tag)
        this.#patchEnd[i] = this.#patchStart[i] as number;
    }
  }
}
