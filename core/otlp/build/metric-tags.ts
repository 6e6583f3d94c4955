/** Tags of the fields that are written, by their message. */
export const RequestTag = { RESOURCE_METRICS: (1 << 3) | 2 } as const;
export const ResourceMetricsTag = { RESOURCE: (1 << 3) | 2, SCOPE_METRICS: (2 << 3) | 2 } as const;
export const ResourceTag = { ATTRIBUTES: (1 << 3) | 2 } as const;
export const ScopeMetricsTag = { SCOPE: (1 << 3) | 2, METRICS: (2 << 3) | 2 } as const;
export const ScopeTag = { NAME: (1 << 3) | 2 } as const;
export const MetricTag = {
  NAME: (1 << 3) | 2,
  DESCRIPTION: (2 << 3) | 2,
  UNIT: (3 << 3) | 2,
  GAUGE: (5 << 3) | 2,
  SUM: (7 << 3) | 2,
  HISTOGRAM: (9 << 3) | 2,
  EXPONENTIAL_HISTOGRAM: (10 << 3) | 2,
  SUMMARY: (11 << 3) | 2,
} as const;
/** Of Gauge, Sum, Histogram and ExponentialHistogram. */
export const DataTag = { POINTS: (1 << 3) | 2, TEMPORALITY: 2 << 3, MONOTONIC: 3 << 3 } as const;
/** Of all kinds of points, and of both kinds of histograms. */
export const PointTag = {
  START_TIME: (2 << 3) | 1,
  TIME: (3 << 3) | 1,
  COUNT: (4 << 3) | 1,
  SUM: (5 << 3) | 1,
} as const;
export const NumberTag = {
  DOUBLE: (4 << 3) | 1,
  EXEMPLARS: (5 << 3) | 2,
  INT: (6 << 3) | 1,
  ATTRIBUTES: (7 << 3) | 2,
} as const;
export const SummaryTag = { QUANTILES: (6 << 3) | 2, ATTRIBUTES: (7 << 3) | 2 } as const;
export const QuantileTag = { QUANTILE: (1 << 3) | 1, VALUE: (2 << 3) | 1 } as const;
export const HistogramTag = {
  BUCKETS: (6 << 3) | 2,
  BOUNDS: (7 << 3) | 2,
  EXEMPLARS: (8 << 3) | 2,
  ATTRIBUTES: (9 << 3) | 2,
} as const;
export const ExponentialTag = {
  ATTRIBUTES: (1 << 3) | 2,
  SCALE: 6 << 3,
  ZERO_COUNT: (7 << 3) | 1,
  POSITIVE: (8 << 3) | 2,
  EXEMPLARS: (11 << 3) | 2,
  MIN: (12 << 3) | 1,
  MAX: (13 << 3) | 1,
} as const;
export const BucketsTag = { OFFSET: 1 << 3, COUNTS: (2 << 3) | 2 } as const;
export const ExemplarTag = {
  TIME: (2 << 3) | 1,
  DOUBLE: (3 << 3) | 1,
  SPAN_ID: (4 << 3) | 2,
  TRACE_ID: (5 << 3) | 2,
} as const;
