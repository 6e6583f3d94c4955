import type { Settings } from '../../core/component.ts';
import type { PointEditor } from '../../core/otlp/edit/item-editors.ts';
import { type DataPointReader, NO_RECORDED_VALUE } from '../../core/otlp/readers/data-point.ts';
import { MetricType } from '../../core/otlp/readers/metric.ts';
import { tagOf, varintSize, WireType, writeVarint, writeVarint64 } from '../../core/otlp/wire.ts';
import type { Config } from './config.ts';
import { type Buckets, exponentialDelta, readExponential } from './exponential.ts';
import type { HistogramPoint, Stream, Streams } from './streams.ts';

export const REASONS = ['', 'initial', 'reset', 'bucket_mismatch'] as const;
/** What became of a point: KEEP leaves it as it is, a reason drops it, as does NO_VALUE. */
export const Outcome = { CONVERTED: 0, INITIAL: 1, RESET: 2, MISMATCH: 3, NO_VALUE: 4, KEEP: 5 } as const;
type Outcome = (typeof Outcome)[keyof typeof Outcome];

const START_TIME = tagOf(2, WireType.FIXED64);
const AS_DOUBLE = tagOf(4, WireType.FIXED64);
const AS_INT = tagOf(6, WireType.FIXED64);
const COUNT = tagOf(4, WireType.FIXED64);
const SUM = tagOf(5, WireType.FIXED64);
const ZERO_COUNT = tagOf(7, WireType.FIXED64);
const POSITIVE = tagOf(8, WireType.BYTES);
const NEGATIVE = tagOf(9, WireType.BYTES);
const BUCKET_COUNTS = 6;
/** Minimum and maximum of the two kinds of histograms: of a delta they are not known. */
const EXTREMES: Readonly<Partial<Record<MetricType, readonly number[]>>> = {
  [MetricType.HISTOGRAM]: [tagOf(11, WireType.FIXED64), tagOf(12, WireType.FIXED64)],
  [MetricType.EXPONENTIAL_HISTOGRAM]: [tagOf(12, WireType.FIXED64), tagOf(13, WireType.FIXED64)],
};

const ValueType = { NONE: 0, INT: 1, DOUBLE: 2 } as const;
const LONGEST_VARINT = 10;
const WORD = 2 ** 32;

/** Turns points of cumulative series into what came since the point before. */
export class PointConverter {
  readonly #streams: Streams;
  readonly #initial: Config['initial_value'];
  readonly #logger: Settings['logger'];
  #startHigh = 0;
  #startLow = 0;
  readonly #halves = new DataView(new ArrayBuffer(8));

  constructor(streams: Streams, config: Config, logger: Settings['logger']) {
    this.#streams = streams;
    this.#initial = config.initial_value;
    this.#logger = logger;
  }

  /** Series that began before this, in nanoseconds, have an unknown past. */
  startAt(time: bigint): void {
    this.#startHigh = Number(time >> 32n);
    this.#startLow = Number(BigInt.asUintN(32, time));
  }

