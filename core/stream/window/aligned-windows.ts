import { Heap } from '../heap.ts';
import { NONE, type Slices, type WindowKey } from './slices.ts';
import type { Windows, WindowsOptions } from './windowing.ts';

export interface AlignedOptions<I, K extends WindowKey> extends WindowsOptions<I, K> {
  readonly size: number;
  /** The same as size for tumbling windows. */
  readonly slide: number;
  readonly offset: number;
}

/**
 * Tumbling and sliding windows. An event is added once, to a slice that ends where any window begins or ends (Krishna-
 * murthy et al., "On-the-fly sharing for streamed aggregation", 2006: paired windows), and a window is put together
 * from its slices when it fires. So an event costs the same however much windows overlap. Windows begin at the same
 * time for all keys, so what waits for the watermark is kept per window, not per key.
 */
export class AlignedWindows<I, K extends WindowKey> implements Windows<I, K> {
  readonly #options: AlignedOptions<I, K>;
  readonly #slices: Slices<I>;
  /** Where the second slice of a slide begins, 0 where there is one. */
  readonly #cut: number;
  /** The keys that have the slice, by its start. */
  readonly #keys = new Map<number, K[]>();
  /** Starts of windows that wait for their end, and of slices that wait for their last window's lateness. */
  readonly #waiting = new Set<number>();
  readonly #ends = new Heap<number>((a, b) => a < b);
  readonly #cleanups = new Heap<number>((a, b) => a < b);

  constructor(options: AlignedOptions<I, K>) {
    this.#options = options;
    this.#slices = options.slices;
    this.#cut = options.size % options.slide;
  }

  get open(): number {
    return this.#waiting.size;
  }

  add(key: K, time: number, item: I, watermark: number): boolean {
    const { size, slide, lateness } = this.#options;
    const newest = this.#newestStart(time);
    // where windows do not cover all time, what lies between them belongs to none
    if (time >= newest + size) return time + lateness > watermark;
    if (newest + size - 1 + lateness <= watermark) return false;
    this.#slices.add(this.#slice(key, time, newest, watermark), item);
    if (time > watermark) return true;
    for (let start = newest; start > time - size; start -= slide) {
      const last = start + size - 1;
      if (last + lateness <= watermark) break;
      if (last <= watermark) this.#fireKey(key, start, true);
    }
    return true;
  }

  advance(watermark: number): void {
    const { size, lateness } = this.#options;
    for (let start = this.#ends.first; start !== undefined; start = this.#ends.first) {
      if (start + size - 1 > watermark) break;
      this.#ends.pop();
      this.#fireWindow(start);
    }
    for (let slice = this.#cleanups.first; slice !== undefined; slice = this.#cleanups.first) {
      if (this.#newestStart(slice) + size - 1 + lateness > watermark) break;
      this.#cleanups.pop();
      this.#forget(slice);
    }
  }

  restore(key: K, watermark: number): void {
    const slices = this.#slices;
    for (let row = key.newest; row !== NONE; row = slices.olderThan(row)) {
      const start = slices.startOf(row);
      this.#register(key, start, this.#newestStart(start), watermark);
    }
  }

  #newestStart(time: number): number {
    const { slide, offset } = this.#options;
    return Math.floor((time - offset) / slide) * slide + offset;
  }

  /** The key's slice for events of `time`. */
  #slice(key: K, time: number, newest: number, watermark: number): number {
    const { slide, size } = this.#options;
    const second = this.#cut > 0 && size > slide && time >= newest + this.#cut;
    const start = second ? newest + this.#cut : newest;
    const known = this.#slices.find(key, start);
    if (known !== NONE) return known;
    const end = this.#cut > 0 && size > slide && !second ? newest + this.#cut : Math.min(newest + slide, newest + size);
    this.#register(key, start, newest, watermark);
    return this.#slices.insert(key, start, end);
  }

  #register(key: K, slice: number, newest: number, watermark: number): void {
    const keys = this.#keys.get(slice);
    if (keys !== undefined) {
      keys.push(key);
      return;
    }
    this.#keys.set(slice, [key]);
    this.#cleanups.push(slice);
    const { size, slide } = this.#options;
    for (let start = newest; start > slice - size && start + size - 1 > watermark; start -= slide) {
      if (this.#waiting.has(start)) continue;
      this.#waiting.add(start);
      this.#ends.push(start);
    }
  }

  /** For all keys with something in it, in the order of their names: whatever order they came in. */
  #fireWindow(start: number): void {
    this.#waiting.delete(start);
    const { size, slide } = this.#options;
    const found = new Set<K>();
    for (let slice = start; slice < start + size; slice += slide) {
      for (const key of this.#keys.get(slice) ?? []) found.add(key);
      if (this.#cut > 0) for (const key of this.#keys.get(slice + this.#cut) ?? []) found.add(key);
    }
    for (const key of [...found].sort(byName)) this.#fireKey(key, start, false);
  }

  #fireKey(key: K, start: number, late: boolean): void {
    const end = start + this.#options.size;
    const row = this.#slices.within(key, start, end);
    if (row !== undefined) this.#options.fire(key, start, end, row, late);
  }

  #forget(slice: number): void {
    const keys = this.#keys.get(slice) ?? [];
    this.#keys.delete(slice);
    for (const key of keys) {
      this.#slices.remove(key, this.#slices.find(key, slice));
      this.#options.shrunk(key);
    }
  }
}

function byName(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
