import type { StateReader, StateWriter } from '../stream/codec.ts';

/** When series of which points were sent were sent last: where the next point of a delta begins. */
export class LastFlushes {
  readonly #most: number;
  /** The oldest first. */
  readonly #times = new Map<string, bigint>();
  /** Set by what changes it; for who keeps a copy. */
  changed = false;

  /** `most`: beyond, the oldest are forgotten. */
  constructor(most: number) {
    this.#most = most;
  }

  get(series: string): bigint | undefined {
    return this.#times.get(series);
  }

  set(series: string, time: bigint): void {
    this.changed = true;
    this.#times.delete(series);
    this.#times.set(series, time);
    if (this.#times.size <= this.#most) return;
    const [oldest] = this.#times.keys();
    if (oldest !== undefined) this.#times.delete(oldest);
  }

  encode(to: StateWriter): void {
    to.uint32(this.#times.size);
    for (const [series, time] of this.#times) to.text(series).uint64(time);
  }

  restore(from: StateReader): void {
    for (let left = from.uint32(); left > 0; left--) this.set(from.text(), from.uint64());
  }
}
