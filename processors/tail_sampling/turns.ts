import type { Clock } from '../../core/clock.ts';

/** Others get their turn after so much time, or so many spans, whichever is first. */
const SLICE_MILLIS = 5;
const SLICE_SPANS = 4096;

/** Divides long work of all partitions, so that together they do not keep others waiting. */
export class Turns {
  readonly #clock: Clock;
  #spans = 0;
  #since = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be called where others just had their turn. */
  begin(): void {
    this.#spans = 0;
    this.#since = this.#clock.monotonic();
  }

  /** Whether, with this work, others have waited long enough. */
  isOver(spans: number): boolean {
    this.#spans += spans + 1;
    return this.#spans >= SLICE_SPANS || this.#clock.monotonic() - this.#since >= SLICE_MILLIS;
  }

  /** Resolves in a turn of the event loop in which nobody else goes on. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve))).then(() => this.begin());
    return this.#last;
  }
}
