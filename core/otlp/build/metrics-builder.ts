import { Telemetry } from '../../telemetry/telemetry.ts';
import { LONGEST_PREFIX, Writer } from '../edit/writer.ts';
import { varintSize, writeVarint } from '../wire.ts';
import { retag } from './attribute-list.ts';
import type { Exemplars } from './exemplars.ts';
import type { ExponentialHistogram } from './exponential-histogram.ts';
import { writeFixed64 } from './fixed64.ts';
import {
  BucketsTag,
  DataTag,
  ExemplarTag,
  ExponentialTag,
  HistogramTag,
  MetricTag,
  NumberTag,
  PointTag,
  QuantileTag,
  RequestTag,
  ResourceMetricsTag,
  ResourceTag,
  ScopeMetricsTag,
  ScopeTag,
  SummaryTag,
} from './metric-tags.ts';

/** What all kinds of metrics have. Texts may be empty. */
export interface MetricHead {
  readonly name: string;
  readonly description?: string;
  readonly unit?: string;
}

/** What all kinds of points have. Times: nanoseconds since the Unix epoch, 0 for none. */
export interface PointHead {
  /** An encoded `AttributeList`, or attributes copied from elsewhere. */
  readonly attributes: Buffer;
  readonly startTime: bigint;
  readonly time: bigint;
  readonly exemplars?: Exemplars | undefined;
}

/** What messages are expected to be about as long as; a wrong guess costs a move of what is in it. */
const EXPECTED_GROUP = 1 << 14;
const EXPECTED_POINT = 200;

/**
 * Writes a batch of metrics as protobuf:
 *
 *   builder.openResource(attributes); builder.openScope('name');
 *   builder.openSum({ name: 'calls' }, Temporality.DELTA, true);
 *   builder.integerPoint(head, 5);
 *   builder.closeMetric(); builder.closeScope(); builder.closeResource();
 *   next.consume(builder.finish());
 */
export class MetricsBuilder {
  readonly #writer = new Writer();
  #points = 0;

  /** `attributes`: as in `PointHead`. */
  openResource(attributes: Buffer): void {
    const writer = this.#writer;
    writer.open(RequestTag.RESOURCE_METRICS, EXPECTED_GROUP);
    if (attributes.length === 0) return;
    writer.open(ResourceMetricsTag.RESOURCE, attributes.length);
    this.#attributes(attributes, ResourceTag.ATTRIBUTES);
    writer.close();
  }
  openScope(name: string): void {
    this.#writer.open(ResourceMetricsTag.SCOPE_METRICS, EXPECTED_GROUP);
    this.#writer.open(ScopeMetricsTag.SCOPE, name.length);
    this.#text(ScopeTag.NAME, name);
    this.#writer.close();
  }
  closeScope(): void {
    this.#writer.close();
  }
  closeResource(): void {
    this.#writer.close();
  }

  openGauge(head: MetricHead): void {
    this.#openMetric(head, MetricTag.GAUGE);
  }
  /** `temporality`: of `Temporality`, here and below. */
  openSum(head: MetricHead, temporality: number, monotonic: boolean): void {
    this.#openMetric(head, MetricTag.SUM);
    this.#smallNumber(DataTag.TEMPORALITY, temporality);
    if (monotonic) this.#smallNumber(DataTag.MONOTONIC, 1);
  }
  openHistogram(head: MetricHead, temporality: number): void {
    this.#openMetric(head, MetricTag.HISTOGRAM);
    this.#smallNumber(DataTag.TEMPORALITY, temporality);
  }
  openExponentialHistogram(head: MetricHead, temporality: number): void {
    this.#openMetric(head, MetricTag.EXPONENTIAL_HISTOGRAM);
    this.#smallNumber(DataTag.TEMPORALITY, temporality);
  }
  openSummary(head: MetricHead): void {
    this.#openMetric(head, MetricTag.SUMMARY);
  }
  closeMetric(): void {
    this.#writer.close();
    this.#writer.close();
  }

  /** Of a gauge or sum; `value` is a whole number. */
  integerPoint(head: PointHead, value: number): void {
    this.#openPoint(head, NumberTag.ATTRIBUTES);
    this.#fixed64(NumberTag.INT, value);
    this.#closePoint(head, NumberTag.EXEMPLARS);
  }
  doublePoint(head: PointHead, value: number): void {
    this.#openPoint(head, NumberTag.ATTRIBUTES);
    this.#double(NumberTag.DOUBLE, value);
    this.#closePoint(head, NumberTag.EXEMPLARS);
  }
  /** `bounds`: of `encodeBounds`, one less than there are buckets. */
  histogramPoint(head: PointHead, count: number, sum: number, buckets: Float64Array, bounds: Buffer): void {
    this.#openPoint(head, HistogramTag.ATTRIBUTES);
    this.#fixed64(PointTag.COUNT, count);
    this.#double(PointTag.SUM, sum);
    const writer = this.#writer;
    writer.reserve(LONGEST_PREFIX + buckets.length * 8);
    const { buffer } = writer;
    buffer[writer.length++] = HistogramTag.BUCKETS;
    let at = writeVarint(buffer, writer.length, buckets.length * 8);
    for (let i = 0; i < buckets.length; i++) at = writeFixed64(buffer, at, buckets[i] as number);
    writer.length = at;
    writer.copy(bounds, 0, bounds.length);
    this.#closePoint(head, HistogramTag.EXEMPLARS);
  }
  /** `quantiles`: from 0, the least value, to 1, the greatest, each with its value. */
  summaryPoint(head: PointHead, count: number, sum: number, quantiles: readonly (readonly [number, number])[]): void {
    this.#openPoint(head, SummaryTag.ATTRIBUTES);
    this.#fixed64(PointTag.COUNT, count);
    this.#double(PointTag.SUM, sum);
    for (const [quantile, value] of quantiles) {
      this.#writer.open(SummaryTag.QUANTILES, LONGEST_PREFIX);
      this.#double(QuantileTag.QUANTILE, quantile);
      this.#double(QuantileTag.VALUE, value);
      this.#writer.close();
    }
    this.#writer.close();
  }
  exponentialPoint(head: PointHead, histogram: ExponentialHistogram): void {
    this.#openPoint(head, ExponentialTag.ATTRIBUTES);
    this.#fixed64(PointTag.COUNT, histogram.count);
    this.#double(PointTag.SUM, histogram.sum);
    this.#signed(ExponentialTag.SCALE, histogram.scale);
    if (histogram.zeroCount !== 0) this.#fixed64(ExponentialTag.ZERO_COUNT, histogram.zeroCount);
    this.#buckets(histogram);
    if (histogram.count !== 0) {
      this.#double(ExponentialTag.MIN, histogram.min);
      this.#double(ExponentialTag.MAX, histogram.max);
    }
    this.#closePoint(head, ExponentialTag.EXEMPLARS);
  }

