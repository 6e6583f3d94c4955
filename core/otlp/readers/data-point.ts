import { next, readInt32, readSint32, readVarint, readVarint64, skipValue, tagOf, WireType } from '../wire.ts';
import { Attributes } from './attributes.ts';
import { Messages } from './messages.ts';
import { MetricType } from './metric.ts';

const NOTHING = Buffer.alloc(0);

/** The tag of the attributes in data points of a kind of metric. */
export const POINT_ATTRIBUTES: Readonly<Record<MetricType, number>> = {
  [MetricType.NONE]: 0,
  [MetricType.GAUGE]: (7 << 3) | 2,
  [MetricType.SUM]: (7 << 3) | 2,
  [MetricType.HISTOGRAM]: (9 << 3) | 2,
  [MetricType.EXPONENTIAL_HISTOGRAM]: (1 << 3) | 2,
  [MetricType.SUMMARY]: (7 << 3) | 2,
};

/** The flag of a point that says "no value was recorded". */
export const NO_RECORDED_VALUE = 1;

/** Field numbers that differ between the kinds of points; 0 where a kind does not have the field. */
interface Layout {
  readonly flags: number;
  readonly min: number;
  readonly max: number;
  readonly exemplars: number;
}
const NUMBER: Layout = { flags: 8, min: 0, max: 0, exemplars: 5 };
const LAYOUTS: Readonly<Record<MetricType, Layout>> = {
  [MetricType.NONE]: NUMBER,
  [MetricType.GAUGE]: NUMBER,
  [MetricType.SUM]: NUMBER,
  [MetricType.HISTOGRAM]: { flags: 10, min: 11, max: 12, exemplars: 8 },
  [MetricType.EXPONENTIAL_HISTOGRAM]: { flags: 10, min: 12, max: 13, exemplars: 11 },
  [MetricType.SUMMARY]: { flags: 8, min: 0, max: 0, exemplars: 0 },
};

/** A data point of any kind: `read` with the type of its metric, then the fields that this kind has. */
export class DataPointReader {
  type: MetricType = MetricType.NONE;
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  startTimeAt = -1;
  timeAt = -1;
  flags = 0;
  /** Gauge and sum: where the value is, as a double or as a signed 64-bit integer; -1 where it has none. */
  valueAt = -1;
  isInteger = false;
  /** Histograms and summaries: unsigned 64 bits. */
  countAt = -1;
  /** Doubles; -1 where absent. */
  sumAt = -1;
  minAt = -1;
  maxAt = -1;
  /** Exponential histograms. */
  scale = 0;
  zeroCountAt = -1;
  zeroThresholdAt = -1;

  readonly #attributes = new Attributes();

