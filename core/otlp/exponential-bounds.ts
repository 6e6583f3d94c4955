import type { ExponentialHistogramDataPoint } from './tree.ts';

export interface Bucket {
  /** Bounds without sign, `low` nearer to zero. */
  readonly low: number;
  readonly high: number;
  readonly count: bigint;
}

/**
 * The buckets in the order of their values: bucket `i` of scale `s` lies between `2^(i/2^s)` and `2^((i+1)/2^s)`.
 * Bounds that are not powers of two can differ from another implementation's in the last digit.
 */
export function exponentialBounds(
  point: Pick<ExponentialHistogramDataPoint, 'scale' | 'zeroCount' | 'negative' | 'positive'>,
): { readonly negative: readonly Bucket[]; readonly positive: readonly Bucket[] } {
  const factor = Math.LN2 * 2 ** -point.scale;
  const buckets = (side: 'negative' | 'positive'): Bucket[] =>
    (point[side]?.bucketCounts ?? []).map((count, i) => {
      const index = (point[side]?.offset ?? 0) + i;
      return { low: Math.exp(index * factor), high: Math.exp((index + 1) * factor), count };
    });
  return { negative: buckets('negative').reverse(), positive: buckets('positive') };
}
