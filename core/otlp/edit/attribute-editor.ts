import { Attributes } from '../readers/attributes.ts';
import { next, readVarint, skipValue, varintSize, writeVarint } from '../wire.ts';
import type { MessageEditor } from './message-editor.ts';
import { copyBytes, LONGEST_PREFIX, type Writer } from './writer.ts';

const NOTHING = Buffer.alloc(0);
const KEY = 0x0a;
const VALUE = 0x12;

/** Where an entry is now. */
const State = { SOURCE: 0, REPLACED: 1, ADDED: 2, REMOVED: 3 } as const;

/** An entry is so many numbers: its state, then these; a patch (in the scratch memory) ends with its value. */
const STRIDE = 8;
const FIELD_START = 1;
const FIELD_END = 2;
const KEY_START = 3;
const KEY_END = 4;
const VALUE_START = 5;
const VALUE_END = 6;
const PATCH_START = 7;
/** Lists have rarely more entries; the memory grows where one has. */
const INITIAL_ENTRIES = 64;
/** The place in the source of an entry that is not there. */
const NOWHERE = -1;

/** Decides about a key by its bytes. */
export interface KeyMatcher {
  test(buffer: Buffer, start: number, end: number): boolean;
}

/**
 * A list of attributes that is edited. Keys are their UTF-8 bytes and values encoded AnyValues, made once by whoever
 * compiles a configuration (value-encode.ts). Entries keep their order, new ones come last; of several with one key
 * the first is meant. Nothing is written before the message that contains the list is.
 *
 * Entries have indexes from 0 to `count`; those of removed ones are not used again before the next `load`.
 */
export class AttributeEditor {
  /** Entries that were ever in the list since `load`, removed ones included. */
  count = 0;
  changed = false;

  #buffer: Buffer = NOTHING;
  #tag = 0;
  #entries = new Int32Array(INITIAL_ENTRIES * STRIDE);
  readonly #scratch: Writer;
  readonly #source = new Attributes();

  constructor(scratch: Writer) {
    this.#scratch = scratch;
  }

  /** The fields with this tag of the message in `buffer[start, end)`. */
  load(buffer: Buffer, start: number, end: number, tag: number): void {
    this.#buffer = buffer;
    this.#tag = tag;
    this.changed = false;
    this.count = 0;
    let position = start;
    while (position < end) {
      const field = position;
      let found = buffer[position++] as number;
      if (found > 0x7f) {
        found = readVarint(buffer, field);
        position = next;
      }
      const value = position;
      position = skipValue(buffer, value, found);
      if (found === tag) this.#loadEntry(field, value, position);
    }
  }

