import type { StateReader, StateWriter } from '../../core/stream/codec.ts';
import { Distinct } from '../../core/stream/distinct.ts';
import { Quantiles } from '../../core/stream/quantiles.ts';
import type { Aggregation } from '../../core/stream/window/windowing.ts';

/** The numbers of a window or of a piece of it. */
export interface Numbers {
  count: number;
  sum: number;
  min: number;
  max: number;
  readonly quantiles: Quantiles | undefined;
  readonly distinct: Distinct | undefined;
}

/** One number, with the text that `distinct` counts. */
export interface Item {
  value: number;
  text: string;
}

/** With the slice and its part of the key, as measured. */
const NUMBERS_BYTES = 400;

/** What costs memory per value is kept only where it is asked for. */
export class NumberAggregation implements Aggregation<Numbers, Item> {
  readonly #quantiles: boolean;
  readonly #distinct: boolean;

  constructor(quantiles: boolean, distinct: boolean) {
    this.#quantiles = quantiles;
    this.#distinct = distinct;
  }

  create(): Numbers {
    return {
      count: 0,
      sum: 0,
      min: Number.POSITIVE_INFINITY,
      max: Number.NEGATIVE_INFINITY,
      quantiles: this.#quantiles ? new Quantiles() : undefined,
      distinct: this.#distinct ? new Distinct() : undefined,
    };
  }

  add(into: Numbers, { value, text }: Item): void {
    into.count++;
    into.sum += value;
    if (value < into.min) into.min = value;
    if (value > into.max) into.max = value;
    into.quantiles?.add(value);
    into.distinct?.add(text);
  }

  merge(into: Numbers, from: Numbers): void {
    into.count += from.count;
    into.sum += from.sum;
    into.min = Math.min(into.min, from.min);
    into.max = Math.max(into.max, from.max);
    if (from.quantiles !== undefined) into.quantiles?.merge(from.quantiles);
    if (from.distinct !== undefined) into.distinct?.merge(from.distinct);
  }

  size({ quantiles, distinct }: Numbers): number {
    return NUMBERS_BYTES + (quantiles?.bytes ?? 0) + (distinct?.bytes ?? 0);
  }

  encode({ count, sum, min, max, quantiles, distinct }: Numbers, to: StateWriter): void {
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
  decode(from: StateReader): Numbers {
    const [count, sum, min, max] = [from.double(), from.double(), from.double(), from.double()];
    const [hasQuantiles, hasDistinct] = [from.bool(), from.bool()];
    const quantiles = hasQuantiles ? Quantiles.decode(from) : undefined;
    const distinct = hasDistinct ? Distinct.decode(from) : undefined;
    return {
      ...{ count, sum, min, max },
      quantiles: this.#quantiles ? (quantiles ?? new Quantiles()) : undefined,
      distinct: this.#distinct ? (distinct ?? new Distinct()) : undefined,
    };
  }
}
