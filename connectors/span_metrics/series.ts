import { AttributeList } from '../../core/otlp/build/attribute-list.ts';
import { Exemplars } from '../../core/otlp/build/exemplars.ts';
import { ExponentialHistogram } from '../../core/otlp/build/exponential-histogram.ts';
import { MetricsBuilder, type PointHead } from '../../core/otlp/build/metrics-builder.ts';
import { Temporality } from '../../core/otlp/readers/metric.ts';
import type { SpanReader } from '../../core/otlp/readers/span.ts';
import { encodeValue } from '../../core/otlp/value-encode.ts';
import { type Keyed, KeyTable } from '../../core/series/key-table.ts';
import type { KeyWriter } from '../../core/series/key-writer.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, type DurationLayout, isDelta, timestampCacheSize } from './config.ts';

const SCOPE = 'spanmetricsconnector';
const DEFAULT_NAMESPACE = 'traces.span.metrics';
const NOTHING = Buffer.alloc(0);

const OVERFLOW = new AttributeList().put(Buffer.from('otel.metric.overflow'), encodeValue(true)).encode();

/** What is known of one combination of attributes: how many, and for durations how long. */
export class Series implements Keyed {
  readonly hash: number;
  readonly key: Int32Array;
  readonly attributes: Buffer;
  readonly startTime: bigint;
  /** Milliseconds since the Unix epoch. */
  lastSeen: number;
  count = 0;
  /** Not sent yet. The first value of a cumulative sum is 0, so that Prometheus sees it rise from there. */
  isNew = true;
  exemplars: Exemplars | undefined;
  durationExemplars: Exemplars | undefined;
  #sum = 0;
  #buckets: Float64Array | undefined;
  #exponential: ExponentialHistogram | undefined;

  constructor(key: KeyWriter, attributes: Buffer, startTime: bigint, lastSeen: number) {
    this.hash = key.hash;
    this.key = key.take();
    this.attributes = attributes;
    this.startTime = startTime;
    this.lastSeen = lastSeen;
  }

  /** Adds a duration, `times` times, without counting it in `count`. */
  record(layout: DurationLayout, value: number, times: number): void {
    const { bounds } = layout;
    if (bounds === undefined) {
      this.#exponential ??= new ExponentialHistogram(layout.maxSize);
      this.#exponential.record(value, times);
      return;
    }
    this.#buckets ??= new Float64Array(bounds.length + 1);
    this.#sum += value * times;
    const bucket = bucketOf(bounds, value);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + times;
  }

