import { addExponential } from '../../core/otlp/exponential-add.ts';
import type {
  ExponentialHistogramDataPoint,
  HistogramDataPoint,
  Metric,
  NumberDataPoint,
  SummaryDataPoint,
} from '../../core/otlp/tree.ts';

/** One point of a metric with what its type adds. */
export type Data =
  | { readonly kind: 'gauge'; readonly point: NumberDataPoint }
  | { readonly kind: 'sum'; readonly point: NumberDataPoint; readonly monotonic: boolean }
  | { readonly kind: 'histogram'; readonly point: HistogramDataPoint }
  | { readonly kind: 'exponential'; readonly point: ExponentialHistogramDataPoint }
  | { readonly kind: 'summary'; readonly point: SummaryDataPoint };

/** AggregationTemporality of OTLP. */
const DELTA = 1;
const CUMULATIVE = 2;

interface Point {
  readonly data: Data;
  readonly temporality: number;
}

/** The points that can be served: of sums those that are cumulative, or delta and monotonic. */
export function pointsOf(metric: Metric): readonly Point[] {
  const { gauge, sum, histogram, exponentialHistogram, summary } = metric;
  if (gauge !== undefined) return gauge.dataPoints.map((point) => of({ kind: 'gauge', point }));
  if (summary !== undefined) return summary.dataPoints.map((point) => of({ kind: 'summary', point }));
  if (histogram !== undefined) {
    return histogram.dataPoints.map((point) => of({ kind: 'histogram', point }, histogram.aggregationTemporality));
  }
  if (exponentialHistogram !== undefined) {
    const { dataPoints, aggregationTemporality } = exponentialHistogram;
    return dataPoints.map((point) => of({ kind: 'exponential', point }, aggregationTemporality));
  }
  if (sum === undefined) return [];
  const { aggregationTemporality: temporality, isMonotonic: monotonic } = sum;
  if (temporality !== CUMULATIVE && !(temporality === DELTA && monotonic)) return [];
  return sum.dataPoints.map((point) => of({ kind: 'sum', point, monotonic }, temporality));
}

function of(data: Data, temporality = 0): Point {
  return { data, temporality };
}

/** What stands after `next` has come; undefined where `next` is too old or does not fit. */
export function newer(before: Data | undefined, next: Data, temporality: number): Data | undefined {
  if (before === undefined) return next;
  switch (next.kind) {
    case 'gauge':
    case 'summary':
      return older(next, before) ? undefined : next;
    case 'sum':
      if (older(next, before)) return undefined;
      if (temporality === DELTA && before.kind === 'sum') addNumbers(before.point, next.point);
      return next;
    default:
      break;
  }
  if (temporality === CUMULATIVE) return older(next, before) ? undefined : next;
  if (temporality !== DELTA) return undefined;
  const begins = signed(next.point.startTimeUnixNano);
  const ended = signed(before.point.timeUnixNano);
  // a gap means that counting began anew; an overlap would count twice
  if (begins !== ended) return begins > ended ? next : undefined;
  if (next.kind === 'histogram' && before.kind === 'histogram') addHistograms(before.point, next.point);
  if (next.kind === 'exponential' && before.kind === 'exponential') addExponential(before.point, next.point);
  return next;
}

function older(next: Data, before: Data): boolean {
  return signed(next.point.timeUnixNano) < signed(before.point.timeUnixNano);
}

/** Times are compared as the collector does, whose times are signed. */
function signed(nanos: bigint): bigint {
  return BigInt.asIntN(64, nanos);
}

function addNumbers(before: NumberDataPoint, next: NumberDataPoint): void {
  if (next.startTimeUnixNano !== before.timeUnixNano) return;
  next.startTimeUnixNano = before.startTimeUnixNano;
  if (next.asInt !== undefined) next.asInt = BigInt.asIntN(64, next.asInt + (before.asInt ?? 0n));
  else if (next.asDouble !== undefined) next.asDouble += before.asDouble ?? 0;
}

/** Buckets with other bounds cannot be added: then counting begins anew, though since the same time. */
function addHistograms(before: HistogramDataPoint, next: HistogramDataPoint): void {
  const [first, last] =
    signed(next.timeUnixNano) < signed(before.timeUnixNano) ? [next, before] : ([before, next] as const);
  const same =
    first.explicitBounds.length === last.explicitBounds.length &&
    first.explicitBounds.every((bound, i) => bound === last.explicitBounds[i]);
  const { timeUnixNano, explicitBounds } = last;
  const sum = (last.sum ?? 0) + (same ? (first.sum ?? 0) : 0);
  const count = BigInt.asUintN(64, last.count + (same ? first.count : 0n));
  const bucketCounts = last.bucketCounts.map((n, i) =>
    BigInt.asUintN(64, n + (same ? (first.bucketCounts[i] ?? 0n) : 0n)),
  );
  const { startTimeUnixNano } = before;
  Object.assign(next, { startTimeUnixNano, timeUnixNano, explicitBounds, sum, count, bucketCounts, exemplars: [] });
}
