import { DataPointReader } from '../../otlp/readers/data-point.ts';
import { Groups } from '../../otlp/readers/groups.ts';
import { MetricReader, MetricType } from '../../otlp/readers/metric.ts';
import { ExemplarReader } from '../../otlp/readers/parts.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { NativeBlock } from '../native/block.ts';
import type { NumberColumn } from '../native/columns.ts';
import { appendAttributes } from '../native/nested.ts';
import { METRIC_TABLES, type MetricKind } from '../schema/otel-metrics.ts';
import { constant } from './attributes.ts';
import { Origin } from './origin.ts';
import type { Rows } from './rows.ts';

const KINDS: Readonly<Record<number, MetricKind>> = {
  [MetricType.GAUGE]: 'gauge',
  [MetricType.SUM]: 'sum',
  [MetricType.HISTOGRAM]: 'histogram',
  [MetricType.EXPONENTIAL_HISTOGRAM]: 'exponential_histogram',
  [MetricType.SUMMARY]: 'summary',
};

/** What a walk is at. */
interface Cursor {
  readonly origin: Origin;
  readonly metric: MetricReader;
  readonly point: DataPointReader;
}

/** Data points as rows of `METRIC_TABLES`, each kind in its own. A metric without data has no points. */
export function otelMetrics(): Rows {
  const groups = new Groups();
  const at: Cursor = { origin: new Origin(groups), metric: new MetricReader(), point: new DataPointReader() };
  const kinds = Object.keys(METRIC_TABLES) as MetricKind[];
  const blocks = kinds.map((table) => ({ table, block: new NativeBlock(METRIC_TABLES[table]) }));
  const writers = new Map(blocks.map(({ table, block }) => [table, metricWriter(table, block, at)]));

  function append(batch: Telemetry): void {
    groups.open(batch);
    while (groups.nextResource()) {
      while (groups.nextScope()) {
        at.origin.readScope();
        while (groups.nextMember()) {
          at.metric.read(groups.buffer, groups.memberStart, groups.memberEnd);
          const kind = KINDS[at.metric.type];
          if (kind !== undefined) writers.get(kind)?.();
        }
      }
    }
  }
  return { append, blocks };
}

/** Writes all points of the metric; what the points share is written once. */
function metricWriter(kind: MetricKind, block: NativeBlock, at: Cursor): () => void {
  const { metric, point } = at;
  const shared = sharedColumns(kind, block, at);
  const attributes = block.map('Attributes');
  const startTime = block.number('StartTimeUnix');
  const time = block.number('TimeUnix');
  const flags = block.number('Flags');
  const appendValue = VALUES[kind](block, point);
  const appendExemplars = kind === 'summary' ? () => {} : exemplarColumns(block, point);
  return () => {
    let rows = 0;
    for (; metric.nextPoint(); rows++) {
      point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
      appendAttributes(attributes, point.attributes);
      startTime.bits64(point.buffer, point.startTimeAt);
      time.bits64(point.buffer, point.timeAt);
      flags.int32(point.flags);
      appendValue();
      appendExemplars();
    }
    if (rows > 0) shared(rows);
    block.rows += rows;
  };
}

function sharedColumns(kind: MetricKind, block: NativeBlock, { origin, metric }: Cursor): (rows: number) => void {
  const resource = block.map('ResourceAttributes');
  const resourceSchema = block.string('ResourceSchemaUrl');
  const scopeName = block.string('ScopeName');
  const scopeVersion = block.string('ScopeVersion');
  const scope = block.map('ScopeAttributes');
  const dropped = block.number('ScopeDroppedAttrCount');
  const scopeSchema = block.string('ScopeSchemaUrl');
  const service = block.string('ServiceName');
  const name = block.string('MetricName');
  const description = block.string('MetricDescription');
  const unit = block.string('MetricUnit');
  const ofKind: [NumberColumn, (column: NumberColumn) => void][] = [];
  if (kind !== 'gauge' && kind !== 'summary')
    ofKind.push([block.number('AggregationTemporality'), (column) => column.int32(metric.temporality)]);
  if (kind === 'sum') ofKind.push([block.number('IsMonotonic'), (column) => column.byte(metric.monotonic ? 1 : 0)]);
  return (rows) => {
    constant(resource, rows, (column) => appendAttributes(column, origin.resource));
    constant(resourceSchema, rows, (column) => origin.appendResourceSchema(column));
    constant(scopeName, rows, (column) => origin.appendScopeName(column));
    constant(scopeVersion, rows, (column) => origin.appendScopeVersion(column));
    constant(scope, rows, (column) => appendAttributes(column, origin.scope.attributes));
    constant(dropped, rows, (column) => column.int32(origin.droppedScopeAttributes));
    constant(scopeSchema, rows, (column) => origin.appendScopeSchema(column));
    constant(service, rows, (column) => origin.appendServiceName(column));
    constant(name, rows, (column) => column.range(metric.buffer, metric.nameStart, metric.nameEnd));
    constant(description, rows, (column) =>
      column.range(metric.buffer, metric.descriptionStart, metric.descriptionEnd),
    );
    constant(unit, rows, (column) => column.range(metric.buffer, metric.unitStart, metric.unitEnd));
    for (const [column, append] of ofKind) constant(column, rows, append);
  };
}

