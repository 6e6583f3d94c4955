import {
  DataTag,
  ExemplarTag,
  ExponentialTag,
  HistogramTag,
  NumberTag,
  PointTag,
} from '../../otlp/build/metric-tags.ts';
import { LONGEST_PREFIX, type Writer } from '../../otlp/edit/writer.ts';
import { varintSize, writeVarint } from '../../otlp/wire.ts';
import type { NativeBuckets, NativeHistogram } from '../native-histogram.ts';
import type { Exemplar } from '../parse/page.ts';
import { encodeAttributes } from './attributes.ts';
import { type Groups, Has } from './groups.ts';

const FLAGS = { number: 8 << 3, histogram: 10 << 3, exponential: 10 << 3, summary: 8 << 3 } as const;
const NO_RECORDED_VALUE = 1;
const QUANTILE_VALUES = (6 << 3) | 2;
const QUANTILE = (1 << 3) | 1;
const QUANTILE_VALUE = (2 << 3) | 1;
const ZERO_THRESHOLD = (14 << 3) | 1;
const NEGATIVE = (9 << 3) | 2;
const FILTERED_ATTRIBUTES = (7 << 3) | 2;

const EXPECTED_POINT = 200;
const TWO_32 = 0x1_0000_0000;
const NANOS_PER_MILLI = 1_000_000;

/** Writes the rows of Groups as OTLP data points. */
export class PointWriter {
  readonly #writer: Writer;
  readonly #groups: Groups;
  readonly #order: number[] = [];
  #time = Number.NaN;
  readonly #timeBytes = Buffer.alloc(8);

  constructor(writer: Writer, groups: Groups) {
    this.#writer = writer;
    this.#groups = groups;
  }

  /** Of a gauge or sum; false where the row has no value. Gauges have no start. */
  number(row: number, withStart: boolean): boolean {
    const groups = this.#groups;
    const has = groups.has[row] as number;
    if ((has & Has.VALUE) === 0) return false;
    this.#open(row, withStart);
    if ((has & Has.STALE_VALUE) !== 0) this.#small(FLAGS.number, NO_RECORDED_VALUE);
    else this.#double(NumberTag.DOUBLE, groups.values[row] as number);
    this.#close(row, NumberTag.EXEMPLARS);
    return true;
  }

  histogram(row: number): boolean {
    const groups = this.#groups;
    const has = groups.has[row] as number;
    if ((has & Has.COUNT) === 0) return false;
    const stale = (has & (Has.STALE_COUNT | Has.STALE_SUM)) !== 0;
    this.#open(row, true);
    if (stale) this.#small(FLAGS.histogram, NO_RECORDED_VALUE);
    else {
      this.#count(PointTag.COUNT, groups.counts[row] as number);
      if ((has & Has.SUM) !== 0) this.#double(PointTag.SUM, groups.values[row] as number);
    }
    this.#buckets(row, stale);
    this.#close(row, HistogramTag.EXEMPLARS);
    return true;
  }

  summary(row: number): boolean {
    const groups = this.#groups;
    const has = groups.has[row] as number;
    if ((has & Has.COUNT) === 0) return false;
    const stale = (has & (Has.STALE_COUNT | Has.STALE_SUM)) !== 0;
    this.#open(row, true);
    if (stale) this.#small(FLAGS.summary, NO_RECORDED_VALUE);
    else {
      this.#count(PointTag.COUNT, groups.counts[row] as number);
      if ((has & Has.SUM) !== 0) this.#double(PointTag.SUM, groups.values[row] as number);
    }
    groups.boundsOf(row, this.#order);
    for (const at of this.#order) {
      this.#writer.open(QUANTILE_VALUES, EXPECTED_POINT >> 1);
      this.#double(QUANTILE, groups.bounds[at] as number);
      if (!stale) this.#double(QUANTILE_VALUE, groups.boundValues[at] as number);
      this.#writer.close();
    }
    this.#writer.close();
    return true;
  }

  exponential(row: number): boolean {
    const groups = this.#groups;
    const has = groups.has[row] as number;
    if ((has & Has.COUNT) === 0) return false;
    const histogram = groups.histograms.get(row);
    this.#open(row, true);
    if ((has & Has.STALE_COUNT) !== 0 || histogram === undefined) this.#small(FLAGS.exponential, NO_RECORDED_VALUE);
    else this.#native(histogram);
    this.#close(row, ExponentialTag.EXEMPLARS);
    return true;
  }

  #native(histogram: NativeHistogram): void {
    this.#count(PointTag.COUNT, histogram.count);
    this.#double(PointTag.SUM, histogram.sum);
    if (histogram.schema !== 0) this.#small(ExponentialTag.SCALE, zigzag(histogram.schema));
    if (Math.trunc(histogram.zeroCount) !== 0) this.#count(ExponentialTag.ZERO_COUNT, histogram.zeroCount);
    this.#nativeBuckets(ExponentialTag.POSITIVE, histogram.positive);
    this.#nativeBuckets(NEGATIVE, histogram.negative);
    if (histogram.zeroThreshold !== 0) this.#double(ZERO_THRESHOLD, histogram.zeroThreshold);
  }

