import { damaged } from '../stream/codec.ts';
import { grown } from './columns.ts';
import type { KeyWriter } from './key-writer.ts';

const INITIAL_SLOTS = 16;
/** In words. */
const INITIAL_KEYS = 256;
/**
 * Keys lie in pages of so many words, of which the first one grows until it is one: a large table that grows leaves no
 * old memory behind. A key that is longer has a page for itself.
 */
const PAGE_BITS = 16;
const PAGE = 1 << PAGE_BITS;
const IN_PAGE = PAGE - 1;
/** Of the length that a key begins with. */
const LENGTH_BYTES = 4;
/** A slot is a hash and a row plus one; row 0 is free. */
const STRIDE = 2;

/** A piece of memory that keys lie in. */
class Page {
  readonly words: Int32Array;
  /** The same memory. */
  readonly bytes: Buffer;

  constructor(wordCount: number) {
    const words = new Int32Array(wordCount);
    this.words = words;
    this.bytes = Buffer.from(words.buffer);
  }

  grown(wordCount: number): Page {
    const page = new Page(wordCount);
    page.words.set(this.words);
    return page;
  }
}

/**
 * Numbers keys in the order they come: 0, 1, 2 … are the rows of whatever its owner keeps for each key. Open
 * addressing, at most half full. Keys lie one after another, because a lookup costs what it has to fetch.
 */
export class KeyRows {
  size = 0;
  #slots = new Int32Array(INITIAL_SLOTS * STRIDE);
  #pages: Page[] = [new Page(INITIAL_KEYS)];
  /** Words of the last page that are taken. */
  #used = 0;
  /** By row: the page that its key lies in, and at which word. */
  #starts = new Uint32Array(INITIAL_SLOTS);

  /** The row of a key; -1 for one that is not there. */
  find(key: KeyWriter): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const { hash } = key;
    for (let at = (hash * STRIDE) & mask; ; at = (at + STRIDE) & mask) {
      const row = (slots[at + 1] as number) - 1;
      if (row < 0 || (slots[at] === hash && this.#isKeyOf(row, key))) return row;
    }
  }

  /** Returns the row of a key that is not there yet. */
  add(key: KeyWriter): number {
    const row = this.size++;
    const { words } = this.#append(row, key.wordCount);
    const start = (this.#starts[row] as number) & IN_PAGE;
    for (let i = 0; i < key.wordCount; i++) words[start + i] = key.words[i] as number;
    if (this.size * 2 * STRIDE > this.#slots.length) this.#grow();
    this.#place(this.#slots, key.hash, row);
    return row;
  }

  /** Forgets the other rows. Returns which rows are the new 0, 1, 2 …, or undefined where all are kept. */
  filter(keep: (row: number) => boolean): readonly number[] | undefined {
    const kept = Array.from({ length: this.size }, (_, row) => row).filter(keep);
    if (kept.length === this.size) return undefined;
    const hashes = this.#hashes();
    const keys = kept.map((row) => this.keyAt(row));
    this.#slots = new Int32Array(Math.max(INITIAL_SLOTS, 2 ** Math.ceil(Math.log2(kept.length * 2 + 1))) * STRIDE);
    this.#pages = [new Page(INITIAL_KEYS)];
    this.#used = 0;
    this.size = kept.length;
    for (const [row, old] of kept.entries()) {
      const key = keys[row] as Int32Array;
      const { words } = this.#append(row, key.length);
      words.set(key, (this.#starts[row] as number) & IN_PAGE);
      this.#place(this.#slots, hashes[old] as number, row);
    }
    return kept;
  }

  clear(): void {
    this.filter(() => false);
  }

  /** The memory that the key of a row lies in, as bytes; it may be another once keys are added or forgotten. */
  bytesOf(row: number): Buffer {
    return this.#pageOf(row).bytes;
  }
  /** Where the key of a row begins in its bytes; its first four bytes are its length. */
  startOf(row: number): number {
    return ((this.#starts[row] as number) & IN_PAGE) * 4;
  }

  /** The words of a key, in the table's own memory. */
  keyAt(row: number): Int32Array {
    const { words } = this.#pageOf(row);
    const start = (this.#starts[row] as number) & IN_PAGE;
    return words.subarray(start, start + (((words[start] as number) + 3) >> 2));
  }

  /** The keys as `restore` reads them. */
  get packed(): Buffer {
    const keys = Array.from({ length: this.size }, (_, row) => {
      const start = this.startOf(row);
      return this.bytesOf(row).subarray(start, start + this.keyAt(row).byteLength);
    });
    return Buffer.concat(keys);
  }

  /**
   * Adds keys that another table gave as `packed`, in their order. `keysOf`: what a row is looked up with from now on.
   * Throws where it cannot be that.
   */
  restore(packed: Buffer, keysOf: (row: number) => KeyWriter): void {
    for (let at = 0; at < packed.length; ) {
      const length = at + LENGTH_BYTES <= packed.length ? packed.readUInt32LE(at) : 0;
      if (length < LENGTH_BYTES || length > packed.length - at) throw damaged('a key has no length that can be');
      const keys = keysOf(this.size);
      keys.begin();
      keys.copy(packed, at + LENGTH_BYTES, at + length);
      keys.finish();
      if (this.find(keys) >= 0) throw damaged('a key is there twice');
      this.add(keys);
      at += keys.wordCount * 4;
    }
  }

  #isKeyOf(row: number, { words, wordCount }: KeyWriter): boolean {
    const keys = this.#pageOf(row).words;
    const start = (this.#starts[row] as number) & IN_PAGE;
    // its first word is the key's length, so keys of different lengths differ there
    for (let i = 0; i < wordCount; i++) if (keys[start + i] !== words[i]) return false;
    return true;
  }

  #pageOf(row: number): Page {
    return this.#pages[(this.#starts[row] as number) >>> PAGE_BITS] as Page;
  }

  /** Gives the row, which is the last one, room for a key; returns the page. */
  #append(row: number, wordCount: number): Page {
    let last = this.#pages.length - 1;
    let page = this.#pages[last] as Page;
    const needed = this.#used + wordCount;
    if (needed > page.words.length) {
      if (last === 0 && needed <= PAGE) {
        page = page.grown(Math.min(PAGE, Math.max(page.words.length * 2, needed)));
      } else {
        page = new Page(Math.max(PAGE, wordCount));
        this.#used = 0;
        last++;
      }
      this.#pages[last] = page;
    }
    this.#starts = grown(this.#starts, row + 1);
    this.#starts[row] = last * PAGE + this.#used;
    this.#used += wordCount;
    return page;
  }

  #hashes(): Int32Array {
    const hashes = new Int32Array(this.size);
    for (let at = 0; at < this.#slots.length; at += STRIDE) {
      const row = (this.#slots[at + 1] as number) - 1;
      if (row >= 0) hashes[row] = this.#slots[at] as number;
    }
    return hashes;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    for (let at = 0; at < this.#slots.length; at += STRIDE) {
      const row = (this.#slots[at + 1] as number) - 1;
      if (row >= 0) this.#place(slots, this.#slots[at] as number, row);
    }
    // not left to the garbage collector, which is in no hurry for memory outside its heap
    this.#slots.buffer.transfer(0);
    this.#slots = slots;
  }

  #place(slots: Int32Array, hash: number, row: number): void {
    const mask = slots.length - 1;
    let at = (hash * STRIDE) & mask;
    while (slots[at + 1] !== 0) at = (at + STRIDE) & mask;
    slots[at] = hash;
    slots[at + 1] = row + 1;
  }
}
