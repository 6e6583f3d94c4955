import type { StateReader, StateWriter } from './codec.ts';

/** Up to so many values quantiles are exact; 8 KiB. */
export const EXACT_VALUES = 1_024;
/** Beyond, a quantile is at most this far from the value of that rank, relative to it. */
export const RELATIVE_ERROR = 0.01;

/** Bucket i has the values in (GAMMA^(i-1), GAMMA^i]. Source: Masson et al., "DDSketch", VLDB 2019, section 2. */
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Smaller ones count as zero, so that there are at most 70,000 buckets, and far fewer in practice. */
const SMALLEST = 1e-300;

/** An empty one, and an entry of a Map of numbers, as measured. */
const QUANTILES_BYTES = 200;
const BUCKET_BYTES = 40;

/** The distribution of numbers: all of them as long as they are few, then how many there are of each size. */
export class Quantiles {
  #values: number[] | undefined = [];
  #buckets: Map<number, number> | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Of memory, about. */
  get bytes(): number {
    return QUANTILES_BYTES + (this.#values?.length ?? 0) * 8 + (this.#buckets?.size ?? 0) * BUCKET_BYTES;
  }

  get isExact(): boolean {
    return this.#values !== undefined;
  }

  /** NaN is left out. */
  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.#count++;
    if (this.#values === undefined) this.#put(bucketOf(value), 1);
    else {
      this.#values.push(value);
      if (this.#values.length > EXACT_VALUES) this.#approximate();
    }
  }

  /** `from` stays as it is. */
  merge(from: Quantiles): void {
    if (from.#values !== undefined) {
      for (const value of from.#values) this.add(value);
      return;
    }
    this.#approximate();
    this.#count += from.#count;
    for (const [bucket, count] of from.#buckets ?? []) this.#put(bucket, count);
  }

  /** The value of rank ceil(q·n), for 0 < q <= 1; undefined where there are no values. */
  quantile(q: number): number | undefined {
    if (this.#count === 0) return undefined;
    // integer arithmetic for the percentiles that are asked for: 0.95 · 20 is 19, not 19.000000000000004
    const rank = Math.max(Math.ceil((Math.round(q * 10_000) * this.#count) / 10_000), 1);
    if (this.#values !== undefined) return this.#values.sort((a, b) => a - b)[rank - 1];
    let seen = 0;
    for (const bucket of [...(this.#buckets?.keys() ?? [])].sort((a, b) => a - b)) {
      seen += this.#buckets?.get(bucket) ?? 0;
      if (seen >= rank) return middleOf(bucket);
    }
    return undefined;
  }

  encode(to: StateWriter): void {
    const values = this.#values;
    to.bool(values !== undefined);
    if (values !== undefined) {
      to.uint32(values.length);
      for (const value of values) to.double(value);
      return;
    }
    to.uint32(this.#buckets?.size ?? 0);
    for (const [bucket, count] of this.#buckets ?? []) to.double(bucket).double(count);
  }

  static decode(from: StateReader): Quantiles {
    const quantiles = new Quantiles();
    const exact = from.bool();
    if (!exact) quantiles.#approximate();
    for (let left = from.uint32(); left > 0; left--) {
      if (exact) quantiles.add(from.double());
      else {
        const bucket = from.double();
        const count = from.double();
        quantiles.#put(bucket, count);
        quantiles.#count += count;
      }
    }
    return quantiles;
  }

  #approximate(): void {
    const values = this.#values ?? [];
    this.#values = undefined;
    this.#buckets ??= new Map();
    for (const value of values) this.#put(bucketOf(value), 1);
  }

  #put(bucket: number, count: number): void {
    this.#buckets?.set(bucket, (this.#buckets.get(bucket) ?? 0) + count);
  }
}

/** Buckets of positive numbers lie above `MIDDLE`, those of negative ones mirrored below, zero is in the middle. */
const MIDDLE = 0;
const OFFSET = 1 << 16;

function bucketOf(value: number): number {
  const size = Math.abs(value);
  if (size < SMALLEST) return MIDDLE;
  const index = Math.ceil(Math.log(Math.min(size, Number.MAX_VALUE)) / LOG_GAMMA) + OFFSET;
  return value > 0 ? index : -index;
}

/** The value that is nearest, in relation, to both ends of the bucket. */
function middleOf(bucket: number): number {
  if (bucket === MIDDLE) return 0;
  const size = (2 * Math.exp((Math.abs(bucket) - OFFSET) * LOG_GAMMA)) / (GAMMA + 1);
  return bucket > 0 ? size : -size;
}
