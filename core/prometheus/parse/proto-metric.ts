import { isUtf8 } from 'node:buffer';
import { WireType } from '../../otlp/wire.ts';
import { byName, type Label, type Labels } from '../labels.ts';
import { bucketsOf, type NativeHistogram, type Span } from '../native-histogram.ts';
import { type Exemplar, PageError } from './page.ts';
import type { ProtoFields } from './proto-fields.ts';

const { BYTES, FIXED64, VARINT } = WireType;

export interface ProtoBucket {
  readonly count: number;
  readonly bound: number;
  readonly exemplar: Exemplar | undefined;
}

export interface ProtoHistogram {
  count: number;
  countFloat: number;
  sum: number;
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  zeroCountFloat: number;
  start: number;
  readonly buckets: ProtoBucket[];
  readonly positiveSpans: Span[];
  readonly positiveDeltas: number[];
  readonly positiveCounts: number[];
  readonly negativeSpans: Span[];
  readonly negativeDeltas: number[];
  readonly negativeCounts: number[];
  readonly exemplars: Exemplar[];
}

/** One metric of a family: its labels and what it has of values. Times are milliseconds, 0 for none. */
export interface ProtoMetric {
  readonly labels: Label[];
  timestamp: number;
  value: number;
  exemplar: Exemplar | undefined;
  start: number;
  summary: { count: number; sum: number; readonly quantiles: { quantile: number; value: number }[] } | undefined;
  histogram: ProtoHistogram | undefined;
}

export function readMetric(fields: ProtoFields): ProtoMetric {
  const metric: ProtoMetric = {
    labels: [],
    timestamp: 0,
    value: 0,
    exemplar: undefined,
    start: 0,
    summary: undefined,
    histogram: undefined,
  };
  while (fields.next()) {
    if (fields.is(1, BYTES)) metric.labels.push(readLabel(fields.message()));
    else if (fields.is(6, VARINT)) metric.timestamp = fields.int();
    else if (fields.is(4, BYTES)) metric.summary = readSummary(fields.message(), metric);
    else if (fields.is(7, BYTES)) metric.histogram = readHistogram(fields.message());
    else if (fields.is(2, BYTES) || fields.is(3, BYTES) || fields.is(5, BYTES)) readValue(fields.message(), metric);
  }
  return metric;
}

function readLabel(fields: ProtoFields): Label {
  let name = '';
  let value = '';
  while (fields.next()) {
    if (fields.is(1, BYTES)) name = textOf(fields);
    else if (fields.is(2, BYTES)) value = textOf(fields);
  }
  if (name === '') throw new PageError(`invalid label name: ${JSON.stringify(name)}`);
  return [name, value];
}

export function textOf(fields: ProtoFields): string {
  const bytes = fields.bytes();
  if (!isUtf8(bytes)) throw new PageError(`invalid UTF-8: ${JSON.stringify(bytes.toString())}`);
  return bytes.toString();
}

/** Of a gauge, counter or untyped metric. */
function readValue(fields: ProtoFields, metric: ProtoMetric): void {
  while (fields.next()) {
    if (fields.is(1, FIXED64)) metric.value = fields.double();
    else if (fields.is(2, BYTES)) metric.exemplar = readExemplar(fields.message());
    else if (fields.is(3, BYTES)) metric.start = readTime(fields.message());
  }
}

function readSummary(fields: ProtoFields, metric: ProtoMetric): NonNullable<ProtoMetric['summary']> {
  const summary: NonNullable<ProtoMetric['summary']> = { count: 0, sum: 0, quantiles: [] };
  while (fields.next()) {
    if (fields.is(1, VARINT)) summary.count = fields.uint();
    else if (fields.is(2, FIXED64)) summary.sum = fields.double();
    else if (fields.is(4, BYTES)) metric.start = readTime(fields.message());
    else if (fields.is(3, BYTES)) {
      const quantile = { quantile: 0, value: 0 };
      const parts = fields.message();
      while (parts.next()) {
        if (parts.is(1, FIXED64)) quantile.quantile = parts.double();
        else if (parts.is(2, FIXED64)) quantile.value = parts.double();
      }
      summary.quantiles.push(quantile);
    }
  }
  return summary;
}

export const emptyHistogram = (): ProtoHistogram => ({
  count: 0,
  countFloat: 0,
  sum: 0,
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  zeroCountFloat: 0,
  start: 0,
  buckets: [],
  positiveSpans: [],
  positiveDeltas: [],
  positiveCounts: [],
  negativeSpans: [],
  negativeDeltas: [],
  negativeCounts: [],
  exemplars: [],
});

function readHistogram(fields: ProtoFields): ProtoHistogram {
  const histogram = emptyHistogram();
  while (fields.next()) readHistogramField(fields, histogram);
  return histogram;
}