  convert(point: DataPointReader, editor: PointEditor): Outcome {
    if ((point.flags & NO_RECORDED_VALUE) !== 0) return Outcome.NO_VALUE;
    const isSum = point.type === MetricType.SUM;
    const isDouble = isSum && point.valueAt >= 0 && !point.isInteger;
    // the collector takes NaN for the mark of a series that ended
    if (isDouble && Number.isNaN(point.value)) return Outcome.KEEP;
    const number = point.valueAt < 0 ? ValueType.NONE : isDouble ? ValueType.DOUBLE : ValueType.INT;
    const stream = this.#streams.find(point, isSum ? number : ValueType.NONE);
    const { timeHigh, timeLow } = stream;
    const outcome = this.#streams.isNew ? this.#first(point, stream, editor) : this.#next(point, stream, editor);
    const isLost = outcome === Outcome.RESET && point.type === MetricType.EXPONENTIAL_HISTOGRAM;
    if (!isLost) {
      stream.timeHigh = high(point, point.timeAt);
      stream.timeLow = low(point, point.timeAt);
    }
    if (outcome !== Outcome.CONVERTED) return outcome;
    if (!this.#streams.isNew) editor.setFixed64Halves(START_TIME, timeHigh, timeLow, true);
    else if (this.#initial === 'keep') editor.removeField(START_TIME);
    for (const tag of EXTREMES[point.type] ?? []) editor.removeField(tag);
    return outcome;
  }

  /** The first point of a stream: only remembered, or sent as it is. */
  #first(point: DataPointReader, stream: Stream, editor: PointEditor): Outcome {
    if (point.type === MetricType.HISTOGRAM) stream.histogram = readHistogram(point);
    else if (point.type === MetricType.EXPONENTIAL_HISTOGRAM) stream.exponential = readExponential(point);
    else this.#rememberNumber(point, stream);
    if (this.#initial === 'drop' || (this.#initial === 'auto' && !this.#isFresh(point))) return Outcome.INITIAL;
    if (point.type === MetricType.SUM && point.valueAt < 0) editor.setFixed64Halves(AS_INT, 0, 0);
    return Outcome.CONVERTED;
  }

  /** Whether the series began while this process was there, so that its first value is all there was. */
  #isFresh(point: DataPointReader): boolean {
    const startHigh = high(point, point.startTimeAt);
    const startLow = low(point, point.startTimeAt);
    if (startHigh < this.#startHigh || (startHigh === this.#startHigh && startLow < this.#startLow)) return false;
    return startHigh !== high(point, point.timeAt) || startLow !== low(point, point.timeAt);
  }

  #next(point: DataPointReader, stream: Stream, editor: PointEditor): Outcome {
    if (point.type === MetricType.HISTOGRAM) return this.#nextHistogram(point, stream, editor);
    if (point.type === MetricType.EXPONENTIAL_HISTOGRAM) return this.#nextExponential(point, stream, editor);
    const { high: beforeHigh, low: beforeLow, double: before } = stream;
    this.#rememberNumber(point, stream);
    if (point.valueAt >= 0 && !point.isInteger) {
      if (stream.double < before) return Outcome.RESET;
      this.#setDouble(editor, AS_DOUBLE, stream.double - before);
      return Outcome.CONVERTED;
    }
    const borrow = stream.low < beforeLow ? 1 : 0;
    const signed = (stream.high | 0) - (beforeHigh | 0);
    if (signed < 0 || (signed === 0 && borrow > 0)) return Outcome.RESET;
    editor.setFixed64Halves(AS_INT, (stream.high - beforeHigh - borrow) >>> 0, stream.low - beforeLow + borrow * WORD);
    return Outcome.CONVERTED;
  }

  #nextHistogram(point: DataPointReader, stream: Stream, editor: PointEditor): Outcome {
    const previous = stream.histogram as HistogramPoint;
    const read = readHistogram(point);
    const value = Number.isNaN(read.sum) ? { ...read, sum: previous.sum } : read;
    stream.histogram = value;
    const { bounds, counts } = previous;
    const changed = bounds.length !== value.bounds.length || value.bounds.some((bound, i) => bound !== bounds[i]);
    if (counts.length !== value.counts.length || changed) {
      this.#logger.debug('Points in histogram series have different buckets; some data will be dropped');
      return Outcome.MISMATCH;
    }
    // with fewer values than before it began anew, and all it has came since
    if (value.count < previous.count) return Outcome.CONVERTED;
    editor.setFixed64(COUNT, value.count - previous.count);
    if (point.sumAt >= 0 && !Number.isNaN(read.sum)) this.#setDouble(editor, SUM, value.sum - previous.sum);
    if (counts.length === 0) return Outcome.CONVERTED;
    const packed = Buffer.allocUnsafe(counts.length * 8);
    for (const [i, count] of value.counts.entries()) {
      packed.writeBigUInt64LE(BigInt.asUintN(64, count - (counts[i] as bigint)), i * 8);
    }
    editor.removeField(tagOf(BUCKET_COUNTS, WireType.FIXED64));
    editor.setBytes(tagOf(BUCKET_COUNTS, WireType.BYTES), packed);
    return Outcome.CONVERTED;
  }

  /** As in the collector, one that began anew is compared with the old state until it has grown beyond that. */
  #nextExponential(point: DataPointReader, stream: Stream, editor: PointEditor): Outcome {
    const value = readExponential(point);
    const delta = exponentialDelta(value, stream.exponential as NonNullable<Stream['exponential']>);
    if (delta === undefined) return Outcome.RESET;
    stream.exponential = value;
    editor.setFixed64(COUNT, delta.count);
    editor.setFixed64(ZERO_COUNT, delta.zeroCount);
    if (point.sumAt >= 0 && !Number.isNaN(value.sum)) this.#setDouble(editor, SUM, delta.sum);
    editor.setBytes(POSITIVE, encodeBuckets(delta.positive));
    editor.setBytes(NEGATIVE, encodeBuckets(delta.negative));
    return Outcome.CONVERTED;
  }

  #rememberNumber(point: DataPointReader, stream: Stream): void {
    stream.high = high(point, point.valueAt);
    stream.low = low(point, point.valueAt);
    stream.double = point.valueAt >= 0 && !point.isInteger ? point.value : 0;
  }

  #setDouble(editor: PointEditor, tag: number, value: number): void {
    this.#halves.setFloat64(0, value);
    editor.setFixed64Halves(tag, this.#halves.getUint32(0), this.#halves.getUint32(4));
  }
}

function readHistogram(point: DataPointReader): HistogramPoint {
  return { count: point.count, sum: point.sum ?? 0, bounds: point.explicitBounds(), counts: point.bucketCounts() };
}

/** The upper and lower half of 64 bits; 0 where there is nothing. */
function high({ buffer }: DataPointReader, at: number): number {
  return at < 0 ? 0 : buffer.readUInt32LE(at + 4);
}
function low({ buffer }: DataPointReader, at: number): number {
  return at < 0 ? 0 : buffer.readUInt32LE(at);
}

/** A Buckets message; empty where there are none. */
function encodeBuckets({ offset, counts }: Buckets): Buffer {
  if (counts.length === 0) return Buffer.alloc(0);
  const packed = Buffer.allocUnsafe(counts.length * LONGEST_VARINT);
  let length = 0;
  for (const count of counts) length = writeVarint64(packed, length, count);
  const zigzag = ((offset << 1) ^ (offset >> 31)) >>> 0;
  const message = Buffer.allocUnsafe(2 + varintSize(zigzag) + varintSize(length) + length);
  message[0] = tagOf(1, WireType.VARINT);
  let at = writeVarint(message, 1, zigzag);
  message[at++] = tagOf(2, WireType.BYTES);
  at = writeVarint(message, at, length);
  packed.copy(message, at, 0, length);
  return message;
}
