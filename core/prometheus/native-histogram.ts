import { PageError } from './parse/page.ts';

/** Counts of neighbouring buckets, the first and the last of which are not 0; empty where there are none. */
export interface NativeBuckets {
  /** Index of the first bucket: bucket `i` of schema `s` ends at `2^(i/2^s)`. */
  readonly first: number;
  readonly counts: readonly number[];
}

/** A histogram with exponential buckets, as Prometheus has them. */
export interface NativeHistogram {
  readonly schema: number;
  readonly count: number;
  readonly sum: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly positive: NativeBuckets;
  readonly negative: NativeBuckets;
  /** Not counters but a state, which OTLP has no form for. */
  readonly gauge: boolean;
}

export interface Span {
  /** From the end of the span before, of the first one from 0. */
  readonly offset: number;
  readonly length: number;
}

/** The coarsest schema. */
export const MIN_SCHEMA = -4;
/** The finest schema. */
export const MAX_SCHEMA = 8;

/** More would take memory for nothing: at the finest schema 2^17 buckets hold all numbers there are. */
const MAX_BUCKETS = 1 << 18;

const NO_BUCKETS: NativeBuckets = { first: 0, counts: [] };

/** The buckets of spans; `counts` are those of all spans one after another. */
export function bucketsOf(spans: readonly Span[], counts: readonly number[]): NativeBuckets {
  const dense: number[] = [];
  let next = 0;
  for (const [i, { offset, length }] of spans.entries()) {
    if (i > 0) {
      if (dense.length + offset + length > MAX_BUCKETS) throw new PageError('native histogram has too many buckets');
      for (let empty = 0; empty < offset; empty++) dense.push(0);
    }
    for (let bucket = 0; bucket < length; bucket++) dense.push(counts[next++] ?? 0);
  }
  return trimmed(spans[0]?.offset ?? 0, dense);
}

function trimmed(first: number, counts: readonly number[]): NativeBuckets {
  const start = counts.findIndex((count) => count !== 0);
  if (start < 0) return NO_BUCKETS;
  const end = counts.findLastIndex((count) => count !== 0) + 1;
  return { first: first + start, counts: start === 0 && end === counts.length ? counts : counts.slice(start, end) };
}

/** The same counts in the buckets of a coarser schema. */
export function atSchema(histogram: NativeHistogram, schema: number): NativeHistogram {
  const shift = histogram.schema - schema;
  const positive = merged(histogram.positive, shift);
  return { ...histogram, schema, positive, negative: merged(histogram.negative, shift) };
}

function merged({ first, counts }: NativeBuckets, shift: number): NativeBuckets {
  if (counts.length === 0) return NO_BUCKETS;
  const target = (index: number) => ((index - 1) >> shift) + 1;
  const start = target(first);
  const result = new Array<number>(target(first + counts.length - 1) - start + 1).fill(0);
  for (const [i, count] of counts.entries()) {
    const at = target(first + i) - start;
    result[at] = (result[at] as number) + count;
  }
  return { first: start, counts: result };
}

/**
 * The histogram with at most `limit` buckets that are not empty, which may make them coarser; undefined where even
 * the coarsest schema has more.
 */
export function withinLimit(histogram: NativeHistogram, limit: number): NativeHistogram | undefined {
  let fitting = histogram;
  while (filled(fitting.positive) + filled(fitting.negative) > limit) {
    if (fitting.schema <= MIN_SCHEMA) return undefined;
    fitting = atSchema(fitting, fitting.schema - 1);
  }
  return fitting;
}

const filled = ({ counts }: NativeBuckets): number => counts.reduce((sum, count) => sum + (count === 0 ? 0 : 1), 0);

/** The finest schema whose buckets grow by at least this factor; 0 is no wish. */
export function schemaFor(factor: number): number {
  const floor = Math.floor(-Math.log2(Math.log2(factor <= 1 ? 1.00271 : factor)));
  return Math.min(Math.max(floor, MIN_SCHEMA), MAX_SCHEMA);
}
