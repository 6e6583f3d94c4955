import { checkpoints } from '../../core/checkpoint.ts';
import type { Timer } from '../../core/clock.ts';
import type { Connector, Host, Outputs, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import type { Counter } from '../../core/meter.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanEventReader } from '../../core/otlp/readers/parts.ts';
import { ScopeReader } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { adjustedCount } from '../../core/series/adjusted-count.ts';
import { KnownResources } from '../../core/series/known-resources.ts';
import type { SeriesRoom, SeriesSet } from '../../core/series/series-set.ts';
import type { ResourceSeries, SpanResourcesOptions } from '../../core/series/span-resources.ts';
import { NO_PARTITION } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, type DurationLayout, durationLayout, shapeOf } from './config.ts';
import { Identity, type MetricDimensions } from './dimensions.ts';
import { Output } from './output.ts';
import { type PartitionSeries, Partitions } from './partition.ts';

/** The most series of all partitions: they may take about a gigabyte. What is beyond is counted as the rest. */
const MOST_SERIES = 1_000_000;

const SECONDS = 'connector.spanmetrics.useSecondAsDefaultMetricsUnit';

const SERIES = {
  name: 'otelcol_connector_span_metrics_series',
  description: 'Series held in memory.',
  unit: '{series}',
};
const OVERFLOW = {
  name: 'otelcol_connector_span_metrics_overflow',
  description: 'Calls, durations and events counted under otel.metric.overflow, because of too many series.',
  unit: '{items}',
};

/** Counts spans, their durations and events by their attributes, and sends the metrics at every interval. */
export class SpanMetricsConnector implements Connector {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #identity: Identity;
  readonly #known: KnownResources;
  readonly #layout: DurationLayout;
  readonly #overflow: Counter;
  readonly #mostSeries: number;
  readonly #room: SeriesRoom;
  readonly #partitions: Partitions;
  /** Of everything, where partitions are not counted apart. */
  readonly #whole: PartitionSeries;
  /** There are checkpoints, so that each partition is counted apart. */
  #divided = false;
  /** Whether somebody keeps the state of a partition when the process ends. */
  #keeps: (partition: string) => boolean = () => false;

  readonly #groups = new Groups();
  readonly #scope = new ScopeReader();
  readonly #span = new SpanReader();
  readonly #event = new SpanEventReader();
  readonly #attributesOfCalls: () => Buffer;
  readonly #attributesOfDuration: () => Buffer;
  readonly #attributesOfEvent: () => Buffer;
  #startTime = 0n;
  #now = 0;
  /** The `tracestate` of the span before, and what it meant: spans of a trace have the same. */
  #traceState = '';
  #adjusted: number | undefined;

