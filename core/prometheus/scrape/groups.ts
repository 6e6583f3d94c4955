import { grown } from '../../series/columns.ts';
import { KeyRows } from '../../series/key-rows.ts';
import { KeyWriter } from '../../series/key-writer.ts';
import type { NativeHistogram } from '../native-histogram.ts';
import type { Exemplar } from '../parse/page.ts';

/** What is known of a group in the current scrape. */
export const Has = { VALUE: 1, COUNT: 2, SUM: 4, STALE_VALUE: 8, STALE_COUNT: 16, STALE_SUM: 32 } as const;

const INITIAL = 16;
const NONE = -1;

/**
 * The data points of a target, known by family and attributes. Their rows stay from scrape to scrape, and what a
 * scrape says of them is in columns of numbers; a histogram's buckets are a list of their own.
 */
export class Groups {
  readonly #rows = new KeyRows();
  readonly #key: KeyWriter;
  #transactions = new Uint32Array(INITIAL);
  /** Milliseconds since the Unix epoch. */
  times = new Float64Array(INITIAL);
  /** The value, or the sum of a histogram or summary. */
  values = new Float64Array(INITIAL);
  counts = new Float64Array(INITIAL);
  /** When counting began, in seconds since the Unix epoch; 0 for unknown. */
  created = new Float64Array(INITIAL);
  has = new Uint8Array(INITIAL);
  #first = new Int32Array(INITIAL);
  #last = new Int32Array(INITIAL);
  /** Buckets or quantiles, in lists. */
  bounds = new Float64Array(INITIAL);
  boundValues = new Float64Array(INITIAL);
  #next = new Int32Array(INITIAL);
  #boundCount = 0;
  readonly exemplars = new Map<number, Exemplar[]>();
  readonly histograms = new Map<number, NativeHistogram>();

  /** `seed`: see KeyWriter. */
  constructor(seed: number) {
    this.#key = new KeyWriter(seed);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row of the group of a family with these attributes, encoded. */
  at(family: number, attributes: Buffer): number {
    const key = this.#key;
    key.begin();
    key.length(family);
    key.copy(attributes, 0, attributes.length);
    key.finish();
    const row = this.#rows.find(key);
    if (row >= 0) return row;
    this.#transactions = grown(this.#transactions, this.size + 1);
    this.times = grown(this.times, this.size + 1);
    this.values = grown(this.values, this.size + 1);
    this.counts = grown(this.counts, this.size + 1);
    this.created = grown(this.created, this.size + 1);
    this.has = grown(this.has, this.size + 1);
    this.#first = grown(this.#first, this.size + 1);
    this.#last = grown(this.#last, this.size + 1);
    return this.#rows.add(key);
  }

  /** Forgets what the last scrape said. */
  begin(): void {
    this.#boundCount = 0;
    if (this.exemplars.size > 0) this.exemplars.clear();
    if (this.histograms.size > 0) this.histograms.clear();
  }

  /** Makes the row one of the transaction; false where it is already. */
  open(row: number, transaction: number, time: number): boolean {
    if (this.#transactions[row] === transaction) return false;
    this.#transactions[row] = transaction;
    this.times[row] = time;
    this.created[row] = 0;
    this.has[row] = 0;
    this.#first[row] = NONE;
    return true;
  }

  isIn(row: number, transaction: number): boolean {
    return this.#transactions[row] === transaction;
  }

  addBound(row: number, bound: number, value: number): void {
    const at = this.#boundCount++;
    if (at >= this.bounds.length) {
      this.bounds = grown(this.bounds, at + 1);
      this.boundValues = grown(this.boundValues, at + 1);
      this.#next = grown(this.#next, at + 1);
    }
    this.bounds[at] = bound;
    this.boundValues[at] = value;
    this.#next[at] = NONE;
    if (this.#first[row] === NONE) this.#first[row] = at;
    else this.#next[this.#last[row] as number] = at;
    this.#last[row] = at;
  }

  /** Where the row's bounds lie in `bounds` and `boundValues`, the smallest first. */
  boundsOf(row: number, into: number[]): void {
    into.length = 0;
    let isSorted = true;
    for (let at = this.#first[row] as number; at !== NONE; at = this.#next[at] as number) {
      const before = into.at(-1);
      if (before !== undefined && !((this.bounds[before] as number) <= (this.bounds[at] as number))) isSorted = false;
      into.push(at);
    }
    if (!isSorted) into.sort((a, b) => (this.bounds[a] as number) - (this.bounds[b] as number));
  }

  /** The memory that the attributes of a row lie in. */
  bytesOf(row: number): Buffer {
    return this.#rows.bytesOf(row);
  }
  /** Where they begin in it and end. */
  attributesStart(row: number): number {
    return this.#rows.startOf(row) + KEY_HEAD;
  }
  attributesEnd(row: number): number {
    const start = this.#rows.startOf(row);
    return start + this.bytesOf(row).readInt32LE(start);
  }

  clear(): void {
    this.#rows.clear();
    this.#transactions.fill(0);
  }
}

/** The length of the key and the family. */
const KEY_HEAD = 8;
