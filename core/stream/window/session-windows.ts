import { Heap } from '../heap.ts';
import { CountedValues } from './counted-values.ts';
import { type Aggregation, type Fire, type Slice, type WindowKey, type Windows, withSlice } from './windowing.ts';

export interface SessionOptions<A, I, K extends WindowKey<A>> {
  readonly gap: number;
  readonly lateness: number;
  readonly aggregation: Aggregation<A, I>;
  readonly fire: Fire<A, K>;
  /** The key has fewer slices than before, perhaps none. */
  readonly shrunk: (key: K) => void;
}

/**
 * A session waits for its end, and for the end of its lateness: once for each, however often it grows. A wait that ends
 * too early begins again.
 */
interface Wait<A, K> {
  readonly time: number;
  readonly key: K;
  readonly session: Slice<A>;
  readonly fires: boolean;
}

/**
 * Sessions: events of a key that are at most `gap` apart. Sessions that touch become one; one that got late data within
 * its lateness fires again, at once where it has ended, otherwise at its new end.
 */
export class SessionWindows<A, I, K extends WindowKey<A>> implements Windows<A, I, K> {
  readonly #options: SessionOptions<A, I, K>;
  readonly #values: CountedValues<A, I>;
  readonly #waits = new Heap<Wait<A, K>>(isBefore);
  #open = 0;

  constructor(options: SessionOptions<A, I, K>) {
    this.#options = options;
    this.#values = new CountedValues(options.aggregation);
  }

  get open(): number {
    return this.#open;
  }

  get bytes(): number {
    return this.#values.bytes;
  }

  add(key: K, time: number, item: I, watermark: number): boolean {
    const { gap, lateness, fire } = this.#options;
    let session = this.#join(key, time, time + gap, watermark);
    if (session === undefined) {
      if (time + gap - 1 + lateness <= watermark) return false;
      session = { start: time, end: time + gap, value: this.#values.create() };
      key.slices = withSlice(key.slices, session);
      this.#begin(key, session, watermark);
    }
    this.#values.add(session.value, item);
    if (session.end - 1 <= watermark) fire(key, session.start, session.end, session.value, true);
    return true;
  }

  advance(watermark: number): void {
    for (let wait = this.#waits.first; wait !== undefined && wait.time <= watermark; wait = this.#waits.first) {
      this.#waits.pop();
      const { key, session, fires } = wait;
      const isThere = key.slices.includes(session);
      if (isThere && this.#timeOf(session, fires) > wait.time) this.#wait(key, session, fires);
      else if (fires) this.#fire(key, session, isThere);
      else if (isThere) {
        this.#values.forget(session.value);
        key.slices = key.slices.toSpliced(key.slices.indexOf(session), 1);
        this.#options.shrunk(key);
      }
    }
  }

  restore(key: K, watermark: number): void {
    for (const session of key.slices) {
      this.#values.keep(session.value);
      this.#begin(key, session, watermark);
    }
  }

  #fire(key: K, session: Slice<A>, isThere: boolean): void {
    this.#open--;
    if (isThere) this.#options.fire(key, session.start, session.end, session.value, false);
  }

  #begin(key: K, session: Slice<A>, watermark: number): void {
    this.#wait(key, session, false);
    if (session.end - 1 <= watermark) return;
    this.#open++;
    this.#wait(key, session, true);
  }

  /** The sessions that touch [start, end) as one that has it; undefined where there is none. */
  #join(key: K, start: number, end: number, watermark: number): Slice<A> | undefined {
    const { slices } = key;
    let first = 0;
    while (first < slices.length && (slices[first] as Slice<A>).end < start) first++;
    const joined = slices[first];
    if (joined === undefined || joined.start > end) return undefined;
    const hadEnded = joined.end - 1 <= watermark;
    joined.start = Math.min(joined.start, start);
    joined.end = Math.max(joined.end, end);
    let after = first + 1;
    for (let next = slices[after]; next !== undefined && next.start <= joined.end; next = slices[++after]) {
      this.#values.join(joined.value, next.value);
      joined.end = Math.max(joined.end, next.end);
    }
    if (after > first + 1) key.slices = slices.toSpliced(first + 1, after - first - 1);
    if (hadEnded && joined.end - 1 > watermark) {
      this.#open++;
      this.#wait(key, joined, true);
    }
    return joined;
  }

  #timeOf(session: Slice<A>, fires: boolean): number {
    return session.end - 1 + (fires ? 0 : this.#options.lateness);
  }

  #wait(key: K, session: Slice<A>, fires: boolean): void {
    this.#waits.push({ time: this.#timeOf(session, fires), key, session, fires });
  }
}

/** By time, then fire before forget, then by key: the same order whatever order they came in. */
function isBefore<A, K extends WindowKey<A>>(a: Wait<A, K>, b: Wait<A, K>): boolean {
  if (a.time !== b.time) return a.time < b.time;
  if (a.fires !== b.fires) return a.fires;
  return a.key.key < b.key.key;
}
