import type { Clock } from '../../core/clock.ts';
import type { LogLevel, LogSampling } from './types.ts';

/** Different messages of one tick that are counted; messages are fixed sentences, so few ever come near it. */
const MAX_MESSAGES = 4096;

/** Holds back a message that repeats itself, so that a failing peer does not fill the disk. */
export class LogSampler {
  readonly #settings: LogSampling;
  readonly #clock: Clock;
  readonly #counts = new Map<string, { count: number; ends: number }>();

  constructor(settings: LogSampling, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  passes(level: LogLevel, message: string): boolean {
    const { tick, initial, thereafter } = this.#settings;
    const now = this.#clock.monotonic();
    const key = level + message;
    let entry = this.#counts.get(key);
    if (entry === undefined) {
      if (this.#counts.size >= MAX_MESSAGES) this.#counts.clear();
      entry = { count: 0, ends: now + tick };
      this.#counts.set(key, entry);
    } else if (now >= entry.ends) {
      entry.count = 0;
      entry.ends = now + tick;
    }
    entry.count++;
    if (entry.count <= initial) return true;
    return thereafter > 0 && (entry.count - initial) % thereafter === 0;
  }
}
