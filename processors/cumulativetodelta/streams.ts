import { Attributes } from '../../core/otlp/readers/attributes.ts';
import type { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import type { Groups } from '../../core/otlp/readers/groups.ts';
import type { MetricReader } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { AttributesKey } from '../../core/series/attributes-key.ts';
import { type Keyed, KeyTable } from '../../core/series/key-table.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import type { ExponentialPoint } from './exponential.ts';

/** What an explicit histogram was. */
export interface HistogramPoint {
  readonly count: bigint;
  readonly sum: number;
  readonly bounds: readonly number[];
  readonly counts: readonly bigint[];
}

/** A series and its last point. Sums are `double`, or an integer in two unsigned halves. */
export interface Stream extends Keyed {
  /** Nanoseconds since the Unix epoch, in two unsigned halves. */
  timeHigh: number;
  timeLow: number;
  high: number;
  low: number;
  double: number;
  histogram?: HistogramPoint;
  exponential?: ExponentialPoint;
  /** Counts up with each point of any stream. */
  seen: number;
}

/** The series of one metric. */
interface Metric extends Keyed {
  readonly streams: KeyTable<Stream>;
}

/**
 * Series that are remembered at most, about 300 bytes each. With more, those that have gone longest without a point
 * are forgotten, half of them at once.
 */
export const MAX_STREAMS = 1_000_000;

/** Finds series by resource, scope, metric, attributes and start time. */
export class Streams {
  /** Whether the stream that was found last is a new one. */
  isNew = false;
  #count = 0;
  #points = 0;
  readonly #limit: number;
  readonly #metrics = new KeyTable<Metric>();
  readonly #keys: KeyWriter;
  readonly #attributesKey: AttributesKey;
  readonly #attributes = new Attributes();
  readonly #scope = new ScopeReader();
  #metric: Metric | undefined;

  constructor(seed: number, limit = MAX_STREAMS) {
    this.#limit = limit;
    this.#keys = new KeyWriter(seed);
    this.#attributesKey = new AttributesKey(this.#keys);
  }

  get count(): number {
    return this.#count;
  }

  /** What follows are points of this metric. */
  openMetric(at: Groups, metric: MetricReader): void {
    const keys = this.#keys;
    const parts = this.#attributesKey;
    const scope = this.#scope.read(at.buffer, at.scopeStart, at.scopeEnd);
    keys.begin();
    parts.write(this.#attributes.set(at.buffer, at.resourceStart, at.resourceEnd, RESOURCE_ATTRIBUTES));
    parts.bytes(at.buffer, scope.nameStart, scope.nameEnd);
    parts.bytes(at.buffer, scope.versionStart, scope.versionEnd);
    parts.bytes(at.buffer, metric.nameStart, metric.nameEnd);
    parts.bytes(at.buffer, metric.unitStart, metric.unitEnd);
    keys.byte(metric.type);
    keys.finish();
    this.#metric = this.#metrics.find(keys);
    if (this.#metric !== undefined) return;
    this.#metric = { hash: keys.hash, key: keys.take(), streams: new KeyTable() };
    this.#metrics.add(this.#metric);
  }

  /** The stream of a point; `valueType` tells integers from doubles. */
  find(point: DataPointReader, valueType: number): Stream {
    const keys = this.#keys;
    const { buffer, startTimeAt } = point;
    keys.begin();
    keys.byte(valueType);
    if (startTimeAt >= 0) keys.copy(buffer, startTimeAt, startTimeAt + 8);
    else for (let i = 0; i < 8; i++) keys.byte(0);
    this.#attributesKey.write(point.attributes);
    keys.finish();
    const { streams } = this.#metric as Metric;
    let stream = streams.find(keys);
    this.isNew = stream === undefined;
    if (stream === undefined) {
      const nothing = { timeHigh: 0, timeLow: 0, high: 0, low: 0, double: 0, seen: 0 };
      stream = { hash: keys.hash, key: keys.take(), ...nothing };
      streams.add(stream);
      if (++this.#count > this.#limit) this.#filter((s) => s === stream || s.seen > this.#points - this.#limit / 2);
    }
    stream.seen = ++this.#points;
    return stream;
  }

  /** Forgets the series whose last point is from before this time; tells how many. */
  removeBefore(timeHigh: number, timeLow: number): void {
    this.#filter((s) => s.timeHigh > timeHigh || (s.timeHigh === timeHigh && s.timeLow >= timeLow));
  }

  #filter(keep: (stream: Stream) => boolean): void {
    this.#count = 0;
    for (const { streams } of this.#metrics.entries) {
      streams.filter(keep);
      this.#count += streams.size;
    }
    this.#metrics.filter((metric) => metric.streams.size > 0 || metric === this.#metric);
  }
}
