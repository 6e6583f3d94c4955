import { grown } from '../../core/series/columns.ts';
import type { StateReader, StateWriter } from '../../core/stream/codec.ts';
import { Distinct } from '../../core/stream/distinct.ts';
import { Quantiles } from '../../core/stream/quantiles.ts';
import type { Aggregation } from '../../core/stream/window/windowing.ts';

/** The numbers of a window or of a piece of it. */
export interface Numbers {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly quantiles: Quantiles | undefined;
  readonly distinct: Distinct | undefined;
}

/** One number, with the text that `distinct` counts. */
export interface Item {
  value: number;
  text: string;
}

/** With the slice and its part of the key, as measured. */
const NUMBERS_BYTES = 240;

/** Of a row: count, sum, least and greatest value. */
const STRIDE = 4;

/** What costs memory per value is kept only where it is asked for. */
export class NumberAggregation implements Aggregation<Item> {
  #numbers = new Float64Array(0);
  readonly #quantiles: (Quantiles | undefined)[] | undefined;
  readonly #distinct: (Distinct | undefined)[] | undefined;

  constructor(quantiles: boolean, distinct: boolean) {
    this.#quantiles = quantiles ? [] : undefined;
    this.#distinct = distinct ? [] : undefined;
  }

  begin(row: number): void {
    this.#set(row, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    if (this.#quantiles !== undefined) this.#quantiles[row] = new Quantiles();
    if (this.#distinct !== undefined) this.#distinct[row] = new Distinct();
  }

  add(into: number, { value, text }: Item): void {
    const numbers = this.#numbers;
    const at = into * STRIDE;
    numbers[at] = (numbers[at] as number) + 1;
    numbers[at + 1] = (numbers[at + 1] as number) + value;
    if (value < (numbers[at + 2] as number)) numbers[at + 2] = value;
    if (value > (numbers[at + 3] as number)) numbers[at + 3] = value;
    this.#quantiles?.[into]?.add(value);
    this.#distinct?.[into]?.add(text);
  }

  merge(into: number, from: number): void {
    const [a, b] = [this.numbers(into), this.numbers(from)];
    this.#set(into, a.count + b.count, a.sum + b.sum, Math.min(a.min, b.min), Math.max(a.max, b.max));
    if (b.quantiles !== undefined) a.quantiles?.merge(b.quantiles);
    if (b.distinct !== undefined) a.distinct?.merge(b.distinct);
  }

  size(row: number): number {
    return NUMBERS_BYTES + (this.#quantiles?.[row]?.bytes ?? 0) + (this.#distinct?.[row]?.bytes ?? 0);
  }

  end(row: number): void {
    if (this.#quantiles !== undefined) this.#quantiles[row] = undefined;
    if (this.#distinct !== undefined) this.#distinct[row] = undefined;
  }

  /** As they are now. */
  numbers(row: number): Numbers {
    const numbers = this.#numbers;
    const at = row * STRIDE;
    return {
      count: numbers[at] as number,
      sum: numbers[at + 1] as number,
      min: numbers[at + 2] as number,
      max: numbers[at + 3] as number,
      quantiles: this.#quantiles?.[row],
      distinct: this.#distinct?.[row],
    };
  }

  encode(row: number, to: StateWriter): void {
    const { count, sum, min, max, quantiles, distinct } = this.numbers(row);
    to.double(count)
      .double(sum)
      .double(min)
      .double(max)
      .bool(quantiles !== undefined)
      .bool(distinct !== undefined);
    quantiles?.encode(to);
    distinct?.encode(to);
  }

  /** What is asked for now and was not when the snapshot was taken begins empty. */
  decode(row: number, from: StateReader): void {
    this.begin(row);
    this.#set(row, from.double(), from.double(), from.double(), from.double());
    const [hasQuantiles, hasDistinct] = [from.bool(), from.bool()];
    const quantiles = hasQuantiles ? Quantiles.decode(from) : undefined;
    const distinct = hasDistinct ? Distinct.decode(from) : undefined;
    if (this.#quantiles !== undefined && quantiles !== undefined) this.#quantiles[row] = quantiles;
    if (this.#distinct !== undefined && distinct !== undefined) this.#distinct[row] = distinct;
  }

  #set(row: number, count: number, sum: number, min: number, max: number): void {
    const at = row * STRIDE;
    if (at + STRIDE > this.#numbers.length) this.#numbers = grown(this.#numbers, at + STRIDE);
    const numbers = this.#numbers;
    numbers[at] = count;
    numbers[at + 1] = sum;
    numbers[at + 2] = min;
    numbers[at + 3] = max;
  }
}
