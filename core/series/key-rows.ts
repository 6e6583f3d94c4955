import { damaged } from '../stream/codec.ts';
import type { KeyWriter } from './key-writer.ts';

const INITIAL_SLOTS = 16;
/** In words. */
const INITIAL_KEYS = 256;
/**
 * From here on memory grows fourfold, in words. What is not written to is not resident, and what is left behind by
 * growing is less.
 */
const LARGE = 1 << 16;
/** Of the length that a key begins with. */
const LENGTH_BYTES = 4;
/** A slot is a hash and a row plus one; row 0 is free. */
const STRIDE = 2;

/**
 * Numbers keys in the order they come: 0, 1, 2 … are the rows of whatever its owner keeps for each key. Open
 * addressing, at most half full. All keys lie in one piece of memory, because a lookup costs what it has to fetch.
 */
export class KeyRows {
  size = 0;
  #slots = new Int32Array(INITIAL_SLOTS * STRIDE);
  #keys = new Int32Array(INITIAL_KEYS);
  /** Where the key of each row begins in `#keys`, and where the last one ends. */
  #offsets: number[] = [0];
  #bytes = Buffer.alloc(0);

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
    const start = this.#offsets[row] as number;
    const end = start + key.wordCount;
    if (end > this.#keys.length) {
      const larger = new Int32Array(Math.max(this.#keys.length * (this.#keys.length < LARGE ? 2 : 4), end));
      larger.set(this.#keys);
      this.#keys = larger;
    }
    for (let i = 0; i < key.wordCount; i++) this.#keys[start + i] = key.words[i] as number;
    this.#offsets.push(end);
    if (this.size * 2 * STRIDE > this.#slots.length) this.#grow();
    this.#place(this.#slots, key.hash, row);
    return row;
  }

  /** Forgets the other rows. Returns which rows are the new 0, 1, 2 …, or undefined where all are kept. */
  filter(keep: (row: number) => boolean): readonly number[] | undefined {
    const kept = Array.from({ length: this.size }, (_, row) => row).filter(keep);
    if (kept.length === this.size) return undefined;
    const hashes = this.#hashes();
    const keys = this.#keys;
    this.#bytes = Buffer.alloc(0);
    const offsets = this.#offsets;
    this.#slots = new Int32Array(Math.max(INITIAL_SLOTS, 2 ** Math.ceil(Math.log2(kept.length * 2 + 1))) * STRIDE);
    this.#keys = new Int32Array(INITIAL_KEYS + kept.reduce((sum, row) => sum + this.keyAt(row, keys).length, 0));
    this.#offsets = [0];
    this.size = kept.length;
    for (const [row, old] of kept.entries()) {
      const start = this.#offsets[row] as number;
      this.#keys.set(keys.subarray(offsets[old], offsets[old + 1]), start);
      this.#offsets.push(start + (offsets[old + 1] as number) - (offsets[old] as number));
      this.#place(this.#slots, hashes[old] as number, row);
    }
    return kept;
  }

  clear(): void {
    this.filter(() => false);
  }

  /** The memory of all keys as bytes; another one once keys are added or forgotten. */
  get bytes(): Buffer {
    if (this.#bytes.buffer !== this.#keys.buffer) this.#bytes = Buffer.from(this.#keys.buffer);
    return this.#bytes;
  }
  /** Where the key of a row begins in `bytes`; its first four bytes are its length. */
  startOf(row: number): number {
    return (this.#offsets[row] as number) * 4;
  }

  /** The words of a key, in the table's own memory. */
  keyAt(row: number, keys: Int32Array = this.#keys): Int32Array {
    return keys.subarray(this.#offsets[row], this.#offsets[row + 1]);
  }

  /** The keys as `restore` reads them. */
  get packed(): Buffer {
    return this.bytes.subarray(0, this.startOf(this.size));
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
    const keys = this.#keys;
    const start = this.#offsets[row] as number;
    // its first word is the key's length, so keys of different lengths differ there
    for (let i = 0; i < wordCount; i++) if (keys[start + i] !== words[i]) return false;
    return true;
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
