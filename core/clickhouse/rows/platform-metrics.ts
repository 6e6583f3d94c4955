import { DataPointReader, NO_RECORDED_VALUE } from '../../otlp/readers/data-point.ts';
import { Groups } from '../../otlp/readers/groups.ts';
import { MetricReader, MetricType, Temporality } from '../../otlp/readers/metric.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { NativeBlock } from '../native/block.ts';
import { appendAttributes } from '../native/nested.ts';
import { PLATFORM_TABLES } from '../schema/platform.ts';
import { Origin } from './origin.ts';
import { explicitBuckets, exponentialBuckets, quantileOf } from './quantiles.ts';
import type { Rows } from './rows.ts';

const NANOS_PER_SECOND = 1_000_000_000n;

/** What a point comes to. */
interface Aggregate {
  count: bigint;
  sum: number;
  min: number;
  max: number;
  p95: number;
  p99: number;
}

/**
 * Points as rows of the platform. A gauge or sum is one value. Histograms and summaries are windows: their quantiles
 * are those they name, or lie in their buckets. Points without a value are left out.
 */
export function platformMetrics(): Rows {
  const block = new NativeBlock(PLATFORM_TABLES.aggregated_metrics.table);
  const groups = new Groups();
  const origin = new Origin(groups);
  const metric = new MetricReader();
  const point = new DataPointReader();
  const appendPoint = pointColumns(block, origin, metric, point);

  function append(batch: Telemetry): void {
    groups.open(batch);
    while (groups.nextResource()) {
      while (groups.nextScope()) {
        while (groups.nextMember()) {
          metric.read(groups.buffer, groups.memberStart, groups.memberEnd);
          while (metric.nextPoint()) {
            point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
            if ((point.flags & NO_RECORDED_VALUE) === 0) appendPoint();
          }
        }
      }
    }
  }
  return { append, blocks: [{ table: 'aggregated_metrics', block }] };
}

function pointColumns(block: NativeBlock, origin: Origin, metric: MetricReader, point: DataPointReader): () => void {
  const service = block.string('service_name');
  const name = block.string('metric_name');
  const time = block.number('timestamp');
  const window = block.number('window_size');
  const count = block.number('count');
  const sum = block.number('sum');
  const avg = block.number('avg');
  const rest = (['min', 'max', 'p95', 'p99'] as const).map((key) => [key, block.number(key)] as const);
  const tags = block.map('tags');
  return () => {
    const aggregate = aggregateOf(point);
    origin.appendServiceName(service);
    name.range(metric.buffer, metric.nameStart, metric.nameEnd);
    time.int32(Number(point.timeUnixNano / NANOS_PER_SECOND));
    window.int32(windowOf(metric, point));
    count.bigint(aggregate.count);
    sum.double(aggregate.sum);
    avg.double(aggregate.count === 0n ? 0 : aggregate.sum / Number(aggregate.count));
    for (const [key, column] of rest) column.double(aggregate[key]);
    appendAttributes(tags, point.attributes);
    block.rows++;
  };
}

/** Seconds that the point tells of; 0 for one value, and for what has been added up since a start. */
function windowOf(
  { type, temporality }: MetricReader,
  { startTimeUnixNano: start, timeUnixNano: end }: DataPointReader,
) {
  const aggregated = type === MetricType.SUMMARY || temporality === Temporality.DELTA;
  if (!aggregated || type === MetricType.SUM || start === 0n || end <= start) return 0;
  return Number((end - start) / NANOS_PER_SECOND);
}

function aggregateOf(point: DataPointReader): Aggregate {
  switch (point.type) {
    case MetricType.SUMMARY:
      return ofSummary(point);
    case MetricType.HISTOGRAM:
    case MetricType.EXPONENTIAL_HISTOGRAM:
      return ofHistogram(point);
    default: {
      const { value } = point;
      return { count: 1n, sum: value, min: value, max: value, p95: value, p99: value };
    }
  }
}

function ofSummary(point: DataPointReader): Aggregate {
  const quantiles = point.quantiles().sort((a, b) => a.quantile - b.quantile);
  // the nearest that is not below, as a quantile that is not there lies between its neighbours
  const at = (quantile: number) => (quantiles.find((q) => q.quantile >= quantile) ?? quantiles.at(-1))?.value ?? 0;
  return { count: point.count, sum: point.sum ?? 0, min: at(0), max: at(1), p95: at(0.95), p99: at(0.99) };
}

function ofHistogram(point: DataPointReader): Aggregate {
  const buckets = point.type === MetricType.HISTOGRAM ? explicitBuckets(point) : exponentialBuckets(point);
  const min = point.min ?? buckets[0]?.low ?? 0;
  const max = point.max ?? buckets.at(-1)?.high ?? 0;
  const at = (quantile: number) => Math.min(Math.max(quantileOf(buckets, quantile), min), max);
  return { count: point.count, sum: point.sum ?? 0, min, max, p95: at(0.95), p99: at(0.99) };
}
