import { grown } from '../../series/columns.ts';
import type { StateReader, StateWriter } from '../codec.ts';
import type { Keyed } from '../keyed-state.ts';
import type { Aggregation } from './windowing.ts';

/** No slice. In this row of the aggregation windows are put together that consist of several. */
export const NONE = 0;

export interface WindowKey extends Keyed {
  /** The slice that begins last, or NONE. */
  newest: number;
}

/**
 * Slices are stretches of time of a key, with what came in them: pieces of windows, or sessions. There may be millions,
 * so a slice is a number: its row in columns, here and in the aggregation. Those of a key are a list, and the one that
 * begins last is its first, because most events belong there.
 */
export class Slices<I> {
  /** What the values of all slices take. */
  bytes = 0;
  readonly #aggregation: Aggregation<I>;
  #starts = new Float64Array(0);
  #ends = new Float64Array(0);
  /** The slice of the same key before it; of a row that is free, another one that is. */
  #older = new Int32Array(0);
  #free = NONE;
  #rows = NONE + 1;

  constructor(aggregation: Aggregation<I>) {
    this.#aggregation = aggregation;
  }

  startOf(row: number): number {
    return this.#starts[row] as number;
  }

  /** Exclusive. */
  endOf(row: number): number {
    return this.#ends[row] as number;
  }

  /** The slice of the same key that begins before it, or NONE. */
  olderThan(row: number): number {
    return this.#older[row] as number;
  }

  /** The key's slice that begins at `start`, or NONE. */
  find({ newest }: WindowKey, start: number): number {
    let row = newest;
    while (row !== NONE && this.startOf(row) > start) row = this.olderThan(row);
    return row !== NONE && this.startOf(row) === start ? row : NONE;
  }

  has({ newest }: WindowKey, slice: number): boolean {
    let row = newest;
    while (row !== NONE && row !== slice) row = this.olderThan(row);
    return row === slice;
  }

  /** Gives the key an empty slice. It has none that begins at the same time. */
  insert(key: WindowKey, start: number, end: number): number {
    const row = this.#place(key, start, end);
    this.#aggregation.begin(row);
    this.bytes += this.#aggregation.size(row);
    return row;
  }

  add(row: number, item: I): void {
    const aggregation = this.#aggregation;
    const before = aggregation.size(row);
    aggregation.add(row, item);
    this.bytes += aggregation.size(row) - before;
  }

  stretch(row: number, start: number, end: number): void {
    if (start < this.startOf(row)) this.#starts[row] = start;
    if (end > this.endOf(row)) this.#ends[row] = end;
  }

  /** `from` is part of `into` from then on, and is not the key's any more. Its row is in use until `release`. */
  join(key: WindowKey, into: number, from: number): void {
    const aggregation = this.#aggregation;
    const before = aggregation.size(into);
    aggregation.merge(into, from);
    this.bytes += aggregation.size(into) - before;
    this.stretch(into, this.startOf(from), this.endOf(from));
    this.#unlink(key, from);
  }

  /** The row may become another slice. */
  release(row: number): void {
    this.#older[row] = this.#free;
    this.#free = row;
  }

  remove(key: WindowKey, row: number): void {
    this.#unlink(key, row);
    this.release(row);
  }

  /** The row with what is in [start, end) of the key, until the next call; undefined where nothing is. */
  within({ newest }: WindowKey, start: number, end: number): number | undefined {
    const inside: number[] = [];
    for (let row = newest; row !== NONE && this.startOf(row) >= start; row = this.olderThan(row)) {
      if (this.startOf(row) < end) inside.push(row);
    }
    if (inside.length <= 1) return inside[0];
    const aggregation = this.#aggregation;
    aggregation.begin(NONE);
    for (let row = inside.pop(); row !== undefined; row = inside.pop()) aggregation.merge(NONE, row);
    return NONE;
  }

  /** All of a key, by start. */
  encode({ newest }: WindowKey, to: StateWriter): void {
    const rows: number[] = [];
    for (let row = newest; row !== NONE; row = this.olderThan(row)) rows.push(row);
    to.uint32(rows.length);
    for (const row of rows.reverse()) {
      to.double(this.startOf(row)).double(this.endOf(row));
      this.#aggregation.encode(row, to);
    }
  }

  /** Gives a key without slices those that `encode` wrote. */
  decode(key: WindowKey, from: StateReader): void {
    for (let left = from.uint32(); left > 0; left--) {
      const row = this.#place(key, from.double(), from.double());
      this.#aggregation.decode(row, from);
      this.bytes += this.#aggregation.size(row);
    }
  }

  #place(key: WindowKey, start: number, end: number): number {
    const row = this.#allocate();
    this.#starts[row] = start;
    this.#ends[row] = end;
    let newer = NONE;
    let older = key.newest;
    while (older !== NONE && this.startOf(older) > start) {
      newer = older;
      older = this.olderThan(older);
    }
    this.#older[row] = older;
    if (newer === NONE) key.newest = row;
    else this.#older[newer] = row;
    return row;
  }

  #allocate(): number {
    const row = this.#free;
    if (row !== NONE) {
      this.#free = this.olderThan(row);
      return row;
    }
    if (this.#rows >= this.#starts.length) {
      this.#starts = grown(this.#starts, this.#rows + 1);
      this.#ends = grown(this.#ends, this.#rows + 1);
      this.#older = grown(this.#older, this.#rows + 1);
    }
    return this.#rows++;
  }

  #unlink(key: WindowKey, row: number): void {
    if (key.newest === row) key.newest = this.olderThan(row);
    else {
      let newer = key.newest;
      while (this.olderThan(newer) !== row) newer = this.olderThan(newer);
      this.#older[newer] = this.olderThan(row);
    }
    this.bytes -= this.#aggregation.size(row);
    this.#aggregation.end(row);
  }
}
