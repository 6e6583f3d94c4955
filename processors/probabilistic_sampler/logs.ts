import type { LogRecordEditor } from '../../core/otlp/edit/item-editors.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { ValueReader, ValueType, valueText } from '../../core/otlp/value.ts';
import { encodeString } from '../../core/otlp/value-encode.ts';
import {
  type Bits56,
  MAX_DIGITS,
  probabilityToThreshold,
  readRandomness,
  readThreshold,
  writeRandomness,
  writeThreshold,
} from '../../core/sampling/threshold.ts';
import { ID_LENGTH, isZeroId } from '../../core/sampling/trace-id.ts';
import type { Config } from './config.ts';
import { type Carrier, type Item, Policy } from './sampler.ts';

const RANDOMNESS = Buffer.from('sampling.randomness');
const THRESHOLD = Buffer.from('sampling.threshold');

/** The sampling of a log record: attributes with the texts that a span has in its tracestate. */
class SamplingAttributes implements Carrier {
  hasRandomness = false;
  hasThreshold = false;
  readonly randomness: Bits56 = { high: 0, low: 0 };
  readonly threshold: Bits56 = { high: 0, low: 0 };
  #randomnessSet = false;
  #thresholdSet = false;
  #thresholdRemoved = false;
  readonly #value = new ValueReader();
  readonly #text = Buffer.alloc(MAX_DIGITS);

  /** False where one of the texts cannot be read; the empty text and other types count as absent. */
  read(attributes: Attributes): boolean {
    this.hasThreshold = this.hasRandomness = false;
    this.#randomnessSet = this.#thresholdSet = this.#thresholdRemoved = false;
    let fine = true;
    if (this.#find(attributes, THRESHOLD)) {
      const { buffer, start, end } = this.#value;
      this.hasThreshold = readThreshold(buffer, start, end, this.threshold);
      fine = this.hasThreshold;
    }
    if (this.#find(attributes, RANDOMNESS)) {
      const { buffer, start, end } = this.#value;
      this.hasRandomness = readRandomness(buffer, start, end, this.randomness);
      fine &&= this.hasRandomness;
    }
    return fine;
  }

  setRandomness(value: Readonly<Bits56>): void {
    this.hasRandomness = this.#randomnessSet = true;
    this.randomness.high = value.high;
    this.randomness.low = value.low;
  }

  setThreshold(value: Readonly<Bits56>): void {
    this.hasThreshold = this.#thresholdSet = true;
    this.threshold.high = value.high;
    this.threshold.low = value.low;
  }

  clearThreshold(): void {
    this.hasThreshold = false;
    this.#thresholdRemoved = true;
  }

  write({ attributes }: LogRecordEditor): void {
    const text = this.#text;
    if (this.#randomnessSet) {
      attributes.upsert(RANDOMNESS, encodeText(text, writeRandomness(this.randomness, text, 0)));
    }
    if (this.#thresholdRemoved) attributes.delete(THRESHOLD);
    if (this.#thresholdSet) attributes.upsert(THRESHOLD, encodeText(text, writeThreshold(this.threshold, text, 0)));
  }

  #find(attributes: Attributes, key: Buffer): boolean {
    if (!attributes.find(key)) return false;
    const value = this.#value.read(attributes.buffer, attributes.valueStart, attributes.valueEnd);
    return value.type === ValueType.STRING && value.end > value.start;
  }
}

/** A log record whose sampling shows in its attributes. */
export class LogItem implements Item {
  readonly carrier = new SamplingAttributes();
  readonly marksMissing = false;
  readable = true;
  buffer: Buffer = Buffer.alloc(0);
  hashStart = 0;
  hashEnd = 0;
  hashPolicy: number = Policy.TRACE_ID_HASH;
  traceIdAt = -1;
  readonly #usesTraceId: boolean;
  readonly #source: Buffer;
  readonly #priority: Buffer;
  readonly #precision: number;
  readonly #reader = new LogRecordReader();
  readonly #value = new ValueReader();

  constructor(config: Config) {
    this.#usesTraceId = config.attribute_source === 'traceID';
    this.#source = Buffer.from(config.from_attribute);
    this.#priority = Buffer.from(config.sampling_priority);
    this.#precision = config.sampling_precision;
  }

  read(record: LogRecordEditor): this {
    const reader = this.#reader.read(record.buffer, record.start, record.end);
    this.buffer = record.buffer;
    this.traceIdAt = isZeroId(record.buffer, reader.traceIdAt) ? -1 : reader.traceIdAt;
    this.readable = this.carrier.read(reader.attributes);
    return this;
  }

  findHashed(): boolean {
    this.buffer = this.#reader.buffer;
    if (this.#usesTraceId && this.traceIdAt >= 0) {
      this.hashPolicy = Policy.TRACE_ID_HASH;
      this.hashStart = this.traceIdAt;
      this.hashEnd = this.traceIdAt + ID_LENGTH;
      return true;
    }
    const { attributes } = this.#reader;
    if (this.#source.length === 0 || !attributes.find(this.#source)) return false;
    this.hashPolicy = Policy.ATTRIBUTE;
    this.#setHashedValue(attributes);
    return this.hashEnd > this.hashStart;
  }

  /** A percentage; what is none, or 0, does not count. */
  priority(): Readonly<Bits56> | undefined {
    const { attributes } = this.#reader;
    if (this.#priority.length === 0 || !attributes.find(this.#priority)) return undefined;
    const value = this.#value.read(attributes.buffer, attributes.valueStart, attributes.valueEnd);
    if (value.type === ValueType.INT) return probabilityToThreshold(Number(value.int) / 100, this.#precision);
    if (value.type !== ValueType.DOUBLE) return undefined;
    return probabilityToThreshold(value.double / 100, this.#precision);
  }

  write(record: LogRecordEditor): void {
    this.carrier.write(record);
  }

  /** Strings and bytes as they are, everything else as its text. */
  #setHashedValue({ buffer, valueStart, valueEnd }: Attributes): void {
    const value = this.#value.read(buffer, valueStart, valueEnd);
    this.hashStart = value.start;
    this.hashEnd = value.end;
    if (value.type === ValueType.STRING || value.type === ValueType.BYTES) return;
    this.buffer = Buffer.from(valueText(buffer, valueStart, valueEnd));
    this.hashStart = 0;
    this.hashEnd = this.buffer.length;
  }
}

function encodeText(digits: Buffer, length: number): Buffer {
  return encodeString(digits.toString('latin1', 0, length));
}