  /** What was written, and the builder is empty again. Nothing open must be left. */
  finish(context?: Telemetry['context']): Telemetry {
    const points = this.#points;
    this.#points = 0;
    if (this.#writer.length === 0) return new Telemetry('metrics', [], 0, context);
    return Telemetry.of('metrics', this.#writer.toBuffer(), points, context);
  }

  #openMetric({ name, description = '', unit = '' }: MetricHead, data: number): void {
    this.#writer.open(ScopeMetricsTag.METRICS, EXPECTED_GROUP);
    this.#text(MetricTag.NAME, name);
    this.#text(MetricTag.DESCRIPTION, description);
    this.#text(MetricTag.UNIT, unit);
    this.#writer.open(data, EXPECTED_GROUP);
  }

  #openPoint(head: PointHead, attributesTag: number): void {
    this.#points++;
    this.#writer.open(DataTag.POINTS, EXPECTED_POINT);
    this.#attributes(head.attributes, attributesTag);
    this.#time(PointTag.START_TIME, head.startTime);
    this.#time(PointTag.TIME, head.time);
  }
  #closePoint({ exemplars, time }: PointHead, tag: number): void {
    if (exemplars !== undefined) this.#exemplars(exemplars, time, tag);
    this.#writer.close();
  }

  #exemplars(exemplars: Exemplars, time: bigint, tag: number): void {
    for (let i = 0; i < exemplars.count; i++) {
      const spanId = exemplars.spanId(i);
      this.#writer.open(tag, 1);
      this.#time(ExemplarTag.TIME, time);
      this.#double(ExemplarTag.DOUBLE, exemplars.value(i));
      if (spanId.some((byte) => byte !== 0)) this.#writer.field(ExemplarTag.SPAN_ID, spanId);
      this.#writer.field(ExemplarTag.TRACE_ID, exemplars.traceId(i));
      this.#writer.close();
    }
  }

  #buckets(histogram: ExponentialHistogram): void {
    const counts = histogram.bucketCounts;
    if (counts.length === 0) return;
    const writer = this.#writer;
    writer.open(ExponentialTag.POSITIVE, counts.length + LONGEST_PREFIX);
    this.#signed(BucketsTag.OFFSET, histogram.offset);
    let size = 0;
    for (const count of counts) size += varintSize(count);
    writer.reserve(LONGEST_PREFIX + size);
    writer.buffer[writer.length++] = BucketsTag.COUNTS;
    let at = writeVarint(writer.buffer, writer.length, size);
    for (const count of counts) at = writeVarint(writer.buffer, at, count);
    writer.length = at;
    writer.close();
  }

  /** Copies a list and gives its fields the tag that attributes have here. */
  #attributes(list: Buffer, tag: number): void {
    const writer = this.#writer;
    writer.copy(list, 0, list.length);
    retag(writer.buffer, writer.length - list.length, writer.length, tag);
  }

  #text(tag: number, text: string): void {
    if (text !== '') this.#writer.field(tag, Buffer.from(text));
  }
  #smallNumber(tag: number, value: number): void {
    this.#writer.varint(tag);
    this.#writer.varint(value);
  }

  /** A sint32 (zigzag). */
  #signed(tag: number, value: number): void {
    if (value !== 0) this.#smallNumber(tag, ((value << 1) ^ (value >> 31)) >>> 0);
  }
  #time(tag: number, nanos: bigint): void {
    if (nanos === 0n) return;
    this.#writer.reserve(LONGEST_PREFIX);
    this.#writer.buffer[this.#writer.length] = tag;
    this.#writer.length = this.#writer.buffer.writeBigUInt64LE(BigInt.asUintN(64, nanos), this.#writer.length + 1);
  }
  #double(tag: number, value: number): void {
    this.#writer.reserve(LONGEST_PREFIX);
    this.#writer.buffer[this.#writer.length] = tag;
    this.#writer.length = this.#writer.buffer.writeDoubleLE(value, this.#writer.length + 1);
  }
  #fixed64(tag: number, value: number): void {
    this.#writer.reserve(LONGEST_PREFIX);
    this.#writer.buffer[this.#writer.length] = tag;
    this.#writer.length = writeFixed64(this.#writer.buffer, this.#writer.length + 1, value);
  }
}