  read(type: MetricType, buffer: Buffer, start: number, end: number): this {
    this.#reset(type, buffer, start, end);
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if ((tag & 7) === WireType.FIXED64) this.#readFixed(tag >>> 3, value);
      else if ((tag & 7) === WireType.VARINT) this.#readVarint(tag >>> 3, value);
    }
    return this;
  }

  /** Nanoseconds since the Unix epoch; 0 where not set. */
  get startTimeUnixNano(): bigint {
    return this.#unsigned(this.startTimeAt);
  }

  get timeUnixNano(): bigint {
    return this.#unsigned(this.timeAt);
  }

  /** Gauge and sum; an integer beyond 2^53 is rounded, see `integerValue`. */
  get value(): number {
    if (this.valueAt < 0) return 0;
    return this.isInteger ? Number(this.integerValue) : this.buffer.readDoubleLE(this.valueAt);
  }

  get integerValue(): bigint {
    return this.valueAt < 0 ? 0n : this.buffer.readBigInt64LE(this.valueAt);
  }

  get count(): bigint {
    return this.#unsigned(this.countAt);
  }

  get zeroCount(): bigint {
    return this.#unsigned(this.zeroCountAt);
  }

  get zeroThreshold(): number {
    return this.zeroThresholdAt < 0 ? 0 : this.buffer.readDoubleLE(this.zeroThresholdAt);
  }

  get sum(): number | undefined {
    return this.#double(this.sumAt);
  }

  get min(): number | undefined {
    return this.#double(this.minAt);
  }

  get max(): number | undefined {
    return this.#double(this.maxAt);
  }

  /** Explicit histograms: one count more than there are bounds, or none of either. */
  bucketCounts(): bigint[] {
    const counts: bigint[] = [];
    this.#eachFixed(6, (at) => counts.push(this.buffer.readBigUInt64LE(at)));
    return counts;
  }

  explicitBounds(): number[] {
    const bounds: number[] = [];
    this.#eachFixed(7, (at) => bounds.push(this.buffer.readDoubleLE(at)));
    return bounds;
  }

  /** Exponential histograms: the buckets of one sign. */
  buckets(sign: 'positive' | 'negative'): { offset: number; counts: bigint[] } {
    const buckets = { offset: 0, counts: [] as bigint[] };
    const messages = this.#messages(sign === 'positive' ? 8 : 9);
    while (messages.next()) this.#readBuckets(buckets, messages.messageStart, messages.messageEnd);
    return buckets;
  }

  /** Summaries. */
  quantiles(): { quantile: number; value: number }[] {
    const quantiles: { quantile: number; value: number }[] = [];
    const messages = this.#messages(6);
    while (messages.next()) quantiles.push(this.#readQuantile(messages.messageStart, messages.messageEnd));
    return quantiles;
  }

  /** Read with an `ExemplarReader`. */
  get exemplars(): Messages {
    return this.#messages(LAYOUTS[this.type].exemplars);
  }

  get attributes(): Attributes {
    return this.#attributes.set(this.buffer, this.start, this.end, POINT_ATTRIBUTES[this.type]);
  }

  #unsigned(at: number): bigint {
    return at < 0 ? 0n : this.buffer.readBigUInt64LE(at);
  }

  #double(at: number): number | undefined {
    return at < 0 ? undefined : this.buffer.readDoubleLE(at);
  }

  #reset(type: MetricType, buffer: Buffer, start: number, end: number): void {
    this.type = type;
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.startTimeAt = this.timeAt = this.valueAt = this.countAt = this.sumAt = this.minAt = this.maxAt = -1;
    this.zeroCountAt = this.zeroThresholdAt = -1;
    this.flags = this.scale = 0;
    this.isInteger = false;
  }

  #readFixed(field: number, value: number): void {
    if (field === 2) this.startTimeAt = value;
    else if (field === 3) this.timeAt = value;
    else if (this.type === MetricType.GAUGE || this.type === MetricType.SUM) {
      if (field !== 4 && field !== 6) return;
      this.valueAt = value;
      this.isInteger = field === 6;
    } else {
      const layout = LAYOUTS[this.type];
      if (field === 4) this.countAt = value;
      else if (field === 5) this.sumAt = value;
      else if (field === layout.min) this.minAt = value;
      else if (field === layout.max) this.maxAt = value;
      else if (this.type !== MetricType.EXPONENTIAL_HISTOGRAM) return;
      else if (field === 7) this.zeroCountAt = value;
      else if (field === 14) this.zeroThresholdAt = value;
    }
  }

  #readVarint(field: number, value: number): void {
    if (field === LAYOUTS[this.type].flags) this.flags = readInt32(this.buffer, value) >>> 0;
    else if (field === 6 && this.type === MetricType.EXPONENTIAL_HISTOGRAM) this.scale = readSint32(this.buffer, value);
  }

  #messages(field: number): Messages {
    return new Messages().set(this.buffer, this.start, this.end, tagOf(field, WireType.BYTES));
  }

  /** Of a repeated field of 64 bits each, packed or not. */
  #eachFixed(field: number, visit: (at: number) => void): void {
    const { buffer, end } = this;
    let position = this.start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === tagOf(field, WireType.FIXED64)) visit(value);
      else if (tag === tagOf(field, WireType.BYTES)) {
        readVarint(buffer, value);
        for (let at = next; at < position; at += 8) visit(at);
      }
    }
  }

  #readBuckets(into: { offset: number; counts: bigint[] }, start: number, end: number): void {
    const { buffer } = this;
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === 1 << 3) into.offset = readSint32(buffer, value);
      else if (tag === 2 << 3) into.counts.push(readVarint64(buffer, value));
      else if (tag === ((2 << 3) | WireType.BYTES)) {
        readVarint(buffer, value);
        while (next < position) into.counts.push(readVarint64(buffer, next));
      }
    }
  }

  #readQuantile(start: number, end: number): { quantile: number; value: number } {
    const entry = { quantile: 0, value: 0 };
    let position = start;
    while (position < end) {
      const tag = readVarint(this.buffer, position);
      const value = next;
      position = skipValue(this.buffer, value, tag);
      if (tag === tagOf(1, WireType.FIXED64)) entry.quantile = this.buffer.readDoubleLE(value);
      else if (tag === tagOf(2, WireType.FIXED64)) entry.value = this.buffer.readDoubleLE(value);
    }
    return entry;
  }
}
