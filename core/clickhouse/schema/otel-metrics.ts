import { ATTRIBUTES, attributeIndexes, bloom, column, SETTINGS, TEXT, ZSTD } from './otel.ts';
import type { Column, Table } from './table.ts';

const DELTA = `Delta, ${ZSTD}`;
const FLAGS = column('Flags', 'UInt32');
const TEMPORALITY = column('AggregationTemporality', 'Int32');
const SUM = [column('Count', 'UInt64', undefined, DELTA), column('Sum', 'Float64')];
const EXTREMES = [column('Min', 'Float64'), column('Max', 'Float64')];
const EXEMPLARS = [
  column('Exemplars.FilteredAttributes', `Array(${ATTRIBUTES})`),
  column('Exemplars.TimeUnix', 'Array(DateTime64(9))'),
  column('Exemplars.Value', 'Array(Float64)'),
  column('Exemplars.SpanId', 'Array(String)'),
  column('Exemplars.TraceId', 'Array(String)'),
];

function metricsTable(own: readonly Column[]): Table {
  return {
    columns: [
      column('ResourceAttributes', ATTRIBUTES),
      column('ResourceSchemaUrl', 'String'),
      column('ScopeName', 'String'),
      column('ScopeVersion', 'String'),
      column('ScopeAttributes', ATTRIBUTES),
      column('ScopeDroppedAttrCount', 'UInt32'),
      column('ScopeSchemaUrl', 'String'),
      column('ServiceName', TEXT),
      column('MetricName', 'String'),
      column('MetricDescription', 'String'),
      column('MetricUnit', 'String'),
      column('Attributes', ATTRIBUTES),
      column('StartTimeUnix', 'DateTime64(9)', undefined, DELTA),
      column('TimeUnix', 'DateTime64(9)', undefined, DELTA),
      ...own,
    ],
    indexes: attributeIndexes(bloom, {
      res_attr: 'ResourceAttributes',
      scope_attr: 'ScopeAttributes',
      attr: 'Attributes',
    }),
    partitionBy: 'toDate(TimeUnix)',
    orderBy: '(ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))',
    settings: SETTINGS,
  };
}

export type MetricKind = 'gauge' | 'sum' | 'summary' | 'histogram' | 'exponential_histogram';

export const METRIC_TABLES: Readonly<Record<MetricKind, Table>> = {
  gauge: metricsTable([column('Value', 'Float64'), FLAGS, ...EXEMPLARS]),
  sum: metricsTable([
    column('Value', 'Float64'),
    FLAGS,
    ...EXEMPLARS,
    TEMPORALITY,
    column('IsMonotonic', 'Bool', undefined, DELTA),
  ]),
  summary: metricsTable([
    ...SUM,
    column('ValueAtQuantiles.Quantile', 'Array(Float64)'),
    column('ValueAtQuantiles.Value', 'Array(Float64)'),
    FLAGS,
  ]),
  histogram: metricsTable([
    ...SUM,
    column('BucketCounts', 'Array(UInt64)'),
    column('ExplicitBounds', 'Array(Float64)'),
    ...EXEMPLARS,
    FLAGS,
    ...EXTREMES,
    TEMPORALITY,
  ]),
  exponential_histogram: metricsTable([
    ...SUM,
    column('Scale', 'Int32'),
    column('ZeroCount', 'UInt64'),
    column('PositiveOffset', 'Int32'),
    column('PositiveBucketCounts', 'Array(UInt64)'),
    column('NegativeOffset', 'Int32'),
    column('NegativeBucketCounts', 'Array(UInt64)'),
    ...EXEMPLARS,
    FLAGS,
    ...EXTREMES,
    TEMPORALITY,
  ]),
};
