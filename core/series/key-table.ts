import type { KeyWriter } from './key-writer.ts';

/** What a table holds: something with the key it is found by, taken from a `KeyWriter`. */
export interface Keyed {
  readonly hash: number;
  readonly key: Int32Array;
}

const INITIAL_SLOTS = 16;

/** Entries by the bytes of their keys: open addressing, at most half full, entries in the order they came. */
export class KeyTable<T extends Keyed> {
  #entries: T[] = [];
  /** Index of an entry plus one; 0 is free. */
  #slots = new Int32Array(INITIAL_SLOTS);

  get size(): number {
    return this.#entries.length;
  }

  /** In the order in which they were added. */
  get entries(): readonly T[] {
    return this.#entries;
  }

  find(key: KeyWriter): T | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = key.hash & mask; ; at = (at + 1) & mask) {
      const index = slots[at] as number;
      if (index === 0) return undefined;
      const entry = this.#entries[index - 1] as T;
      if (entry.hash === key.hash && sameKey(entry.key, key)) return entry;
    }
  }

  /** `entry` must not be there yet. */
  add(entry: T): void {
    this.#entries.push(entry);
    if (this.#entries.length * 2 > this.#slots.length) this.#index(this.#slots.length * 2);
    else this.#place(entry, this.#entries.length);
  }

  /** Forgets the entries that `keep` does not want. */
  filter(keep: (entry: T) => boolean): void {
    const kept = this.#entries.filter(keep);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    let slots = INITIAL_SLOTS;
    while (slots < kept.length * 2) slots *= 2;
    this.#index(slots);
  }

  clear(): void {
    this.filter(() => false);
  }

  #index(slots: number): void {
    this.#slots = new Int32Array(slots);
    for (const [i, entry] of this.#entries.entries()) this.#place(entry, i + 1);
  }

  #place(entry: T, index: number): void {
    const mask = this.#slots.length - 1;
    let at = entry.hash & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = index;
  }
}

function sameKey(known: Int32Array, { words, wordCount }: KeyWriter): boolean {
  if (known.length !== wordCount) return false;
  for (let i = 0; i < wordCount; i++) if (known[i] !== words[i]) return false;
  return true;
}
