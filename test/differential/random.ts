import { seededRandom } from '../../core/testing/random-telemetry.ts';

/** Choices that a seed decides. */
export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** From `least` to `most` results of `make`. */
  list<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }

  /** Different members of `from`, in random order. */
  some<T>(from: readonly T[], least: number, most: number): T[] {
    const left = [...from];
    return this.list(least, Math.min(most, from.length), () => left.splice(this.below(left.length), 1)[0] as T);
  }

  /** `{ key: make() }` with this probability, else nothing: for optional keys. */
  maybe<T>(probability: number, key: string, make: () => T): Record<string, T> {
    return this.chance(probability) ? { [key]: make() } : {};
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
