import { Attributes } from '../readers/attributes.ts';
import { varintSize } from '../wire.ts';
import type { MessageEditor } from './message-editor.ts';
import type { Writer } from './writer.ts';

const NOTHING = Buffer.alloc(0);
const KEY = 0x0a;
const VALUE = 0x12;

/** Where an entry is now. */
const State = { SOURCE: 0, REPLACED: 1, ADDED: 2, REMOVED: 3 } as const;

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
  readonly #scratch: Writer;
  readonly #source = new Attributes();
  readonly #state: number[] = [];
  readonly #fieldStart: number[] = [];
  readonly #fieldEnd: number[] = [];
  readonly #keyStart: number[] = [];
  readonly #keyEnd: number[] = [];
  readonly #valueStart: number[] = [];
  readonly #valueEnd: number[] = [];
  /** The field in the scratch memory, for entries that are not in the source. */
  readonly #patchStart: number[] = [];
  readonly #patchEnd: number[] = [];

  constructor(scratch: Writer) {
    this.#scratch = scratch;
  }

  /** The fields with this tag of the message in `buffer[start, end)`. */
  load(buffer: Buffer, start: number, end: number, tag: number): void {
    this.#buffer = buffer;
    this.#tag = tag;
    this.changed = false;
    const source = this.#source.set(buffer, start, end, tag);
    let count = 0;
    while (source.next()) {
      this.#state[count] = State.SOURCE;
      this.#fieldStart[count] = source.fieldStart;
      this.#fieldEnd[count] = source.fieldEnd;
      this.#keyStart[count] = source.keyStart;
      this.#keyEnd[count] = source.keyEnd;
      this.#valueStart[count] = source.valueStart;
      this.#valueEnd[count] = source.valueEnd;
      count++;
    }
    this.count = count;
  }

  /** The index of the entry with this key, or -1. */
  find(key: Buffer): number {
    const length = key.length;
    for (let i = 0; i < this.count; i++) {
      const start = this.#keyStart[i] as number;
      if ((this.#keyEnd[i] as number) - start === length && this.has(i) && this.#keyIs(i, start, key)) return i;
    }
    return -1;
  }

  /** False for a removed entry. */
  has(index: number): boolean {
    return this.#state[index] !== State.REMOVED;
  }

  key(index: number): string {
    return this.bufferOf(index).toString('utf8', this.#keyStart[index], this.#keyEnd[index]);
  }

  /** The memory in which the key and the value of this entry lie. */
  bufferOf(index: number): Buffer {
    return this.#state[index] === State.SOURCE ? this.#buffer : this.#scratch.buffer;
  }

  valueStart(index: number): number {
    return this.#valueStart[index] as number;
  }

  valueEnd(index: number): number {
    return this.#valueEnd[index] as number;
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
    const index = this.count++;
    this.#state[index] = State.ADDED;
    this.#write(index, key, buffer, start, end);
  }

  /** Gives an entry another key, or another value, or both. */
  replace(index: number, key: Buffer, buffer: Buffer, start: number, end: number): void {
    if (this.#state[index] === State.SOURCE) this.#state[index] = State.REPLACED;
    this.#write(index, key, buffer, start, end);
  }

  remove(index: number): void {
    const added = this.#state[index] === State.ADDED;
    this.#state[index] = State.REMOVED;
    // an entry that was never in the source has no place there to be cut out of
    if (added) this.#fieldStart[index] = this.#fieldEnd[index] = -1;
    this.changed = true;
  }

  /** Puts what changed into the editor of the message that contains the list. */
  flush(into: MessageEditor): void {
    if (!this.changed) return;
    for (let i = 0; i < this.count; i++) {
      const state = this.#state[i];
      if (state === State.SOURCE) continue;
      const patchStart = this.#patchStart[i] as number;
      const patchEnd = this.#patchEnd[i] as number;
      if (state === State.ADDED) into.append(patchStart, patchEnd);
      else if (state === State.REPLACED) into.splice(this.#at(i), this.#until(i), patchStart, patchEnd);
      else if (this.#at(i) >= 0) into.splice(this.#at(i), this.#until(i), 0, 0);
    }
    this.changed = false;
  }

  #at(index: number): number {
    return this.#fieldStart[index] as number;
  }

  #until(index: number): number {
    return this.#fieldEnd[index] as number;
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
    this.#patchStart[index] = scratch.length;
    scratch.varint(this.#tag);
    scratch.varint(length);
    scratch.varint(KEY);
    scratch.varint(key.length);
    this.#keyStart[index] = scratch.length;
    scratch.copy(key, 0, key.length);
    this.#keyEnd[index] = scratch.length;
    scratch.varint(VALUE);
    scratch.varint(valueLength);
    this.#valueStart[index] = scratch.length;
    scratch.copy(buffer, start, end);
    this.#valueEnd[index] = this.#patchEnd[index] = scratch.length;
    this.changed = true;
  }
}