  /** The index of the entry with this key, or -1. */
  find(key: Buffer): number {
    const entries = this.#entries;
    const length = key.length;
    for (let i = 0, at = 0; i < this.count; i++, at += STRIDE) {
      const start = entries[at + KEY_START] as number;
      if ((entries[at + KEY_END] as number) - start !== length || entries[at] === State.REMOVED) continue;
      if (this.#keyIs(i, start, key)) return i;
    }
    return -1;
  }

  /** False for a removed entry. */
  has(index: number): boolean {
    return this.#state(index) !== State.REMOVED;
  }

  key(index: number): string {
    return this.bufferOf(index).toString('utf8', this.#get(index, KEY_START), this.#get(index, KEY_END));
  }

  /** Tests the key; for patterns of keys. */
  keyMatches(index: number, matcher: KeyMatcher): boolean {
    return matcher.test(this.bufferOf(index), this.#get(index, KEY_START), this.#get(index, KEY_END));
  }

  /** The memory in which the key and the value of this entry lie. */
  bufferOf(index: number): Buffer {
    return this.#state(index) === State.SOURCE ? this.#buffer : this.#scratch.buffer;
  }

  valueStart(index: number): number {
    return this.#get(index, VALUE_START);
  }

  valueEnd(index: number): number {
    return this.#get(index, VALUE_END);
  }

  /** Adds the attribute where there is none with this key; tells whether it did. */
  insert(key: Buffer, value: Buffer): boolean {
    if (this.find(key) >= 0) return false;
    this.add(key, value, 0, value.length);
    return true;
  }

  /** Changes the attribute where there is one; tells whether it did. */
  update(key: Buffer, value: Buffer): boolean {
    const index = this.find(key);
    if (index < 0) return false;
    this.replace(index, key, value, 0, value.length);
    return true;
  }

  upsert(key: Buffer, value: Buffer): void {
    const index = this.find(key);
    if (index < 0) this.add(key, value, 0, value.length);
    else this.replace(index, key, value, 0, value.length);
  }

  /** Tells whether there was one. */
  delete(key: Buffer): boolean {
    const index = this.find(key);
    if (index >= 0) this.remove(index);
    return index >= 0;
  }

  /** Appends an entry whose value lies in `buffer[start, end)`, which may be this list's own memory. */
  add(key: Buffer, buffer: Buffer, start: number, end: number): void {
    const index = this.#newEntry(State.ADDED, NOWHERE, NOWHERE);
    this.#write(index, key, buffer, start, end);
  }

  /** Gives an entry another key, or another value, or both. */
  replace(index: number, key: Buffer, buffer: Buffer, start: number, end: number): void {
    if (this.#state(index) === State.SOURCE) this.#entries[index * STRIDE] = State.REPLACED;
    this.#write(index, key, buffer, start, end);
  }

  /** Gives an entry, whatever its key, another value: an encoded AnyValue in `buffer[start, end)`. */
  setValue(index: number, buffer: Buffer, start: number, end: number): void {
    const key = this.bufferOf(index).subarray(this.#get(index, KEY_START), this.#get(index, KEY_END));
    this.replace(index, key, buffer, start, end);
  }

  remove(index: number): void {
    this.#entries[index * STRIDE] = State.REMOVED;
    this.changed = true;
  }

  /** Puts what changed into the editor of the message that contains the list. */
  flush(into: MessageEditor): void {
    if (!this.changed) return;
    for (let i = 0; i < this.count; i++) {
      const state = this.#state(i);
      if (state === State.SOURCE) continue;
      const from = this.#get(i, FIELD_START);
      const to = this.#get(i, FIELD_END);
      const patchStart = this.#get(i, PATCH_START);
      const patchEnd = this.#get(i, VALUE_END);
      if (state === State.ADDED) into.append(patchStart, patchEnd);
      else if (state === State.REPLACED) into.splice(from, to, patchStart, patchEnd);
      // one that was added and removed again has no place in the source
      else if (from !== NOWHERE) into.splice(from, to, 0, 0);
    }
    this.changed = false;
  }

  #get(index: number, slot: number): number {
    return this.#entries[index * STRIDE + slot] as number;
  }

  #state(index: number): number {
    return this.#entries[index * STRIDE] as number;
  }

  #newEntry(state: number, fieldStart: number, fieldEnd: number): number {
    const at = this.count * STRIDE;
    if (at === this.#entries.length) {
      const larger = new Int32Array(at * 2);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[at] = state;
    this.#entries[at + FIELD_START] = fieldStart;
    this.#entries[at + FIELD_END] = fieldEnd;
    return this.count++;
  }

  #loadEntry(field: number, value: number, end: number): void {
    const source = this.#source.readAt(this.#buffer, value, end);
    const at = this.#newEntry(State.SOURCE, field, end) * STRIDE;
    const entries = this.#entries;
    entries[at + KEY_START] = source.keyStart;
    entries[at + KEY_END] = source.keyEnd;
    entries[at + VALUE_START] = source.valueStart;
    entries[at + VALUE_END] = source.valueEnd;
  }

  #keyIs(index: number, start: number, key: Buffer): boolean {
    const buffer = this.bufferOf(index);
    for (let i = key.length - 1; i >= 0; i--) if (buffer[start + i] !== key[i]) return false;
    return true;
  }

  #write(index: number, key: Buffer, buffer: Buffer, start: number, end: number): void {
    const scratch = this.#scratch;
    const valueLength = end - start;
    const length = 2 + varintSize(key.length) + key.length + varintSize(valueLength) + valueLength;
    scratch.reserve(length + LONGEST_PREFIX);
    const memory = scratch.buffer;
    const entry = index * STRIDE;
    const entries = this.#entries;
    entries[entry + PATCH_START] = scratch.length;
    let position = writeVarint(memory, scratch.length, this.#tag);
    position = writeVarint(memory, position, length);
    memory[position++] = KEY;
    position = writeVarint(memory, position, key.length);
    entries[entry + KEY_START] = position;
    position = copyBytes(key, 0, key.length, memory, position);
    entries[entry + KEY_END] = position;
    memory[position++] = VALUE;
    position = writeVarint(memory, position, valueLength);
    entries[entry + VALUE_START] = position;
    position = copyBytes(buffer, start, end, memory, position);
    entries[entry + VALUE_END] = position;
    scratch.length = position;
    this.changed = true;
  }
}
