import { Heap } from '../heap.ts';

/**
 * Timers that are far away lie together by spans of time of so many milliseconds: 16 bytes each, while one that is
 * sorted has an object. Short enough that those of a span are few.
 */
const SPAN_MS = 1_000;

interface Due<T> {
  readonly time: number;
  readonly order: number;
  readonly item: T;
}

interface Span<T> {
  readonly times: number[];
  readonly items: T[];
}

/** Items by the time at which they are due; those of one time in the order in which they were added. */
export class Timers<T> {
  /** Those of the spans that have begun. */
  readonly #near = new Heap<Due<T>>((a, b) => a.time < b.time || (a.time === b.time && a.order < b.order));
  readonly #far = new Map<number, Span<T>>();
  readonly #spans = new Heap<number>((a, b) => a < b);
  #begun = Number.NEGATIVE_INFINITY;
  #order = 0;

  add(time: number, item: T): void {
    const span = Math.floor(time / SPAN_MS);
    if (span <= this.#begun) {
      this.#near.push({ time, order: this.#order++, item });
      return;
    }
    let far = this.#far.get(span);
    if (far === undefined) {
      far = { times: [], items: [] };
      this.#far.set(span, far);
      this.#spans.push(span);
    }
    far.times.push(time);
    far.items.push(item);
  }

  /** The next item that is due at `time`; undefined where there is none. */
  pop(time: number): T | undefined {
    const now = Math.floor(time / SPAN_MS);
    for (let span = this.#spans.first; span !== undefined && span <= now; span = this.#spans.first) {
      const first = this.#near.first;
      if (first !== undefined && first.time < span * SPAN_MS) break;
      this.#spans.pop();
      this.#begin(span);
    }
    const first = this.#near.first;
    return first !== undefined && first.time <= time ? this.#near.pop()?.item : undefined;
  }

  #begin(span: number): void {
    this.#begun = span;
    const { times, items } = this.#far.get(span) as Span<T>;
    this.#far.delete(span);
    for (let i = 0; i < times.length; i++) {
      this.#near.push({ time: times[i] as number, order: this.#order++, item: items[i] as T });
    }
  }
}
