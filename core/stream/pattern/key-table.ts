const INITIAL_SLOTS = 64;
/** A slot is a hash and the place of an entry plus one; 0 is free. */
const STRIDE = 2;

/** What is kept of a key, in the table of its keys. */
export interface TableEntry {
  readonly key: string;
  readonly hash: number;
}

/**
 * Entries by key, where keys that are looked for are bytes: of most, nothing is kept, and to make a text of each costs
 * more than the rest. Open addressing, at most half full; what is not there is seldom looked at beyond its slot.
 */
export class KeyTable<E extends TableEntry> {
  readonly #entries: (E | undefined)[] = [];
  /** Places in `#entries` that are free. */
  readonly #vacant: number[] = [];
  #slots = new Int32Array(INITIAL_SLOTS * STRIDE);

  get size(): number {
    return this.#entries.length - this.#vacant.length;
  }

  /** The entry of the key `bytes[start, end)` in UTF-8. `hash`: the one it was added with. */
  find(hash: number, bytes: Buffer, start: number, end: number): E | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = (hash * STRIDE) & mask; slots[slot + 1] !== 0; slot = (slot + STRIDE) & mask) {
      if (slots[slot] !== hash) continue;
      const entry = this.#entries[(slots[slot + 1] as number) - 1] as E;
      if (isText(entry.key, bytes, start, end)) return entry;
    }
    return undefined;
  }

  /** Adds an entry whose key is not there yet. */
  add(entry: E): void {
    const at = this.#vacant.pop() ?? this.#entries.length;
    this.#entries[at] = entry;
    if (this.size * 2 * STRIDE > this.#slots.length) this.#grow();
    else this.#place(entry.hash, at);
  }

  /** In the order in which they came, but those that came after others were deleted are in the places of these. */
  *values(): Iterable<E> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  delete(entry: E): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (entry.hash * STRIDE) & mask;
    while (this.#entries[(slots[slot + 1] as number) - 1] !== entry) slot = (slot + STRIDE) & mask;
    const at = (slots[slot + 1] as number) - 1;
    this.#entries[at] = undefined;
    this.#vacant.push(at);
    this.#free(slot);
  }

  #place(hash: number, at: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash * STRIDE) & mask;
    while (slots[slot + 1] !== 0) slot = (slot + STRIDE) & mask;
    slots[slot] = hash;
    slots[slot + 1] = at + 1;
  }

  /** Moves up what comes after, as far as it does not stand where it belongs, so that there are no gaps on the way. */
  #free(freed: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = freed;
    for (let slot = (gap + STRIDE) & mask; slots[slot + 1] !== 0; slot = (slot + STRIDE) & mask) {
      const home = ((slots[slot] as number) * STRIDE) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      slots[gap] = slots[slot] as number;
      slots[gap + 1] = slots[slot + 1] as number;
      gap = slot;
    }
    slots[gap + 1] = 0;
  }

  #grow(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (const [at, entry] of this.#entries.entries()) if (entry !== undefined) this.#place(entry.hash, at);
  }
}

/** A text has as many units as bytes only where all of it is ASCII. */
function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (text.length !== length) return text.length < length && text === bytes.toString('utf8', start, end);
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] as number;
    if (byte !== text.charCodeAt(i) || byte > 0x7f) return false;
  }
  return true;
}
