import type { Aggregation } from './windowing.ts';

/** The values of slices, and how much memory they take, about. */
export class CountedValues<A, I> {
  bytes = 0;
  readonly #aggregation: Aggregation<A, I>;

  constructor(aggregation: Aggregation<A, I>) {
    this.#aggregation = aggregation;
  }

  create(): A {
    return this.keep(this.#aggregation.create());
  }

  /** Counts a value that was made elsewhere. */
  keep(value: A): A {
    this.bytes += this.#aggregation.size(value);
    return value;
  }

  add(into: A, item: I): void {
    const before = this.#aggregation.size(into);
    this.#aggregation.add(into, item);
    this.bytes += this.#aggregation.size(into) - before;
  }

  /** `from` is part of `into` from then on, and does not count any more. */
  join(into: A, from: A): void {
    const before = this.#aggregation.size(into);
    this.#aggregation.merge(into, from);
    this.bytes += this.#aggregation.size(into) - before;
    this.forget(from);
  }

  forget(value: A): void {
    this.bytes -= this.#aggregation.size(value);
  }
}
