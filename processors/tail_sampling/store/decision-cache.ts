import { NONE } from './arena.ts';

const INITIAL_ENTRIES = 1024;
/** The collector keys by the second half of a trace id. */
const HALF = 8;
/** Entries that are together in a snapshot: few enough that one which changed is soon written. */
const BLOCK_BITS = 12;
const BLOCK = 1 << BLOCK_BITS;
/** The half of an id, and the policy. */
const STORED_BYTES = 8 + 2;

/**
 * The traces that were last decided or asked for, at most so many; about 32 bytes each. Says which policy decided.
 */
export class DecisionCache {
  readonly #capacity: number;
  readonly #seed: number;
  #size = 0;
  #low = new Int32Array(INITIAL_ENTRIES);
  #high = new Int32Array(INITIAL_ENTRIES);
  #policy = new Int16Array(INITIAL_ENTRIES);
  /** Neighbours in the order of use. */
  #newer = new Int32Array(INITIAL_ENTRIES);
  #older = new Int32Array(INITIAL_ENTRIES);
  #newest = NONE;
  #oldest = NONE;
  #places = new Int32Array(INITIAL_ENTRIES * 2).fill(NONE);
  /** Blocks that changed since the last snapshot; undefined where nobody takes any. */
  #changed: Set<number> | undefined;

  constructor(capacity: number, seed: number) {
    this.#capacity = capacity;
    this.#seed = seed | 0;
  }

  /** The policy of the trace with the id at `buffer[at]`, NONE for none; undefined where the trace is not here. */
  get(buffer: Buffer, at: number): number | undefined {
    const entry = this.#find(buffer.readInt32LE(at + HALF), buffer.readInt32LE(at + HALF + 4));
    if (entry === NONE) return undefined;
    this.#unlink(entry);
    this.#linkNewest(entry);
    return this.#policy[entry];
  }

  put(buffer: Buffer, at: number, policy: number): void {
    const low = buffer.readInt32LE(at + HALF);
    this.#put(low, buffer.readInt32LE(at + HALF + 4), policy);
  }

  /** From now on remembers what changes between snapshots. */
  track(): void {
    this.#changed ??= new Set();
  }

  /** The entry that goes first. */
  get oldest(): number {
    return Math.max(0, this.#oldest);
  }

  /** The blocks, or those that changed since the last call: an entry is soon used again, so none is ever gone. */
  *snapshot(which: 'all' | 'changed'): Generator<[block: number, bytes: Buffer]> {
    const blocks = which === 'all' ? Math.ceil(this.#size / BLOCK) : 0;
    const wanted = which === 'all' ? Array.from({ length: blocks }, (_, i) => i) : [...(this.#changed ?? [])];
    this.#changed?.clear();
    for (const block of wanted) {
      const end = Math.min(this.#size, (block + 1) * BLOCK);
      const bytes = Buffer.alloc((end - block * BLOCK) * STORED_BYTES);
      let at = 0;
      for (let entry = block * BLOCK; entry < end; entry++) {
        at = bytes.writeInt32LE(this.#low[entry] as number, at);
        at = bytes.writeInt32LE(this.#high[entry] as number, at);
        at = bytes.writeInt16LE(this.#policy[entry] as number, at);
      }
      yield [block, bytes];
    }
  }

  /**
   * Takes up all blocks of a snapshot, in their order, as far as there is room. The order of use is nearly what it was.
   * `policyOf` gives the index that a policy has now.
   */
  restore(blocks: readonly Buffer[], oldest: number, policyOf: (before: number) => number): void {
    const bytes = Buffer.concat(blocks);
    if (bytes.length % STORED_BYTES !== 0) throw new Error('the snapshot is damaged: decisions end too early');
    const count = bytes.length / STORED_BYTES;
    for (let i = 0; i < count; i++) {
      const at = ((oldest + i) % count) * STORED_BYTES;
      this.#put(bytes.readInt32LE(at), bytes.readInt32LE(at + 4), policyOf(bytes.readInt16LE(at + 8)));
    }
    this.#changed?.clear();
  }

  #put(low: number, high: number, policy: number): void {
    let entry = this.#find(low, high);
    if (entry !== NONE) this.#unlink(entry);
    else {
      entry = this.#room();
      this.#low[entry] = low;
      this.#high[entry] = high;
      this.#place(entry);
    }
    this.#policy[entry] = policy;
    this.#changed?.add(entry >> BLOCK_BITS);
    this.#linkNewest(entry);
  }

  /** An entry without a place and without neighbours. */
  #room(): number {
    if (this.#size < this.#capacity) {
      if (this.#size === this.#low.length) this.#grow(Math.min(this.#size * 2, this.#capacity));
      return this.#size++;
    }
    const entry = this.#oldest;
    this.#unlink(entry);
    this.#unplace(entry);
    return entry;
  }

  #hash(low: number, high: number): number {
    let h = Math.imul(low ^ this.#seed, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ high, 0x85ebca6b);
    return h ^ (h >>> 13);
  }

  #home(entry: number): number {
    return this.#hash(this.#low[entry] as number, this.#high[entry] as number) & (this.#places.length - 1);
  }

  #find(low: number, high: number): number {
    const mask = this.#places.length - 1;
    let place = this.#hash(low, high) & mask;
    for (;;) {
      const entry = this.#places[place] as number;
      if (entry === NONE || (this.#low[entry] === low && this.#high[entry] === high)) return entry;
      place = (place + 1) & mask;
    }
  }

  #place(entry: number): void {
    const mask = this.#places.length - 1;
    let place = this.#home(entry);
    while (this.#places[place] !== NONE) place = (place + 1) & mask;
    this.#places[place] = entry;
  }

  #unplace(entry: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let gap = this.#home(entry);
    while (places[gap] !== entry) gap = (gap + 1) & mask;
    for (let place = (gap + 1) & mask; places[place] !== NONE; place = (place + 1) & mask) {
      const other = places[place] as number;
      if (((place - this.#home(other)) & mask) < ((place - gap) & mask)) continue;
      places[gap] = other;
      gap = place;
    }
    places[gap] = NONE;
  }

  #linkNewest(entry: number): void {
    this.#older[entry] = this.#newest;
    this.#newer[entry] = NONE;
    if (this.#newest === NONE) this.#oldest = entry;
    else this.#newer[this.#newest] = entry;
    this.#newest = entry;
  }

  #unlink(entry: number): void {
    const newer = this.#newer[entry] as number;
    const older = this.#older[entry] as number;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }

  #grow(entries: number): void {
    const grown = <T extends Int32Array | Int16Array>(old: T): T => {
      const column = new (old.constructor as new (length: number) => T)(entries);
      column.set(old as never);
      return column;
    };
    this.#low = grown(this.#low);
    this.#high = grown(this.#high);
    this.#policy = grown(this.#policy);
    this.#newer = grown(this.#newer);
    this.#older = grown(this.#older);
    this.#places = new Int32Array(2 ** Math.ceil(Math.log2(entries * 2))).fill(NONE);
    for (let entry = 0; entry < this.#size; entry++) this.#place(entry);
  }
}
