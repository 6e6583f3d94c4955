import type { Clock, Timer } from '../clock.ts';

interface Entry extends Timer {
  due: number;
  readonly order: number;
  readonly period: number | undefined;
  readonly callback: () => void;
}

/** Turns of the event loop in which promises, microtasks and I/O that is ready get to run. */
const SETTLE_TURNS = 3;

/** Lets everything run that does not wait for time. */
export async function settle(turns = SETTLE_TURNS): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #orders = 0;
  readonly #epoch: number;
  readonly #entries = new Set<Entry>();

  /** @param epoch what `now()` says at first, in milliseconds since 1970; the default is 2020-02-11T20:26:12Z. */
  constructor(epoch = 1_581_452_772_000) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  nowNanos(): bigint {
    return BigInt(Math.round(this.now() * 1000)) * 1000n;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, callback: () => void): Timer {
    return this.#add(ms, undefined, callback);
  }

  every(ms: number, callback: () => void): Timer {
    return this.#add(ms, Math.max(ms, 1), callback);
  }

  /** Timers that were started and have neither fired nor been cancelled: 0 after a clean shutdown. */
  get pending(): number {
    return this.#entries.size;
  }

  /** Moves time on and calls what falls due, in order, before it returns. */
  advance(ms: number): void {
    const target = this.#elapsed + ms;
    while (this.#fireNext(target)) {}
    this.#elapsed = Math.max(this.#elapsed, target);
  }

  /** As `advance`, but lets promises settle after each timer, so that timers which they start count as well. */
  async advanceAsync(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await settle();
    while (this.#fireNext(target)) await settle();
    this.#elapsed = Math.max(this.#elapsed, target);
    await settle();
  }

  /** Moves time on without calling anything: what a computation takes. To be called by what a timer calls. */
  pass(ms: number): void {
    this.#elapsed += ms;
  }

  #add(ms: number, period: number | undefined, callback: () => void): Timer {
    const entry: Entry = {
      due: this.#elapsed + Math.max(0, ms),
      order: this.#orders++,
      period,
      callback,
      cancel: () => this.#entries.delete(entry),
    };
    this.#entries.add(entry);
    return entry;
  }

  #fireNext(target: number): boolean {
    let next: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.due > target) continue;
      if (next === undefined || entry.due < next.due || (entry.due === next.due && entry.order < next.order))
        next = entry;
    }
    if (next === undefined) return false;
    this.#elapsed = Math.max(this.#elapsed, next.due);
    if (next.period === undefined) this.#entries.delete(next);
    else next.due += next.period;
    next.callback();
    return true;
  }
}
