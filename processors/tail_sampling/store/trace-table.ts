import { NONE } from './arena.ts';
import { hashOfWords } from './trace-id.ts';

const INITIAL_SLOTS = 1024;
/** Words of an id. */
const ID_WORDS = 4;

/**
 * What is known about traces, by columns, found by their 16-byte id: open addressing over the words of the ids, so a
 * trace costs about 100 bytes and no object. The seed keeps senders from choosing ids that fall together.
 *
 * A trace has a slot as long as it is known. Slots are in the order in which traces came.
 */
export class TraceTable {
  size = 0;
  ids = new Int32Array(INITIAL_SLOTS * ID_WORDS);
  /** First and last chunk. */
  first = new Int32Array(INITIAL_SLOTS);
  last = new Int32Array(INITIAL_SLOTS);
  spans = new Int32Array(INITIAL_SLOTS);
  /** What the collector counts as the size. */
  sizeBytes = new Float64Array(INITIAL_SLOTS);
  /** Milliseconds of the monotonic clock. */
  arrivedAt = new Float64Array(INITIAL_SLOTS);
  /** NONE where no policy was asked. */
  decidedAt = new Float64Array(INITIAL_SLOTS);
  /** A `Decision`. */
  decision = new Uint8Array(INITIAL_SLOTS);
  /** Index of the policy that decided; NONE for none. */
  policy = new Int16Array(INITIAL_SLOTS);
  /** The tick at which it is decided, and its neighbours there. */
  batch = new Int32Array(INITIAL_SLOTS);
  batchNext = new Int32Array(INITIAL_SLOTS);
  batchPrevious = new Int32Array(INITIAL_SLOTS);

  /** The oldest slot, NONE where there is none. */
  oldest = NONE;
  #newest = NONE;
  #newer = new Int32Array(INITIAL_SLOTS);
  #older = new Int32Array(INITIAL_SLOTS);
  /** Slots that are free; linked by `#newer`. */
  #free = NONE;
  #fresh = 0;
  #places = new Int32Array(INITIAL_SLOTS * 2).fill(NONE);
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** The slot of the trace whose id is `buffer[at, at + 16)`, NONE where it is not known. */
  find(buffer: Buffer, at: number): number {
    const a = buffer.readInt32LE(at);
    const b = buffer.readInt32LE(at + 4);
    const c = buffer.readInt32LE(at + 8);
    const d = buffer.readInt32LE(at + 12);
    const mask = this.#places.length - 1;
    let place = hashOfWords(a, b, c, d, this.#seed) & mask;
    for (;;) {
      const slot = this.#places[place] as number;
      if (slot === NONE) return NONE;
      const { ids } = this;
      const id = slot * ID_WORDS;
      if (ids[id] === a && ids[id + 1] === b && ids[id + 2] === c && ids[id + 3] === d) return slot;
      place = (place + 1) & mask;
    }
  }

  /** The slot that came next after this one, NONE after the newest. */
  newer(slot: number): number {
    return this.#newer[slot] as number;
  }

  /** A slot for a trace that is not known yet, as the newest. All of its columns are for the caller to set. */
  insert(buffer: Buffer, at: number): number {
    const slot = this.#takeSlot();
    const id = slot * ID_WORDS;
    for (let i = 0; i < ID_WORDS; i++) this.ids[id + i] = buffer.readInt32LE(at + i * 4);
    this.#place(slot);
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest === NONE) this.oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
    this.size++;
    return slot;
  }

  remove(slot: number): void {
    this.#unplace(slot);
    const newer = this.#newer[slot] as number;
    const older = this.#older[slot] as number;
    if (older === NONE) this.oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    this.#newer[slot] = this.#free;
    this.#free = slot;
    this.size--;
  }

  /** Writes the id of a slot to `target` at `at`. */
  copyId(slot: number, target: Buffer, at: number): void {
    for (let i = 0; i < ID_WORDS; i++) target.writeInt32LE(this.ids[slot * ID_WORDS + i] as number, at + i * 4);
  }

  #hashOf(slot: number): number {
    const { ids } = this;
    const id = slot * ID_WORDS;
    const [a, b] = [ids[id] as number, ids[id + 1] as number];
    return hashOfWords(a, b, ids[id + 2] as number, ids[id + 3] as number, this.#seed);
  }

  #place(slot: number): void {
    const mask = this.#places.length - 1;
    let place = this.#hashOf(slot) & mask;
    while (this.#places[place] !== NONE) place = (place + 1) & mask;
    this.#places[place] = slot;
  }

  /** Takes the slot out of the table and closes the gap, so that no search ends at it too early. */
  #unplace(slot: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let gap = this.#hashOf(slot) & mask;
    while (places[gap] !== slot) gap = (gap + 1) & mask;
    let place = gap;
    for (;;) {
      place = (place + 1) & mask;
      const other = places[place] as number;
      if (other === NONE) break;
      const home = this.#hashOf(other) & mask;
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      places[gap] = other;
      gap = place;
    }
    places[gap] = NONE;
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = this.#newer[slot] as number;
      return slot;
    }
    if (this.#fresh === this.first.length) this.#grow(this.#fresh * 2);
    return this.#fresh++;
  }

  #grow(slots: number): void {
    const grown = <T extends Int32Array | Float64Array | Uint8Array | Int16Array>(old: T, width = 1): T => {
      const column = new (old.constructor as new (length: number) => T)(slots * width);
      column.set(old as never);
      return column;
    };
    this.ids = grown(this.ids, ID_WORDS);
    this.first = grown(this.first);
    this.last = grown(this.last);
    this.spans = grown(this.spans);
    this.sizeBytes = grown(this.sizeBytes);
    this.arrivedAt = grown(this.arrivedAt);
    this.decidedAt = grown(this.decidedAt);
    this.decision = grown(this.decision);
    this.policy = grown(this.policy);
    this.batch = grown(this.batch);
    this.batchNext = grown(this.batchNext);
    this.batchPrevious = grown(this.batchPrevious);
    this.#newer = grown(this.#newer);
    this.#older = grown(this.#older);
    this.#places = new Int32Array(slots * 2).fill(NONE);
    for (let slot = this.oldest; slot !== NONE; slot = this.#newer[slot] as number) this.#place(slot);
  }
}
