import type { KeyWriter } from './key-writer.ts';

const INITIAL_SLOTS = 16;
const INITIAL_WORDS = 256;

/**
 * Objects by the bytes of their keys, in the order in which they came. A hash table with open addressing, at most half
 * full; the keys lie one after another in one piece of memory, so that an entry costs its key and 16 bytes.
 */
export class KeyedEntries<T> {
  readonly #entries: T[] = [];
  /** Row plus one; 0 is free. */
  #slots = new Int32Array(INITIAL_SLOTS);
  #words = new Int32Array(INITIAL_WORDS);
  /** By row: the hash of the key, and where it begins in `#words`; the last start is where the next key goes. */
  readonly #hashes: number[] = [];
  readonly #starts: number[] = [0];

  get size(): number {
    return this.#entries.length;
  }

  find(key: KeyWriter): T | undefined {
    const mask = this.#slots.length - 1;
    for (let at = key.hash & mask; ; at = (at + 1) & mask) {
      const row = (this.#slots[at] as number) - 1;
      if (row < 0) return undefined;
      if (this.#hashes[row] === key.hash && this.#isKeyOf(row, key)) return this.#entries[row];
    }
  }

  /** The key must not be there yet. */
  add(key: KeyWriter, entry: T): T {
    this.#append(key.words.subarray(0, key.wordCount), key.hash, entry);
    if (this.size * 2 > this.#slots.length) this.#index(this.#slots.length * 2);
    else this.#place(this.size - 1);
    return entry;
  }

  /** Forgets the entries that `keep` does not want. */
  filter(keep: (entry: T) => boolean): void {
    const [entries, hashes, starts] = [this.#entries.splice(0), this.#hashes.splice(0), this.#starts.splice(1)];
    const words = this.#words;
    this.#words = new Int32Array(INITIAL_WORDS);
    let start = 0;
    for (const [row, entry] of entries.entries()) {
      const end = starts[row] as number;
      if (keep(entry)) this.#append(words.subarray(start, end), hashes[row] as number, entry);
      start = end;
    }
    let slots = INITIAL_SLOTS;
    while (slots < this.size * 2) slots *= 2;
    this.#index(slots);
  }

  clear(): void {
    if (this.size > 0) this.filter(() => false);
  }

  #append(key: Int32Array, hash: number, entry: T): void {
    const start = this.#starts[this.size] as number;
    const end = start + key.length;
    if (end > this.#words.length) {
      const larger = new Int32Array(Math.max(this.#words.length * 2, end));
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words.set(key, start);
    this.#starts.push(end);
    this.#hashes.push(hash);
    this.#entries.push(entry);
  }

  #isKeyOf(row: number, { words, wordCount }: KeyWriter): boolean {
    const start = this.#starts[row] as number;
    if ((this.#starts[row + 1] as number) - start !== wordCount) return false;
    for (let i = 0; i < wordCount; i++) if (this.#words[start + i] !== words[i]) return false;
    return true;
  }

  #index(slots: number): void {
    this.#slots = new Int32Array(slots);
    for (let row = 0; row < this.size; row++) this.#place(row);
  }

  #place(row: number): void {
    const mask = this.#slots.length - 1;
    let at = (this.#hashes[row] as number) & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = row + 1;
  }
}