function readHistogramField(fields: ProtoFields, histogram: ProtoHistogram): void {
  if (fields.is(1, VARINT)) histogram.count = fields.uint();
  else if (fields.is(2, FIXED64)) histogram.sum = fields.double();
  else if (fields.is(3, BYTES)) histogram.buckets.push(readBucket(fields.message()));
  else if (fields.is(4, FIXED64)) histogram.countFloat = fields.double();
  else if (fields.is(5, VARINT)) histogram.schema = fields.sint();
  else if (fields.is(6, FIXED64)) histogram.zeroThreshold = fields.double();
  else if (fields.is(7, VARINT)) histogram.zeroCount = fields.uint();
  else if (fields.is(8, FIXED64)) histogram.zeroCountFloat = fields.double();
  else if (fields.is(9, BYTES)) histogram.negativeSpans.push(readSpan(fields.message()));
  else if (fields.field === 10) fields.sints(histogram.negativeDeltas);
  else if (fields.field === 11) fields.doubles(histogram.negativeCounts);
  else if (fields.is(12, BYTES)) histogram.positiveSpans.push(readSpan(fields.message()));
  else if (fields.field === 13) fields.sints(histogram.positiveDeltas);
  else if (fields.field === 14) fields.doubles(histogram.positiveCounts);
  else if (fields.is(15, BYTES)) histogram.start = readTime(fields.message());
  else if (fields.is(16, BYTES)) histogram.exemplars.push(readExemplar(fields.message()));
}

function readBucket(fields: ProtoFields): ProtoBucket {
  let count = 0;
  let countFloat = 0;
  let bound = 0;
  let exemplar: Exemplar | undefined;
  while (fields.next()) {
    if (fields.is(1, VARINT)) count = fields.uint();
    else if (fields.is(2, FIXED64)) bound = fields.double();
    else if (fields.is(3, BYTES)) exemplar = readExemplar(fields.message());
    else if (fields.is(4, FIXED64)) countFloat = fields.double();
  }
  return { count: countFloat || count, bound, exemplar };
}

function readSpan(fields: ProtoFields): Span {
  let offset = 0;
  let length = 0;
  while (fields.next()) {
    if (fields.is(1, VARINT)) offset = fields.sint();
    else if (fields.is(2, VARINT)) length = fields.uint();
  }
  return { offset, length };
}

function readExemplar(fields: ProtoFields): Exemplar {
  const labels: Label[] = [];
  let value = 0;
  let timestamp: number | undefined;
  while (fields.next()) {
    if (fields.is(1, BYTES)) labels.push(readLabel(fields.message()));
    else if (fields.is(2, FIXED64)) value = fields.double();
    else if (fields.is(3, BYTES)) timestamp = readTime(fields.message());
  }
  return { labels: labels.sort(byName) as Labels, value, timestamp };
}

/** Milliseconds. */
function readTime(fields: ProtoFields): number {
  let seconds = 0;
  let nanos = 0;
  while (fields.next()) {
    if (fields.is(1, VARINT)) seconds = fields.int();
    else if (fields.is(2, VARINT)) nanos = fields.int();
  }
  return seconds * 1000 + Math.trunc(nanos / 1e6);
}

/** A histogram without spans and zeros is a classic one. */
export const isNative = (histogram: ProtoHistogram): boolean =>
  histogram.positiveSpans.length > 0 ||
  histogram.negativeSpans.length > 0 ||
  histogram.zeroThreshold > 0 ||
  histogram.zeroCount > 0;

/** Throws a PageError where spans and buckets do not fit. */
export function nativeOf(histogram: ProtoHistogram, gauge: boolean): NativeHistogram {
  const isFloat = histogram.countFloat > 0 || histogram.zeroCountFloat > 0;
  const positive = isFloat ? histogram.positiveCounts : sums(histogram.positiveDeltas);
  const negative = isFloat ? histogram.negativeCounts : sums(histogram.negativeDeltas);
  checkSpans('positive', histogram.positiveSpans, positive.length);
  checkSpans('negative', histogram.negativeSpans, negative.length);
  const { schema, sum, zeroThreshold } = histogram;
  return {
    schema,
    sum,
    zeroThreshold,
    count: isFloat ? histogram.countFloat : histogram.count,
    zeroCount: isFloat ? histogram.zeroCountFloat : histogram.zeroCount,
    positive: bucketsOf(histogram.positiveSpans, positive),
    negative: bucketsOf(histogram.negativeSpans, negative),
    gauge,
  };
}

function sums(deltas: readonly number[]): number[] {
  let sum = 0;
  return deltas.map((delta) => {
    sum += delta;
    return sum;
  });
}

function checkSpans(side: string, spans: readonly Span[], buckets: number): void {
  const wanted = spans.reduce((total, { length }) => total + length, 0);
  if (wanted !== buckets) throw new PageError(`${side} side: spans require ${wanted} buckets, have ${buckets}`);
}