  #nativeBuckets(tag: number, { first, counts }: NativeBuckets): void {
    if (counts.length === 0) return;
    const writer = this.#writer;
    writer.open(tag, counts.length + LONGEST_PREFIX);
    // an index is that of the upper bound in Prometheus, of the lower one in OTLP
    if (first !== 1) this.#small(1 << 3, zigzag(first - 1));
    const whole = counts.map(Math.trunc);
    let size = 0;
    for (const count of whole) size += varintSize(count);
    writer.reserve(LONGEST_PREFIX + size);
    writer.buffer[writer.length++] = (2 << 3) | 2;
    let at = writeVarint(writer.buffer, writer.length, size);
    for (const count of whole) at = writeVarint(writer.buffer, at, count);
    writer.length = at;
    writer.close();
  }

  #buckets(row: number, stale: boolean): void {
    const groups = this.#groups;
    const writer = this.#writer;
    const order = this.#order;
    groups.boundsOf(row, order);
    if (order.length > 0 && groups.bounds[order.at(-1) as number] === Infinity) order.pop();
    const size = (order.length + 1) * 8;
    writer.reserve(2 * (LONGEST_PREFIX + size));
    const { buffer } = writer;
    buffer[writer.length] = HistogramTag.BUCKETS;
    let at = writeVarint(buffer, writer.length + 1, size);
    let before = 0;
    for (const bound of order) {
      const value = groups.boundValues[bound] as number;
      at = writeCount(buffer, at, stale ? 0 : value - before);
      before = value;
    }
    at = writeCount(buffer, at, stale ? 0 : (groups.counts[row] as number) - before);
    if (order.length > 0) {
      buffer[at] = HistogramTag.BOUNDS;
      at = writeVarint(buffer, at + 1, order.length * 8);
      for (const bound of order) at = buffer.writeDoubleLE(groups.bounds[bound] as number, at);
    }
    writer.length = at;
  }

  #open(row: number, withStart: boolean): void {
    const groups = this.#groups;
    const writer = this.#writer;
    writer.open(DataTag.POINTS, EXPECTED_POINT);
    writer.copy(groups.bytesOf(row), groups.attributesStart(row), groups.attributesEnd(row));
    const created = groups.created[row] as number;
    if (withStart && created !== 0) this.#fixed64(PointTag.START_TIME, secondsToNanos(created));
    const time = groups.times[row] as number;
    if (time !== this.#time) {
      this.#time = time;
      this.#timeBytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(time) * BigInt(NANOS_PER_MILLI)));
    }
    writer.reserve(LONGEST_PREFIX);
    writer.buffer[writer.length++] = PointTag.TIME;
    for (let i = 0; i < 8; i++) writer.buffer[writer.length++] = this.#timeBytes[i] as number;
  }

  #close(row: number, exemplarsTag: number): void {
    const exemplars = this.#groups.exemplars.size === 0 ? undefined : this.#groups.exemplars.get(row);
    for (const exemplar of exemplars ?? []) this.#exemplar(exemplar, exemplarsTag);
    this.#writer.close();
  }

  #exemplar({ labels, value, timestamp = 0 }: Exemplar, tag: number): void {
    const writer = this.#writer;
    writer.open(tag, EXPECTED_POINT >> 1);
    this.#fixed64(ExemplarTag.TIME, BigInt(timestamp) * BigInt(NANOS_PER_MILLI));
    this.#double(ExemplarTag.DOUBLE, value);
    for (const [name, text] of labels) {
      const lower = name.toLowerCase();
      const size = lower === 'trace_id' ? 16 : lower === 'span_id' ? 8 : 0;
      const id = size === 0 ? undefined : idOf(text, size);
      if (id !== undefined) writer.field(size === 16 ? ExemplarTag.TRACE_ID : ExemplarTag.SPAN_ID, id);
      else {
        const attribute = encodeAttributes([[name, text]], FILTERED_ATTRIBUTES);
        writer.copy(attribute, 0, attribute.length);
      }
    }
    writer.close();
  }

  #small(tag: number, value: number): void {
    this.#writer.varint(tag);
    this.#writer.varint(value);
  }

  #double(tag: number, value: number): void {
    const writer = this.#writer;
    writer.reserve(LONGEST_PREFIX);
    writer.buffer[writer.length] = tag;
    writer.length = writer.buffer.writeDoubleLE(value, writer.length + 1);
  }

  #count(tag: number, value: number): void {
    const writer = this.#writer;
    writer.reserve(LONGEST_PREFIX);
    writer.buffer[writer.length] = tag;
    writer.length = writeCount(writer.buffer, writer.length + 1, value);
  }

  #fixed64(tag: number, value: bigint): void {
    const writer = this.#writer;
    writer.reserve(LONGEST_PREFIX);
    writer.buffer[writer.length] = tag;
    writer.length = writer.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), writer.length + 1);
  }
}

const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;

/** A count as Go makes 64 bits of a float: what is negative wraps around, what is no number is 2^63. */
function writeCount(buffer: Buffer, at: number, value: number): number {
  if (!Number.isFinite(value)) return buffer.writeUInt32LE(0x8000_0000, buffer.writeUInt32LE(0, at));
  const whole = Math.trunc(value);
  const low = whole >>> 0;
  return buffer.writeUInt32LE(Math.floor((whole - low) / TWO_32) >>> 0, buffer.writeUInt32LE(low, at));
}

/** With the rounding of the collector, which takes the fraction as a float. */
function secondsToNanos(seconds: number): bigint {
  if (!Number.isFinite(seconds)) return 0n;
  const whole = Math.trunc(seconds);
  return BigInt(whole) * 1_000_000_000n + BigInt(Math.trunc((seconds - whole) * 1e9));
}

/** An id in hexadecimal digits: the first bytes of a longer one, zeros before a shorter one. */
function idOf(text: string, size: number): Buffer | undefined {
  const digits = text.length >= size * 2 ? text.slice(0, size * 2) : text;
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) return undefined;
  return Buffer.from(digits.padStart(size * 2, '0'), 'hex');
}
