import type { DataPointReader } from '../../core/otlp/readers/data-point.ts';

export interface Buckets {
  readonly offset: number;
  readonly counts: readonly bigint[];
}

export interface ExponentialPoint {
  readonly count: bigint;
  readonly sum: number;
  readonly zeroCount: bigint;
  readonly zeroThreshold: number;
  readonly scale: number;
  readonly positive: Buckets;
  readonly negative: Buckets;
}

const INT32 = 2 ** 31;
/** From here on two buckets hold all indexes. */
const WIDEST = 32;

export function readExponential(point: DataPointReader): ExponentialPoint {
  return {
    count: point.count,
    sum: point.sum ?? 0,
    zeroCount: point.zeroCount,
    zeroThreshold: point.zeroThreshold,
    scale: point.scale,
    positive: point.buckets('positive'),
    negative: point.buckets('negative'),
  };
}

/** What came between two points; undefined where the later one is not a continuation of the earlier. */
export function exponentialDelta(value: ExponentialPoint, previous: ExponentialPoint): ExponentialPoint | undefined {
  // while values are added, the count and the zero bucket only grow and the scale only shrinks
  if (value.count < previous.count || value.zeroThreshold < previous.zeroThreshold) return undefined;
  if (value.scale > previous.scale) return undefined;
  let { positive, negative, zeroCount } = previous;
  if (value.zeroThreshold > previous.zeroThreshold) {
    const last = bucketOf(value.zeroThreshold, previous.scale);
    zeroCount += countUpTo(positive, last) + countUpTo(negative, last);
    positive = bucketsAfter(positive, last);
    negative = bucketsAfter(negative, last);
  }
  const lost = previous.scale - value.scale;
  return {
    ...value,
    count: value.count - previous.count,
    sum: value.sum - previous.sum,
    zeroCount: BigInt.asUintN(64, value.zeroCount - zeroCount),
    positive: difference(value.positive, coarsen(positive, lost)),
    negative: difference(value.negative, coarsen(negative, lost)),
  };
}

/** The bucket in which the threshold lies. */
function bucketOf(threshold: number, scale: number): number {
  const index = Math.ceil(Math.log(threshold) * (Math.LOG2E * 2 ** scale)) - 1;
  return index >= -INT32 && index < INT32 ? index : -INT32;
}

function trimmed({ offset, counts }: Buckets, last: number): number {
  return Math.max(0, Math.min(last - offset + 1, counts.length));
}

function countUpTo(buckets: Buckets, last: number): bigint {
  let sum = 0n;
  for (const count of buckets.counts.slice(0, trimmed(buckets, last))) sum += count;
  return sum;
}

function bucketsAfter(buckets: Buckets, last: number): Buckets {
  const cut = trimmed(buckets, last);
  return { offset: buckets.offset + cut, counts: buckets.counts.slice(cut) };
}

/** Joins 2^lost neighbours each. */
function coarsen({ offset, counts }: Buckets, lost: number): Buckets {
  if (lost === 0) return { offset, counts };
  const width = 2 ** Math.min(lost, WIDEST);
  const first = Math.floor(offset / width);
  const joined: bigint[] = [];
  for (const [i, count] of counts.entries()) {
    const index = Math.floor((offset + i) / width) - first;
    joined[index] = (joined[index] ?? 0n) + count;
  }
  return { offset: first, counts: joined };
}

/** From the first bucket that grew to the last; a bucket that shrank, which none should, counts as unchanged. */
function difference(value: Buckets, previous: Buckets): Buckets {
  let offset = 0;
  const counts: bigint[] = [];
  for (const [i, count] of value.counts.entries()) {
    const index = value.offset + i;
    const before = previous.counts[index - previous.offset] ?? 0n;
    if (count <= before) continue;
    if (counts.length === 0) offset = index;
    while (counts.length < index - offset) counts.push(0n);
    counts.push(count - before);
  }
  return { offset, counts };
}
