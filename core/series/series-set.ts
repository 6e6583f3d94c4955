import { AttributeList } from '../otlp/build/attribute-list.ts';
import { Exemplars } from '../otlp/build/exemplars.ts';
import { ExponentialHistogram } from '../otlp/build/exponential-histogram.ts';
import type { SpanReader } from '../otlp/readers/span.ts';
import { encodeValue } from '../otlp/value-encode.ts';
import { KeyRows } from './key-rows.ts';
import { KeyWriter } from './key-writer.ts';

/** How values are counted: in buckets with these upper bounds, else in an exponential histogram of this size. */
export interface HistogramLayout {
  readonly bounds: readonly number[] | undefined;
  readonly maxSize: number;
}

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

/** What a row has besides numbers. */
interface Description {
  readonly attributes: Buffer;
  readonly startTime: bigint;
  exemplars: Exemplars | undefined;
  /** Of the histogram, where it is a metric of its own beside the count. */
  valueExemplars: Exemplars | undefined;
  exponential: ExponentialHistogram | undefined;
}

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

  clearExemplars(): void {
    for (const description of this.#descriptions) {
      description.exemplars = description.valueExemplars = undefined;
    }
  }

  /** Forgets series that were last seen at `time` or before. */
  expire(time: number): void {
    const stride = this.#stride;
    const numbers = this.#numbers;
    const before = this.size;
    const kept = this.#table.filter((row) => (numbers[row * stride + SEEN] as number) > time);
    if (kept === undefined) return;
    this.#room.left += before - kept.length;
    this.#descriptions = kept.map((row) => this.#descriptionOf(row));
    this.#numbers = new Float64Array(Math.max(kept.length, INITIAL_ROWS) * stride);
    for (const [row, old] of kept.entries()) {
      this.#numbers.set(numbers.subarray(old * stride, (old + 1) * stride), row * stride);
    }
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
    const layout = this.#layout;
    const row = this.#table.add(key);
    this.#room.left--;
    const isExponential = layout !== undefined && layout.bounds === undefined;
    const exponential = isExponential ? new ExponentialHistogram(layout.maxSize) : undefined;
    const none = { exemplars: undefined, valueExemplars: undefined };
    this.#descriptions.push({ attributes, startTime, ...none, exponential });
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
