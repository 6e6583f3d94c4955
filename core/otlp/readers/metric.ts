import { next, readInt32, readVarint, skipValue } from '../wire.ts';
import { Attributes } from './attributes.ts';

/** What kind of data a metric has: the number of its field in the Metric message; NONE for a metric without data. */
export const MetricType = { NONE: 0, GAUGE: 5, SUM: 7, HISTOGRAM: 9, EXPONENTIAL_HISTOGRAM: 10, SUMMARY: 11 } as const;
export type MetricType = (typeof MetricType)[keyof typeof MetricType];

/** Values of `aggregationTemporality`. */
export const Temporality = { UNSPECIFIED: 0, DELTA: 1, CUMULATIVE: 2 } as const;

/** The tag of data points in all five kinds of data. */
export const POINT = (1 << 3) | 2;

const TEMPORALITY = 2 << 3;
const MONOTONIC = 3 << 3;
const METADATA = (12 << 3) | 2;
const NOTHING = Buffer.alloc(0);

/**
 * A metric: `read`, then its fields, then `while (metric.nextPoint()) point.read(metric.type, …)`. Of data given
 * twice the last one stands, whatever its kind, as everywhere in protobuf.
 */
export class MetricReader {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  type: MetricType = MetricType.NONE;
  nameStart = 0;
  nameEnd = 0;
  descriptionStart = 0;
  descriptionEnd = 0;
  unitStart = 0;
  unitEnd = 0;
  /** The field with the data, from its tag, and the message in it. */
  dataField = 0;
  dataStart = 0;
  dataEnd = 0;
  /** See `Temporality`; 0 for gauges and summaries. */
  temporality = 0;
  monotonic = false;
  pointField = 0;
  pointStart = 0;
  pointEnd = 0;

  readonly #metadata = new Attributes();

  read(buffer: Buffer, start: number, end: number): this {
    this.#reset(buffer, start, end);
    let position = start;
    while (position < end) {
      const at = position;
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if ((tag & 7) !== 2) continue;
      readVarint(buffer, value);
      switch (tag >>> 3) {
        case 1:
          this.nameStart = next;
          this.nameEnd = position;
          break;
        case 2:
          this.descriptionStart = next;
          this.descriptionEnd = position;
          break;
        case 3:
          this.unitStart = next;
          this.unitEnd = position;
          break;
        case MetricType.GAUGE:
        case MetricType.SUM:
        case MetricType.HISTOGRAM:
        case MetricType.EXPONENTIAL_HISTOGRAM:
        case MetricType.SUMMARY:
          this.type = (tag >>> 3) as MetricType;
          this.dataField = at;
          this.dataStart = next;
          this.dataEnd = position;
      }
    }
    this.pointEnd = this.dataStart;
    if (this.type === MetricType.SUM || this.type === MetricType.HISTOGRAM) this.#readData();
    else if (this.type === MetricType.EXPONENTIAL_HISTOGRAM) this.#readData();
    return this;
  }

  nextPoint(): boolean {
    const { buffer, dataEnd } = this;
    let position = this.pointEnd;
    while (position < dataEnd) {
      const at = position;
      const tag = readVarint(buffer, position);
      if (tag === POINT) {
        const length = readVarint(buffer, next);
        this.pointField = at;
        this.pointStart = next;
        this.pointEnd = next + length;
        return true;
      }
      position = skipValue(buffer, next, tag);
    }
    this.pointEnd = dataEnd;
    return false;
  }

  /** Begins with the first data point again. */
  rewind(): void {
    this.pointEnd = this.dataStart;
  }

  get name(): string {
    return this.buffer.toString('utf8', this.nameStart, this.nameEnd);
  }

  get description(): string {
    return this.buffer.toString('utf8', this.descriptionStart, this.descriptionEnd);
  }

  get unit(): string {
    return this.buffer.toString('utf8', this.unitStart, this.unitEnd);
  }

  get metadata(): Attributes {
    return this.#metadata.set(this.buffer, this.start, this.end, METADATA);
  }

  #reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.type = MetricType.NONE;
    this.nameStart = this.nameEnd = end;
    this.descriptionStart = this.descriptionEnd = end;
    this.unitStart = this.unitEnd = end;
    this.dataField = this.dataStart = this.dataEnd = end;
    this.temporality = 0;
    this.monotonic = false;
  }

  #readData(): void {
    const { buffer, dataEnd } = this;
    let position = this.dataStart;
    while (position < dataEnd) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === TEMPORALITY) this.temporality = readInt32(buffer, value);
      else if (tag === MONOTONIC && this.type === MetricType.SUM) this.monotonic = readVarint(buffer, value) !== 0;
    }
  }
}

/** How many data points the metric in `buffer[start, end)` has. */
export function countPoints(buffer: Buffer, start: number, end: number): number {
  counting.read(buffer, start, end);
  let points = 0;
  while (counting.nextPoint()) points++;
  return points;
}

const counting = new MetricReader();
