import { Heap } from '../heap.ts';

/** Events until event time has come to them, by time; those of one time in the order in which they came. */
export class WaitingEvents<T> {
  readonly #byTime = new Map<number, T[]>();
  readonly #times = new Heap<number>((a, b) => a < b);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The time of the earliest; Infinity where there is none. */
  get earliest(): number {
    return this.#times.first ?? Number.POSITIVE_INFINITY;
  }

  add(time: number, event: T): void {
    this.#size++;
    const known = this.#byTime.get(time);
    if (known !== undefined) {
      known.push(event);
      return;
    }
    this.#byTime.set(time, [event]);
    this.#times.push(time);
  }

  /** The events of the earliest time, which are gone from here. */
  take(): readonly T[] {
    const time = this.#times.pop();
    if (time === undefined) return [];
    const events = this.#byTime.get(time) ?? [];
    this.#byTime.delete(time);
    this.#size -= events.length;
    return events;
  }

  *entries(): Iterable<readonly [time: number, events: readonly T[]]> {
    yield* this.#byTime;
  }
}