type ValueColumns = (block: NativeBlock, point: DataPointReader) => () => void;

const VALUES: Readonly<Record<MetricKind, ValueColumns>> = {
  gauge: numberColumns,
  sum: numberColumns,
  summary: summaryColumns,
  histogram: histogramColumns,
  exponential_histogram: exponentialColumns,
};

/** A double as it is; an integer as the nearest double. */
function numberColumns(block: NativeBlock, point: DataPointReader): () => void {
  const value = block.number('Value');
  return () => (point.isInteger ? value.double(point.value) : value.bits64(point.buffer, point.valueAt));
}

function countAndSum(block: NativeBlock, point: DataPointReader): () => void {
  const count = block.number('Count');
  const sum = block.number('Sum');
  return () => {
    count.bits64(point.buffer, point.countAt);
    sum.bits64(point.buffer, point.sumAt);
  };
}

function extremes(block: NativeBlock, point: DataPointReader): () => void {
  const min = block.number('Min');
  const max = block.number('Max');
  return () => {
    min.bits64(point.buffer, point.minAt);
    max.bits64(point.buffer, point.maxAt);
  };
}

function summaryColumns(block: NativeBlock, point: DataPointReader): () => void {
  const appendSum = countAndSum(block, point);
  const quantiles = block.numbers('ValueAtQuantiles.Quantile');
  const values = block.numbers('ValueAtQuantiles.Value');
  return () => {
    appendSum();
    const entries = point.quantiles();
    for (const entry of entries) {
      quantiles.element.double(entry.quantile);
      values.element.double(entry.value);
    }
    quantiles.end(entries.length);
    values.end(entries.length);
  };
}

function histogramColumns(block: NativeBlock, point: DataPointReader): () => void {
  const appendSum = countAndSum(block, point);
  const counts = block.numbers('BucketCounts');
  const bounds = block.numbers('ExplicitBounds');
  const appendExtremes = extremes(block, point);
  return () => {
    appendSum();
    const bucketCounts = point.bucketCounts();
    for (const count of bucketCounts) counts.element.bigint(count);
    counts.end(bucketCounts.length);
    const explicitBounds = point.explicitBounds();
    for (const bound of explicitBounds) bounds.element.double(bound);
    bounds.end(explicitBounds.length);
    appendExtremes();
  };
}

function exponentialColumns(block: NativeBlock, point: DataPointReader): () => void {
  const appendSum = countAndSum(block, point);
  const scale = block.number('Scale');
  const zeroCount = block.number('ZeroCount');
  const signs = (['positive', 'negative'] as const).map((sign) => {
    const name = sign === 'positive' ? 'Positive' : 'Negative';
    return { sign, offset: block.number(`${name}Offset`), counts: block.numbers(`${name}BucketCounts`) };
  });
  const appendExtremes = extremes(block, point);
  return () => {
    appendSum();
    scale.int32(point.scale);
    zeroCount.bits64(point.buffer, point.zeroCountAt);
    for (const { sign, offset, counts } of signs) {
      const buckets = point.buckets(sign);
      offset.int32(buckets.offset);
      for (const count of buckets.counts) counts.element.bigint(count);
      counts.end(buckets.counts.length);
    }
    appendExtremes();
  };
}

/** Ids of exemplars are zeros in hex where there are none, as the collector has it. */
function exemplarColumns(block: NativeBlock, point: DataPointReader): () => void {
  const exemplar = new ExemplarReader();
  const attributes = block.maps('Exemplars.FilteredAttributes');
  const times = block.numbers('Exemplars.TimeUnix');
  const values = block.numbers('Exemplars.Value');
  const spanIds = block.strings('Exemplars.SpanId');
  const traceIds = block.strings('Exemplars.TraceId');
  return () => {
    const { exemplars } = point;
    let count = 0;
    for (; exemplars.next(); count++) {
      exemplar.read(exemplars.buffer, exemplars.messageStart, exemplars.messageEnd);
      const { buffer, spanIdAt, traceIdAt } = exemplar;
      appendAttributes(attributes.element, exemplar.attributes);
      times.element.bits64(buffer, exemplar.timeAt);
      if (exemplar.isInteger) values.element.double(exemplar.value);
      else values.element.bits64(buffer, exemplar.valueAt);
      if (spanIdAt < 0) spanIds.element.hex(ZEROS, 0, 8);
      else spanIds.element.hex(buffer, spanIdAt, 8);
      if (traceIdAt < 0) traceIds.element.hex(ZEROS, 0, 16);
      else traceIds.element.hex(buffer, traceIdAt, 16);
    }
    for (const column of [attributes, times, values, spanIds, traceIds]) column.end(count);
  };
}

const ZEROS = Buffer.alloc(16);
