import { AttributeList } from '../otlp/build/attribute-list.ts';
import { Exemplars } from '../otlp/build/exemplars.ts';
import type { SpanReader } from '../otlp/readers/span.ts';
import { encodeValue } from '../otlp/value-encode.ts';
import { damaged, type StateReader, type StateWriter } from '../stream/codec.ts';
import { KeyRows } from './key-rows.ts';
import { KeyWriter } from './key-writer.ts';
import {
  type Description,
  decodeDescription,
  describe,
  encodeDescription,
  type HistogramLayout,
} from './series-description.ts';

const OVERFLOW = new AttributeList().put(Buffer.from('otel.metric.overflow'), encodeValue(true)).encode();
const OVERFLOW_KEY = new KeyWriter(0);
OVERFLOW_KEY.begin();
OVERFLOW_KEY.text('otel.metric.overflow');
OVERFLOW_KEY.finish();

/** What is counted of a series, in columns of numbers: a row has these, then its buckets. */
const COUNT = 0;
const SUM = 1;
/** When a span came last, in milliseconds since the Unix epoch. */
const SEEN = 2;
/** 1 until it is sent: the first value of a cumulative sum is 0, so that Prometheus sees it rise from there. */
const NEW = 3;
const BUCKETS = 4;
const INITIAL_ROWS = 4;

/** A series that is being sent. */
export interface Series extends Description {
  readonly key: Int32Array;
  readonly isNew: boolean;
  readonly count: number;
  readonly sum: number;
  readonly buckets: Float64Array;
}

/** How many series may still be added, to all sets that share it. */
export interface SeriesRoom {
  left: number;
}

/**
 * The series of one metric of one resource, known by their rows: at most `limit` and one for the rest; 0 is no limit.
 * The one for the rest takes in new series also where there is no room left.
 * What changes with every span lies together in one piece of memory.
 */
export class SeriesSet {
  /** Set by `at`: the series is the one for the rest. */
  overflowed = false;
  readonly #limit: number;
  readonly #layout: HistogramLayout | undefined;
  readonly #room: SeriesRoom;
  readonly #stride: number;
  readonly #table = new KeyRows();
  #numbers: Float64Array;
  #descriptions: Description[] = [];

  /** `layout`: undefined where nothing is recorded, only counted. */
  constructor(limit: number, layout: HistogramLayout | undefined, room: SeriesRoom = { left: Infinity }) {
    this.#limit = limit;
    this.#room = room;
    this.#layout = layout;
    this.#stride = BUCKETS + (layout?.bounds === undefined ? 0 : layout.bounds.length + 1);
    this.#numbers = new Float64Array(INITIAL_ROWS * this.#stride);
  }

  get size(): number {
    return this.#table.size;
  }

  /** The row of the series with this key; a new one gets what `attributes` returns. */
  at(key: KeyWriter, attributes: () => Buffer, startTime: bigint, now: number): number {
    const row = this.#table.find(key);
    this.overflowed = false;
    if (row < 0) return this.#isFull ? this.#rest(startTime, now) : this.#add(key, attributes(), startTime, now);
    this.#numbers[row * this.#stride + SEEN] = now;
    return row;
  }

  count(row: number, times: number): void {
    const at = row * this.#stride + COUNT;
    this.#numbers[at] = (this.#numbers[at] as number) + times;
  }

  /** Adds a value, `times` times, without counting it. */
  record(row: number, value: number, times: number): void {
    const numbers = this.#numbers;
    const bounds = this.#layout?.bounds;
    if (bounds === undefined) {
      this.#descriptionOf(row).exponential?.record(value, times);
      return;
    }
    const start = row * this.#stride;
    numbers[start + SUM] = (numbers[start + SUM] as number) + value * times;
    const bucket = start + BUCKETS + bucketOf(bounds, value);
    numbers[bucket] = (numbers[bucket] as number) + times;
  }

  addExemplar(row: number, span: SpanReader, value: number, most: number): void {
    const description = this.#descriptionOf(row);
    description.exemplars ??= new Exemplars();
    addTo(description.exemplars, span, value, most);
  }

  addValueExemplar(row: number, span: SpanReader, value: number, most: number): void {
    const description = this.#descriptionOf(row);
    description.valueExemplars ??= new Exemplars();
    addTo(description.valueExemplars, span, value, most);
  }

