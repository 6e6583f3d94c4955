import type { DataPointReader } from '../../otlp/readers/data-point.ts';

/** How many values are from `low` to `high`. */
export interface Bucket {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** The buckets that are not empty, in order. The outer ones of a histogram have no end, so they end at its extremes. */
export function explicitBuckets(point: DataPointReader): Bucket[] {
  const bounds = point.explicitBounds();
  const first = bounds[0] ?? 0;
  const last = bounds.at(-1) ?? 0;
  const buckets = point.bucketCounts().map((count, i) => ({
    low: i === 0 ? (point.min ?? Math.min(first, 0)) : (bounds[i - 1] as number),
    high: bounds[i] ?? point.max ?? last,
    count: Number(count),
  }));
  return buckets.filter(({ count }) => count > 0);
}

export function exponentialBuckets(point: DataPointReader): Bucket[] {
  // the bound of a bucket is a power of 2^(2^-scale)
  const bound = (index: number) => 2 ** (index * 2 ** -point.scale);
  const { offset: above, counts: positive } = point.buckets('positive');
  const { offset: below, counts: negative } = point.buckets('negative');
  const threshold = point.zeroThreshold;
  const buckets = [
    ...negative
      .map((count, i) => ({ low: -bound(below + i + 1), high: -bound(below + i), count: Number(count) }))
      .reverse(),
    { low: -threshold, high: threshold, count: Number(point.zeroCount) },
    ...positive.map((count, i) => ({ low: bound(above + i), high: bound(above + i + 1), count: Number(count) })),
  ];
  return buckets.filter(({ count }) => count > 0);
}

/** The value below which the share `quantile` lies, if values are spread evenly over their bucket; 0 without values. */
export function quantileOf(buckets: readonly Bucket[], quantile: number): number {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let rank = quantile * total;
  for (const { low, high, count } of buckets) {
    // a bucket without an end has no middle either
    if (rank <= count) return Number.isFinite(high - low) ? low + (high - low) * (rank / count) : low;
    rank -= count;
  }
  return buckets.at(-1)?.high ?? 0;
}