  writeDurations(builder: MetricsBuilder, layout: DurationLayout, head: PointHead): void {
    if (this.#exponential !== undefined) builder.exponentialPoint(head, this.#exponential);
    else if (this.#buckets !== undefined) {
      builder.histogramPoint(head, this.count, this.#sum, this.#buckets, layout.encodedBounds);
    }
  }

  addExemplar(span: SpanReader, value: number, most: number): void {
    this.exemplars ??= new Exemplars();
    if (this.exemplars.count < most) this.exemplars.add(span.buffer, span.traceIdAt, span.spanIdAt, value);
  }
  addDurationExemplar(span: SpanReader, value: number, most: number): void {
    this.durationExemplars ??= new Exemplars();
    if (this.durationExemplars.count < most) {
      this.durationExemplars.add(span.buffer, span.traceIdAt, span.spanIdAt, value);
    }
  }
  clearExemplars(): void {
    this.exemplars = this.durationExemplars = undefined;
  }
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

/** The series of one metric of one resource, at most `limit` and one for the rest; 0 is no limit. */
export class SeriesSet {
  /** Set by `at`: the series is the one for the rest. */
  overflowed = false;
  readonly #limit: number;
  readonly #table = new KeyTable<Series>();
  #overflow: Series | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#table.size + (this.#overflow === undefined ? 0 : 1);
  }

  *[Symbol.iterator](): Generator<Series> {
    yield* this.#table.entries;
    if (this.#overflow !== undefined) yield this.#overflow;
  }

  /** The series with this key; a new one gets what `attributes` returns. */
  at(key: KeyWriter, attributes: () => Buffer, startTime: bigint, now: number): Series {
    this.overflowed = false;
    const known = this.#table.find(key);
    if (known !== undefined) {
      known.lastSeen = now;
      return known;
    }
    if (this.#limit > 0 && this.size >= this.#limit) {
      this.overflowed = true;
      this.#overflow ??= new Series(key, OVERFLOW, startTime, now);
      return this.#overflow;
    }
    const created = new Series(key, attributes(), startTime, now);
    this.#table.add(created);
    return created;
  }

  /** Forgets series that were last seen at `time` or before. */
  expire(time: number): void {
    this.#table.filter((series) => series.lastSeen > time);
    if (this.#overflow !== undefined && this.#overflow.lastSeen <= time) this.#overflow = undefined;
  }

  clearExemplars(): void {
    for (const series of this) series.clearExemplars();
  }
}

/** The metrics of one resource. */
export interface ResourceSeries {
  /** The same for all spans of the resource, whatever the order of its attributes. */
  readonly identity: string;
  /** Of the first resource with this identity, for the output. */
  readonly attributes: Buffer;
  readonly calls: SeriesSet;
  /** The same as `calls` where no metric has dimensions of its own. */
  readonly durations: SeriesSet;
  readonly events: SeriesSet;
}

/** Turns series into a batch of metrics. */
export class Output {
  readonly #builder = new MetricsBuilder();
  readonly #config: Config;
  readonly #layout: DurationLayout;
  readonly #keepResource: boolean;
  readonly #prefix: string;
  readonly #delta: boolean;
  readonly #temporality: number;
  /** Of delta series, when they were sent last: the start of the next point. Oldest first. */
  readonly #lastFlushes = new Map<string, bigint>();
  #time = 0n;
  #last = false;
  #zeros = false;
  #startOf: (series: Series) => bigint = (series) => series.startTime;

  constructor(config: Config, layout: DurationLayout, featureGate: (id: string) => boolean) {
    const gate = (name: string): boolean => featureGate(`connector.spanmetrics.${name}`);
    this.#config = config;
    this.#layout = layout;
    this.#delta = isDelta(config);
    this.#temporality = this.#delta ? Temporality.DELTA : Temporality.CUMULATIVE;
    this.#keepResource = !gate('excludeResourceMetrics') || config.add_resource_attributes;
    const namespace = gate('legacyMetricNames') && config.namespace === DEFAULT_NAMESPACE ? '' : config.namespace;
    this.#prefix = namespace === '' ? '' : `${namespace}.`;
  }

  /** The last batch has new cumulative sums in it that say 0 in place of their value. */
  get zeros(): boolean {
    return this.#zeros;
  }

  /** `last`: nothing is sent after it, so new cumulative sums have their value at once. */
  write(resources: Iterable<ResourceSeries>, time: bigint, last: boolean): Telemetry {
    const builder = this.#builder;
    this.#time = time;
    this.#last = last;
    this.#zeros = false;
    for (const resource of resources) {
      const sent = new Set<string>();
      if (this.#delta) this.#startOf = (series) => this.#afterLastFlush(resource, series, sent);
      builder.openResource(this.#keepResource ? resource.attributes : NOTHING);
      builder.openScope(SCOPE);
      this.#writeSum('calls', resource.calls);
      if (!this.#config.histogram.disable) this.#writeDurations(resource.durations);
      if (this.#config.events.enabled) this.#writeSum('events', resource.events);
      builder.closeScope();
      builder.closeResource();
      for (const series of sent) this.#remember(series);
    }
    return builder.finish();
  }

  #writeSum(name: string, set: SeriesSet): void {
    const builder = this.#builder;
    builder.openSum({ name: this.#prefix + name }, this.#temporality, true);
    for (const series of set) {
      const { attributes, exemplars } = series;
      const zero = series.isNew && !this.#delta && !this.#last;
      const head = { attributes, startTime: this.#startOf(series), time: this.#time, exemplars };
      builder.integerPoint(head, zero ? 0 : series.count);
      series.isNew = false;
      if (zero) this.#zeros = true;
    }
    builder.closeMetric();
  }

  #writeDurations(set: SeriesSet): void {
    const builder = this.#builder;
    const head = { name: `${this.#prefix}duration`, unit: this.#layout.unit };
    if (this.#layout.bounds === undefined) builder.openExponentialHistogram(head, this.#temporality);
    else builder.openHistogram(head, this.#temporality);
    for (const series of set) {
      const { attributes, durationExemplars: exemplars } = series;
      const point = { attributes, startTime: this.#startOf(series), time: this.#time, exemplars };
      series.writeDurations(builder, this.#layout, point);
    }
    builder.closeMetric();
  }

  /** A delta point begins where the one before ended, if that is still known. */
  #afterLastFlush({ identity }: ResourceSeries, { key, startTime }: Series, sent: Set<string>): bigint {
    const name = `${identity}\n${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
    sent.add(name);
    return this.#lastFlushes.get(name) ?? startTime;
  }

  #remember(series: string): void {
    this.#lastFlushes.delete(series);
    this.#lastFlushes.set(series, this.#time);
    if (this.#lastFlushes.size <= timestampCacheSize(this.#config)) return;
    const [oldest] = this.#lastFlushes.keys();
    if (oldest !== undefined) this.#lastFlushes.delete(oldest);
  }
}