  #timer: Timer | undefined;
  #removeGauge: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: Config, outputs: Outputs, mostSeries = MOST_SERIES) {
    this.#settings = settings;
    this.#config = config;
    const identity = new Identity(settings, config);
    this.#identity = identity;
    this.#layout = durationLayout(config, settings.featureGate(SECONDS) ? 's' : 'ms');
    const seed = settings.random() * 0x1_0000_0000;
    const keyAttributes = config.resource_metrics_key_attributes;
    this.#known = new KnownResources({ seed, keyAttributes, lookup: () => identity.lookup() });
    this.#overflow = settings.meter.counter(OVERFLOW, { connector: settings.name });
    this.#mostSeries = mostSeries;
    this.#room = { left: mostSeries };
    this.#partitions = new Partitions({
      settings,
      config,
      output: new Output(config, this.#layout, settings.featureGate),
      resources: this.#resourcesOptions(),
      pipelines: outputs.pipelines,
      shape: shapeOf(config, this.#layout, settings.featureGate),
    });
    this.#whole = this.#partitions.of(NO_PARTITION);
    const maker = (dimensions: MetricDimensions) => () => identity.attributesOf(dimensions);
    this.#attributesOfCalls = maker(identity.calls);
    this.#attributesOfDuration = maker(identity.duration);
    this.#attributesOfEvent = maker(identity.events);
    if (config.dimensions_cache_size !== 0) {
      settings.logger.warn('DimensionsCacheSize is deprecated, please use AggregationCardinalityLimit instead.');
    }
  }

  start(host: Host): void | Promise<void> {
    const { clock, meter, name, kind } = this.#settings;
    this.#timer = clock.every(this.#config.metrics_flush_interval, () => {
      for (const partition of this.#partitions.all()) partition.tick(!this.#divided);
    });
    const series = () => this.#mostSeries - this.#room.left;
    this.#removeGauge = meter.observe(SERIES, { connector: name }, 'gauge', series);
    const keeper = checkpoints(host);
    if (keeper === undefined) return;
    this.#divided = true;
    // in Kafka a process has no place of its own: what is of no partition could not be found again
    this.#keeps = (partition) => !keeper.exactlyOnce || partition !== NO_PARTITION;
    return keeper.register({ kind, id: name, name: '' }, this.#partitions);
  }

  consume(batch: Telemetry): void {
    try {
      if (this.#stopping !== undefined) throw new PipelineError('the span_metrics connector has stopped');
      if (batch.items === 0) return;
      if (this.#divided) this.#add(batch);
      else this.#aggregate(batch, this.#whole);
    } finally {
      batch.release();
    }
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #resourcesOptions(): SpanResourcesOptions {
    const { exemplars, series_expiration, metrics_expiration, histogram } = this.#config;
    return {
      most: this.#config.resource_metrics_cache_size,
      limit: this.#config.aggregation_cardinality_limit,
      exemplars: exemplars.enabled,
      seriesExpiration: series_expiration,
      resourceExpiration: metrics_expiration,
      shared: this.#identity.shared,
      layout: histogram.disable ? undefined : this.#layout,
      keys: this.#identity.keys,
      room: this.#room,
    };
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    for (const partition of this.#partitions.all()) await partition.stop(this.#keeps(partition.name));
    this.#removeGauge?.();
  }

  /** Unless it comes again because another stage refused it. */
  #add(batch: Telemetry): void {
    const { stream } = batch.context;
    const partition = this.#partitions.of(stream?.partition ?? NO_PARTITION);
    const delivery = stream?.delivery;
    if (delivery !== undefined && partition.taken.has(delivery)) return;
    this.#aggregate(batch, partition);
    if (delivery !== undefined) partition.taken.add();
  }

  #aggregate(batch: Telemetry, partition: PartitionSeries): void {
    const { clock } = this.#settings;
    this.#startTime = clock.nowNanos();
    this.#now = clock.now();
    this.#traceState = '';
    this.#adjusted = undefined;
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      const resource = this.#known.at(groups);
      // spans of resources without a service are not counted
      if (!resource.named) continue;
      this.#identity.resource(resource);
      const entry = partition.resources.at(resource, this.#now);
      while (groups.nextScope()) {
        this.#identity.scope(this.#scope.read(groups.buffer, groups.scopeStart, groups.scopeEnd));
        while (groups.nextMember()) {
          this.#addSpan(this.#span.read(groups.buffer, groups.memberStart, groups.memberEnd), entry);
          partition.pending = true;
        }
      }
    }
  }

  #addSpan(span: SpanReader, entry: ResourceSeries): void {
    const identity = this.#identity;
    const layout = this.#layout;
    // an end before the start, like an unknown one, is no duration
    const duration = Math.max(span.durationNanos, 0) / layout.nanos;
    const times = this.#timesOf(span);
    const exemplars = this.#config.exemplars.enabled && hasTraceId(span);
    const most = this.#config.exemplars.max_per_data_point;
    identity.at(span, this.#adjusted !== undefined);

    const { calls, durations, events } = entry;
    let row = this.#count(calls, identity.calls, this.#attributesOfCalls, times);
    if (exemplars && !calls.overflowed) calls.addExemplar(row, span, duration, most);
    if (!this.#config.histogram.disable) {
      if (!identity.shared) row = this.#count(durations, identity.duration, this.#attributesOfDuration, times);
      if (exemplars && !durations.overflowed) durations.addValueExemplar(row, span, duration, most);
      durations.record(row, duration, times);
    }
    if (!this.#config.events.enabled) return;
    const messages = span.events;
    while (messages.next()) {
      identity.atEvent(this.#event.read(messages.buffer, messages.messageStart, messages.messageEnd).attributes);
      row = this.#count(events, identity.events, this.#attributesOfEvent, times);
      if (exemplars && !events.overflowed) events.addExemplar(row, span, duration, most);
    }
  }

  /** Counts the span, or event, and returns the row of its series. */
  #count(set: SeriesSet, dimensions: MetricDimensions, attributes: () => Buffer, times: number): number {
    const row = set.at(this.#identity.keyOf(dimensions), attributes, this.#startTime, this.#now);
    if (set.overflowed) this.#overflow.add(times);
    set.count(row, times);
    return row;
  }

  /** How many spans this one stands for. */
  #timesOf(span: SpanReader): number {
    if (span.traceStateStart === span.traceStateEnd) {
      this.#traceState = '';
      this.#adjusted = undefined;
      return 1;
    }
    const { traceState } = span;
    if (traceState !== this.#traceState) {
      this.#traceState = traceState;
      this.#adjusted = adjustedCount(traceState, this.#settings.random);
    }
    return this.#adjusted ?? 1;
  }
}

/** An id of zeros is none. */
function hasTraceId({ buffer, traceIdAt }: SpanReader): boolean {
  if (traceIdAt < 0) return false;
  for (let i = 0; i < 16; i++) if (buffer[traceIdAt + i] !== 0) return true;
  return false;
}
