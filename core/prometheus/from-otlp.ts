import { onScale } from '../otlp/exponential-add.ts';
import type {
  Exemplar,
  ExponentialHistogramDataPoint,
  HistogramDataPoint,
  NumberDataPoint,
  SummaryDataPoint,
} from '../otlp/tree.ts';
import { idText } from '../otlp/value-text.ts';
import type { BucketsSample, NumberSample, PageBucket, PageExemplar, SummarySample } from './families.ts';
import type { TextLabels } from './text.ts';

/** Scales of exponential histograms that native histograms have. */
const MIN_SCHEMA = -4;
const MAX_SCHEMA = 8;
/** Where a histogram names no zero threshold. */
const DEFAULT_ZERO_THRESHOLD = 1e-128;
/** The scale that stands for histograms with bounds of their own. */
const CUSTOM_BUCKETS = -53;
const NANOS_PER_SECOND = 1_000_000_000n;

/** What a sample has beside the point's value. */
export interface SampleFrame {
  readonly labels: TextLabels;
  readonly timestampMs: number | undefined;
}

export function timestampOf(nanos: bigint): number {
  return Math.floor(Number(BigInt.asIntN(64, nanos) / 1000n) / 1000);
}

/** Exemplars are those of counters; only the last one is shown. */
export function numberSample(point: NumberDataPoint, counter: boolean, frame: SampleFrame): NumberSample {
  const value = point.asInt === undefined ? (point.asDouble ?? 0) : Number(point.asInt);
  if (!counter) return { ...frame, value };
  const exemplar = point.exemplars.at(-1);
  return {
    ...frame,
    value,
    createdNanos: created(point.startTimeUnixNano),
    exemplar: exemplar && exemplarOf(exemplar),
  };
}

export function summarySample(point: SummaryDataPoint, frame: SampleFrame): SummarySample {
  const quantiles = new Map(point.quantileValues.map(({ quantile, value }) => [quantile, value]));
  const sorted = [...quantiles].sort(([a], [b]) => a - b);
  const { count, sum, startTimeUnixNano } = point;
  return { ...frame, count, sum, quantiles: sorted, createdNanos: created(startTimeUnixNano) };
}

/** Buckets in the order of their bounds; of equal bounds the first counts. */
export function histogramSample(point: HistogramDataPoint, frame: SampleFrame): BucketsSample {
  const counts = new Map<number, bigint>();
  for (const [i, bound] of point.explicitBounds.entries()) {
    if (!counts.has(bound)) counts.set(bound, point.bucketCounts[i] ?? 0n);
  }
  let cumulative = 0n;
  const buckets: PageBucket[] = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([upperBound, count]) => {
      cumulative = BigInt.asUintN(64, cumulative + count);
      return { upperBound, cumulative };
    });
  for (const exemplar of point.exemplars) place(buckets, point.count, exemplarOf(exemplar));
  const { count, sum = 0, startTimeUnixNano } = point;
  return { ...frame, count, sum, buckets, createdNanos: created(startTimeUnixNano) };
}

function place(buckets: PageBucket[], count: bigint, exemplar: PageExemplar): void {
  const at = buckets.findIndex(({ upperBound }) => upperBound >= exemplar.value);
  if (at >= 0) buckets[at] = { ...(buckets[at] as PageBucket), exemplar };
  else buckets.push({ upperBound: Infinity, cumulative: count, exemplar });
}

/** Throws where the point cannot be a native histogram. */
export function exponentialSample(point: ExponentialHistogramDataPoint, frame: SampleFrame): BucketsSample {
  const { count, sum = 0, scale, zeroCount, zeroThreshold, startTimeUnixNano } = point;
  if (scale === CUSTOM_BUCKETS) throw new Error('unexpected exponential histogram with schema -53');
  if (scale < MIN_SCHEMA) {
    throw new Error(`cannot convert exponential to native histogram: scale must be >= -4, was ${scale}`);
  }
  const schema = Math.min(scale, MAX_SCHEMA);
  const positive = nativeIndices(onScale(point.positive, scale, schema));
  const negative = nativeIndices(onScale(point.negative, scale, schema));
  let inBuckets = zeroCount;
  for (const side of [positive, negative]) for (const n of side.values()) inBuckets += n;
  if (Number.isNaN(sum) ? inBuckets > count : inBuckets !== count) {
    throw new Error('the sum of all bucket populations exceeds the count of observations');
  }
  const exemplars = point.exemplars.map(exemplarOf);
  const native = {
    schema,
    zeroThreshold: zeroThreshold === 0 ? DEFAULT_ZERO_THRESHOLD : zeroThreshold,
    zeroCount,
    positive,
    negative,
    exemplars,
  };
  return { ...frame, count, sum, buckets: [], native, createdNanos: created(startTimeUnixNano) };
}

/** Native histograms count buckets by their upper bound, OTLP by their lower one. */
function nativeIndices(counts: ReadonlyMap<number, bigint>): Map<number, bigint> {
  return new Map([...counts].map(([index, count]) => [index + 1, count]));
}

function created(nanos: bigint): bigint | undefined {
  return BigInt.asIntN(64, nanos) >= NANOS_PER_SECOND ? nanos : undefined;
}

function exemplarOf(exemplar: Exemplar): PageExemplar {
  const labels: [string, string][] = [];
  for (const [name, id] of [
    ['trace_id', exemplar.traceId],
    ['span_id', exemplar.spanId],
  ] as const) {
    const text = idText(id);
    if (text !== '') labels.push([name, text]);
  }
  const value = exemplar.asInt === undefined ? (exemplar.asDouble ?? 0) : Number(exemplar.asInt);
  return { labels, value, timeNanos: exemplar.timeUnixNano };
}
