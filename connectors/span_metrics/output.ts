import { encodeBounds } from '../../core/otlp/build/fixed64.ts';
import { MetricsBuilder } from '../../core/otlp/build/metrics-builder.ts';
import { Temporality } from '../../core/otlp/readers/metric.ts';
import type { LastFlushes } from '../../core/series/last-flushes.ts';
import type { Series, SeriesSet } from '../../core/series/series-set.ts';
import type { ResourceSeries } from '../../core/series/span-resources.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, type DurationLayout, isDelta } from './config.ts';

const SCOPE = 'spanmetricsconnector';
const DEFAULT_NAMESPACE = 'traces.span.metrics';

/** Of what partition the metrics are, and what is remembered of it from one batch to the next. */
export interface OutputPartition {
  /** Attributes of every resource, also where resources are left out. */
  readonly label: Buffer;
  readonly context: RequestContext;
  readonly lastFlushes: LastFlushes;
}

/** Turns series into a batch of metrics. */
export class Output {
  readonly #builder = new MetricsBuilder();
  readonly #config: Config;
  readonly #layout: DurationLayout;
  readonly #bounds: Buffer;
  readonly #keepResource: boolean;
  readonly #prefix: string;
  readonly #delta: boolean;
  readonly #temporality: number;
  #time = 0n;
  #last = false;
  #zeros = false;
  #partition!: OutputPartition;
  /** The resource has series that were not sent before. */
  #isNew = false;
  #startOf: (series: Series) => bigint = (series) => series.startTime;

  constructor(config: Config, layout: DurationLayout, featureGate: (id: string) => boolean) {
    const gate = (name: string): boolean => featureGate(`connector.spanmetrics.${name}`);
    this.#config = config;
    this.#layout = layout;
    this.#bounds = encodeBounds(layout.bounds ?? []);
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
  write(resources: Iterable<ResourceSeries>, partition: OutputPartition, time: bigint, last: boolean): Telemetry {
    const builder = this.#builder;
    this.#partition = partition;
    this.#time = time;
    this.#last = last;
    this.#zeros = false;
    for (const resource of resources) {
      const sent = new Set<string>();
      this.#isNew = false;
      if (this.#delta) this.#startOf = (series) => this.#afterLastFlush(resource, series, sent);
      builder.openResource(this.#keepResource ? resource.attributes : partition.label);
      builder.openScope(SCOPE);
      this.#writeSum('calls', resource.calls);
      if (!this.#config.histogram.disable) this.#writeDurations(resource.durations);
      if (this.#config.events.enabled) this.#writeSum('events', resource.events);
      builder.closeScope();
      builder.closeResource();
      if (this.#isNew) resource.changed = true;
      for (const series of sent) partition.lastFlushes.set(series, time);
    }
    return builder.finish(partition.context);
  }

  #writeSum(name: string, set: SeriesSet): void {
    const builder = this.#builder;
    builder.openSum({ name: this.#prefix + name }, this.#temporality, true);
    for (const series of set.all(true)) {
      const { attributes, exemplars } = series;
      const zero = series.isNew && !this.#delta && !this.#last;
      const head = { attributes, startTime: this.#startOf(series), time: this.#time, exemplars };
      builder.integerPoint(head, zero ? 0 : series.count);
      if (zero) this.#zeros = true;
      if (series.isNew) this.#isNew = true;
    }
    builder.closeMetric();
  }

  #writeDurations(set: SeriesSet): void {
    const builder = this.#builder;
    const head = { name: `${this.#prefix}duration`, unit: this.#layout.unit };
    if (this.#layout.bounds === undefined) builder.openExponentialHistogram(head, this.#temporality);
    else builder.openHistogram(head, this.#temporality);
    for (const series of set.all(false)) {
      const { attributes, valueExemplars: exemplars, exponential, count, sum, buckets } = series;
      const point = { attributes, startTime: this.#startOf(series), time: this.#time, exemplars };
      if (exponential !== undefined) builder.exponentialPoint(point, exponential);
      else builder.histogramPoint(point, count, sum, buckets, this.#bounds);
    }
    builder.closeMetric();
  }

  /** A delta point begins where the one before ended, if that is still known. */
  #afterLastFlush({ identity }: ResourceSeries, { key, startTime }: Series, sent: Set<string>): bigint {
    const name = `${identity}\n${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
    sent.add(name);
    return this.#partition.lastFlushes.get(name) ?? startTime;
  }
}