  /** Returns whether there were any. */
  clearExemplars(): boolean {
    let found = false;
    for (const description of this.#descriptions) {
      found ||= description.exemplars !== undefined || description.valueExemplars !== undefined;
      description.exemplars = description.valueExemplars = undefined;
    }
    return found;
  }

  /** Forgets series that were last seen at `time` or before. Returns whether there were any. */
  expire(time: number): boolean {
    const stride = this.#stride;
    const numbers = this.#numbers;
    const before = this.size;
    const kept = this.#table.filter((row) => (numbers[row * stride + SEEN] as number) > time);
    if (kept === undefined) return false;
    this.#room.left += before - kept.length;
    this.#descriptions = kept.map((row) => this.#descriptionOf(row));
    this.#numbers = new Float64Array(Math.max(kept.length, INITIAL_ROWS) * stride);
    for (const [row, old] of kept.entries()) {
      this.#numbers.set(numbers.subarray(old * stride, (old + 1) * stride), row * stride);
    }
    return true;
  }

  /** Gives back the room; the set is not used any more. */
  release(): void {
    this.#room.left += this.size;
  }

  /** The series as they are; `isNew` is true for each only once where `sent` is set. */
  *all(sent: boolean): Generator<Series> {
    const stride = this.#stride;
    for (const [row, description] of this.#descriptions.entries()) {
      const numbers = this.#numbers.subarray(row * stride, (row + 1) * stride);
      const isNew = numbers[NEW] === 1;
      if (sent) numbers[NEW] = 0;
      const [count = 0, sum = 0] = numbers;
      yield { ...description, key: this.#table.keyAt(row), isNew, count, sum, buckets: numbers.subarray(BUCKETS) };
    }
  }

  /** Writes all series as `restore` reads them. */
  encode(to: StateWriter): void {
    to.uint32(this.size).uint32(this.#table.find(OVERFLOW_KEY) + 1);
    to.bytes(this.#table.packed).doubles(this.#numbers.subarray(0, this.size * this.#stride));
    for (const description of this.#descriptions) encodeDescription(description, to);
  }

  /**
   * Takes the series of a set of the same layout; this one has none yet. `keys`: of the kind that `at` gets.
   * Throws where they cannot be read.
   */
  restore(from: StateReader, keys: KeyWriter): void {
    const size = from.uint32();
    const rest = from.uint32() - 1;
    const restKey = new KeyWriter(0);
    try {
      this.#table.restore(from.bytes(), (row) => (row === rest ? restKey : keys));
    } finally {
      this.#room.left -= this.size;
    }
    if (this.size !== size) throw damaged(`${this.size} keys instead of ${size}`);
    const numbers = from.doubles(size * this.#stride);
    if (!numbers.every((one) => one >= 0 && one < Infinity)) throw damaged('a number that cannot be');
    this.#numbers = new Float64Array(Math.max(size, INITIAL_ROWS) * this.#stride);
    this.#numbers.set(numbers);
    for (let row = 0; row < size; row++) this.#descriptions.push(decodeDescription(from, this.#layout));
  }

  get #isFull(): boolean {
    return this.#room.left <= 0 || (this.#limit > 0 && this.size >= this.#limit);
  }

  #descriptionOf(row: number): Description {
    return this.#descriptions[row] as Description;
  }

  #rest(startTime: bigint, now: number): number {
    this.overflowed = true;
    const row = this.#table.find(OVERFLOW_KEY);
    return row < 0 ? this.#add(OVERFLOW_KEY, OVERFLOW, startTime, now) : row;
  }

  #add(key: KeyWriter, attributes: Buffer, startTime: bigint, now: number): number {
    const row = this.#table.add(key);
    this.#room.left--;
    this.#descriptions.push(describe(attributes, startTime, this.#layout));
    const start = row * this.#stride;
    if (start === this.#numbers.length) {
      const larger = new Float64Array(start * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[start + SEEN] = now;
    this.#numbers[start + NEW] = 1;
    return row;
  }
}

function addTo(exemplars: Exemplars, { buffer, traceIdAt, spanIdAt }: SpanReader, value: number, most: number): void {
  if (exemplars.count < most) exemplars.add(buffer, traceIdAt, spanIdAt, value);
}

/** The first bucket whose bound is not less than the value; the last one has no bound. */
function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bounds[middle] as number) >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}
