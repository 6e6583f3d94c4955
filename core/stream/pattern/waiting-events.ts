import { Heap } from '../heap.ts';
import type { Mask } from './definition.ts';

/** Parts of an event in the flat list of its time: there may be millions, too many for an object each. */
const PARTS = 3;

/** Events that `WaitingEvents.take` gave, in the order in which they came. */
class TakenEvents {
  readonly #parts: readonly (string | Mask)[];

  constructor(parts: readonly (string | Mask)[]) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#parts.length / PARTS;
  }

  key(event: number): string {
    return this.#parts[event * PARTS] as string;
  }

  mask(event: number): Mask {
    return this.#parts[event * PARTS + 1] as Mask;
  }

  data(event: number): string {
    return this.#parts[event * PARTS + 2] as string;
  }
}

/** Events until event time has come to them, by time; those of one time in the order in which they came. */
export class WaitingEvents {
  /** Times count from the first one, because small integers are faster keys. */
  #origin = Number.NaN;
  readonly #byTime = new Map<number, (string | Mask)[]>();
  readonly #times = new Heap<number>((a, b) => a < b);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The time of the earliest; Infinity where there is none. */
  get earliest(): number {
    const { first } = this.#times;
    return first === undefined ? Number.POSITIVE_INFINITY : first + this.#origin;
  }

  add(time: number, key: string, mask: Mask, data: string): void {
    this.#size++;
    if (Number.isNaN(this.#origin)) this.#origin = time;
    const since = time - this.#origin;
    const known = this.#byTime.get(since);
    if (known !== undefined) {
      known.push(key, mask, data);
      return;
    }
    this.#byTime.set(since, [key, mask, data]);
    this.#times.push(since);
  }

  /** The events of the earliest time, which are gone from here. */
  take(): TakenEvents {
    const time = this.#times.pop() as number;
    const events = new TakenEvents(this.#byTime.get(time) ?? []);
    this.#byTime.delete(time);
    this.#size -= events.length;
    return events;
  }

  *entries(): Iterable<readonly [time: number, events: TakenEvents]> {
    for (const [time, parts] of this.#byTime) yield [time + this.#origin, new TakenEvents(parts)];
  }
}
