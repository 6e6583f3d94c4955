import { Heap } from '../heap.ts';
import type { Aggregation, Fire, Slice, WindowKey, Windows } from './windowing.ts';

export interface SessionOptions<A, I, K extends WindowKey<A>> {
  readonly gap: number;
  readonly lateness: number;
  readonly aggregation: Aggregation<A, I>;
  readonly fire: Fire<A, K>;
  /** The key has fewer slices than before, perhaps none. */
  readonly shrunk: (key: K) => void;
}

/** A session waits for its end, and then for the end of its lateness. Void where the session has grown since. */
interface Wait<A, K> {
  readonly time: number;
  readonly key: K;
  readonly session: Slice<A>;
  readonly end: number;
  readonly fires: boolean;
}

/**
 * Sessions: events of a key that are at most `gap` apart. Sessions that touch become one; one that got late data within
 * its lateness fires again, at once where it has ended, otherwise at its new end.
 */
export class SessionWindows<A, I, K extends WindowKey<A>> implements Windows<A, I, K> {
  readonly #options: SessionOptions<A, I, K>;
  readonly #waits = new Heap<Wait<A, K>>(isBefore);
  #open = 0;

  constructor(options: SessionOptions<A, I, K>) {
    this.#options = options;
  }

  get open(): number {
    return this.#open;
  }

  add(key: K, time: number, item: I, watermark: number): boolean {
    const { gap, lateness, aggregation, fire } = this.#options;
    let session = this.#join(key, time, time + gap, watermark);
    if (session === undefined) {
      if (time + gap - 1 + lateness <= watermark) return false;
      session = this.#begin(key, time, watermark);
    }
    aggregation.add(session.value, item);
    if (session.end - 1 <= watermark) fire(key, session.start, session.end, session.value, true);
    return true;
  }

  advance(watermark: number): void {
    for (let wait = this.#waits.first; wait !== undefined && wait.time <= watermark; wait = this.#waits.first) {
      this.#waits.pop();
      const { key, session, end, fires } = wait;
      if (fires) this.#open--;
      if (session.end !== end || !key.slices.includes(session)) continue;
      if (fires) this.#options.fire(key, session.start, end, session.value, false);
      else {
        key.slices.splice(key.slices.indexOf(session), 1);
        this.#options.shrunk(key);
      }
    }
  }

  restore(key: K, watermark: number): void {
    for (const session of key.slices) this.#wait(key, session, watermark);
  }

  #begin(key: K, time: number, watermark: number): Slice<A> {
    const { gap, aggregation } = this.#options;
    const session = { start: time, end: time + gap, value: aggregation.create() };
    const at = key.slices.findIndex(({ start }) => start > time);
    key.slices.splice(at < 0 ? key.slices.length : at, 0, session);
    this.#wait(key, session, watermark);
    return session;
  }

  /** The sessions that touch [start, end) as one that has it; undefined where there is none. */
  #join(key: K, start: number, end: number, watermark: number): Slice<A> | undefined {
    const { slices } = key;
    const first = slices.findIndex((session) => session.end >= start);
    const joined = slices[first];
    if (joined === undefined || joined.start > end) return undefined;
    const endBefore = joined.end;
    joined.start = Math.min(joined.start, start);
    joined.end = Math.max(joined.end, end);
    for (let next = slices[first + 1]; next !== undefined && next.start <= joined.end; next = slices[first + 1]) {
      this.#options.aggregation.merge(joined.value, next.value);
      joined.end = Math.max(joined.end, next.end);
      slices.splice(first + 1, 1);
    }
    if (joined.end !== endBefore) this.#wait(key, joined, watermark);
    return joined;
  }

  #wait(key: K, session: Slice<A>, watermark: number): void {
    const { end } = session;
    const last = end - 1;
    if (last > watermark) {
      this.#open++;
      this.#waits.push({ time: last, key, session, end, fires: true });
    }
    this.#waits.push({ time: last + this.#options.lateness, key, session, end, fires: false });
  }
}

/** By time, then fire before forget, then by key: the same order whatever order they came in. */
function isBefore<A, K extends WindowKey<A>>(a: Wait<A, K>, b: Wait<A, K>): boolean {
  if (a.time !== b.time) return a.time < b.time;
  if (a.fires !== b.fires) return a.fires;
  return a.key.key < b.key.key;
}
