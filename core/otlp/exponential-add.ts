import type { Buckets, ExponentialHistogramDataPoint } from './tree.ts';

/** A series does not grow beyond so many buckets a side, whatever it is told to add: its scale falls instead. */
const MAX_BUCKETS = 4096;

/** Adds the earlier delta to the later one, on the lower of their scales and with the greater zero threshold. */
export function addExponential(before: ExponentialHistogramDataPoint, next: ExponentialHistogramDataPoint): void {
  const late = BigInt.asIntN(64, next.timeUnixNano) < BigInt.asIntN(64, before.timeUnixNano);
  const threshold = Math.max(before.zeroThreshold, next.zeroThreshold);
  const scale = commonScale(before, next);
  let zeroCount = before.zeroCount + next.zeroCount;
  const side = (name: 'positive' | 'negative'): Buckets => {
    const sum = new Map<number, bigint>();
    for (const point of [before, next]) {
      for (const [index, count] of onScale(point[name], point.scale, scale)) {
        if (threshold > point.zeroThreshold && upperBound(index, scale) <= threshold) zeroCount += count;
        else sum.set(index, (sum.get(index) ?? 0n) + count);
      }
    }
    return listOf(sum);
  };
  const sum = before.sum === undefined || next.sum === undefined ? undefined : before.sum + next.sum;
  Object.assign(next, {
    ...(late ? { timeUnixNano: before.timeUnixNano } : { startTimeUnixNano: before.startTimeUnixNano }),
    scale,
    zeroThreshold: threshold,
    count: before.count + next.count,
    sum,
    positive: side('positive'),
    negative: side('negative'),
    exemplars: [],
  });
  next.zeroCount = zeroCount;
}

/** By index on the lower scale `to`. */
export function onScale(buckets: Buckets | undefined, from: number, to: number): Map<number, bigint> {
  const counts = new Map<number, bigint>();
  const divisor = 2 ** (from - to);
  for (const [i, count] of (buckets?.bucketCounts ?? []).entries()) {
    const index = Math.floor(((buckets as Buckets).offset + i) / divisor);
    counts.set(index, (counts.get(index) ?? 0n) + count);
  }
  return counts;
}

function commonScale(before: ExponentialHistogramDataPoint, next: ExponentialHistogramDataPoint): number {
  let scale = Math.min(before.scale, next.scale);
  for (const name of ['positive', 'negative'] as const) {
    while (width(before, next, name, scale) > MAX_BUCKETS) scale--;
  }
  return scale;
}

/** How many buckets lie from the first to the last of both. */
function width(
  before: ExponentialHistogramDataPoint,
  next: ExponentialHistogramDataPoint,
  name: 'positive' | 'negative',
  scale: number,
): number {
  let first = Infinity;
  let last = -Infinity;
  for (const point of [before, next]) {
    const { offset = 0, bucketCounts = [] } = point[name] ?? {};
    if (bucketCounts.length === 0) continue;
    const divisor = 2 ** (point.scale - scale);
    first = Math.min(first, Math.floor(offset / divisor));
    last = Math.max(last, Math.floor((offset + bucketCounts.length - 1) / divisor));
  }
  return last - first + 1;
}

function listOf(counts: ReadonlyMap<number, bigint>): Buckets {
  if (counts.size === 0) return { offset: 0, bucketCounts: [] };
  const indices = [...counts.keys()];
  const offset = Math.min(...indices);
  const bucketCounts = new Array<bigint>(Math.max(...indices) - offset + 1).fill(0n);
  for (const [index, count] of counts) bucketCounts[index - offset] = count;
  return { offset, bucketCounts };
}

function upperBound(index: number, scale: number): number {
  return 2 ** ((index + 1) * 2 ** -scale);
}
