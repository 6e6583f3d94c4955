import { Attributes } from '../../core/otlp/readers/attributes.ts';
import type { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import type { Groups } from '../../core/otlp/readers/groups.ts';
import type { MetricReader } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { AttributesKey } from '../../core/series/attributes-key.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import { KeyedEntries } from '../../core/series/keyed-entries.ts';
import type { ExponentialPoint } from './exponential.ts';

/** What an explicit histogram was. */
export interface HistogramPoint {
  readonly count: bigint;
  readonly sum: number;
  readonly bounds: readonly number[];
  readonly counts: readonly bigint[];
}

/** A series and its last point. Sums are `double`, or an integer in two unsigned halves. */
export interface Stream {
  readonly metric: Metric;
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

/** The keys of its streams begin with the id of a metric. */
interface Metric {
  readonly id: number;
  used: boolean;
}

/**
 * Series that are remembered at most, about 300 bytes each. With more, those that have gone longest without a point
 * are forgotten, half of them at once.
 */
const MAX_STREAMS = 1_000_000;

/** Finds series by resource, scope, metric, attributes and start time. */
export class Streams {
  /** Whether the stream that was found last is a new one. */
  isNew = false;
  #points = 0;
  readonly #limit: number;
  readonly #metrics = new KeyedEntries<Metric>();
  readonly #streams = new KeyedEntries<Stream>();
  #lastId = 0;
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
    return this.#streams.size;
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
    this.#metric = this.#metrics.find(keys) ?? this.#metrics.add(keys, { id: ++this.#lastId, used: true });
  }

  /** The stream of a point; `valueType` tells integers from doubles. */
  find(point: DataPointReader, valueType: number): Stream {
    const keys = this.#keys;
    const { buffer, startTimeAt } = point;
    const metric = this.#metric as Metric;
    keys.begin();
    keys.length(metric.id);
    keys.byte(valueType);
    if (startTimeAt >= 0) keys.copy(buffer, startTimeAt, startTimeAt + 8);
    else for (let i = 0; i < 8; i++) keys.byte(0);
    this.#attributesKey.write(point.attributes);
    keys.finish();
    let stream = this.#streams.find(keys);
    this.isNew = stream === undefined;
    if (stream === undefined) {
      if (this.count >= this.#limit) this.#filter((s) => s.seen > this.#points - this.#limit / 2);
      const nothing = { timeHigh: 0, timeLow: 0, high: 0, low: 0, double: 0, seen: 0 };
      stream = this.#streams.add(keys, { metric, ...nothing });
    }
    stream.seen = ++this.#points;
    return stream;
  }

  /** Forgets the series whose last point is from before this time. */
  removeBefore(timeHigh: number, timeLow: number): void {
    this.#filter((s) => s.timeHigh > timeHigh || (s.timeHigh === timeHigh && s.timeLow >= timeLow));
  }

  /** Metrics without streams are forgotten, but for the one that is open. */
  #filter(keep: (stream: Stream) => boolean): void {
    this.#metrics.filter((metric) => {
      metric.used = metric === this.#metric;
      return true;
    });
    this.#streams.filter((stream) => {
      const kept = keep(stream);
      if (kept) stream.metric.used = true;
      return kept;
    });
    this.#metrics.filter((metric) => metric.used);
  }
}
