import type { Timer } from '../../core/clock.ts';
import type { Connector, Consumer, Outputs, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import type { Counter } from '../../core/meter.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanEventReader } from '../../core/otlp/readers/parts.ts';
import { ScopeReader } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { adjustedCount } from '../../core/series/adjusted-count.ts';
import type { SeriesSet } from '../../core/series/series-set.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, type DurationLayout, durationLayout, isDelta } from './config.ts';
import { Identity, type MetricDimensions } from './dimensions.ts';
import { Output, type ResourceSeries } from './output.ts';
import { MOST_SERIES, Resources } from './resources.ts';

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
  readonly #next: Consumer | undefined;
  readonly #identity: Identity;
  readonly #resources: Resources;
  readonly #layout: DurationLayout;
  readonly #overflow: Counter;
  readonly #output: Output;
  readonly #delta: boolean;

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
  /** The flush that is under way. */
  #flushing: Promise<void> | undefined;
  /** Something came in that no flush has carried. */
  #pending = false;
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: Config, outputs: Outputs, mostSeries = MOST_SERIES) {
    this.#settings = settings;
    this.#config = config;
    this.#next = outputs.for('metrics');
    this.#identity = new Identity(settings, config);
    this.#layout = durationLayout(config, settings.featureGate(SECONDS) ? 's' : 'ms');
    const recorded = config.histogram.disable ? undefined : this.#layout;
    this.#resources = new Resources(config, this.#identity, recorded, settings.random() * 0x1_0000_0000, mostSeries);
    this.#overflow = settings.meter.counter(OVERFLOW, { connector: settings.name });
    this.#delta = isDelta(config);
    this.#output = new Output(config, this.#layout, settings.featureGate);
    const maker = (dimensions: MetricDimensions) => () => this.#identity.attributesOf(dimensions);
    this.#attributesOfCalls = maker(this.#identity.calls);
    this.#attributesOfDuration = maker(this.#identity.duration);
    this.#attributesOfEvent = maker(this.#identity.events);
    if (config.dimensions_cache_size !== 0) {
      settings.logger.warn('DimensionsCacheSize is deprecated, please use AggregationCardinalityLimit instead.');
    }
  }

  start(): void {
    const { clock, meter, name } = this.#settings;
    this.#timer = clock.every(this.#config.metrics_flush_interval, () => this.#tick());
    this.#removeGauge = meter.observe(SERIES, { connector: name }, 'gauge', () => this.#resources.series);
  }

  consume(batch: Telemetry): void {
    try {
      if (this.#stopping !== undefined) throw new PipelineError('the span_metrics connector has stopped');
      if (batch.items > 0) this.#aggregate(batch);
    } finally {
      batch.release();
    }
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#flushing;
    if (this.#pending && this.#config.flush_on_shutdown) await this.#flush(true);
    this.#removeGauge?.();
    this.#resources.clear();
  }

  /** While the flush before is still under way this one is left out. */
  #tick(): void {
    if (this.#flushing !== undefined) return;
    this.#flushing = this.#flush(false).finally(() => {
      this.#flushing = undefined;
    });
  }

  #aggregate(batch: Telemetry): void {
    const { clock } = this.#settings;
    this.#startTime = clock.nowNanos();
    this.#now = clock.now();
    this.#traceState = '';
    this.#adjusted = undefined;
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      const entry = this.#resources.at(groups, this.#now);
      if (entry === undefined) continue;
      while (groups.nextScope()) {
        this.#identity.scope(this.#scope.read(groups.buffer, groups.scopeStart, groups.scopeEnd));
        while (groups.nextMember()) {
          this.#add(this.#span.read(groups.buffer, groups.memberStart, groups.memberEnd), entry);
        }
      }
    }
  }

  #add(span: SpanReader, entry: ResourceSeries): void {
    const identity = this.#identity;
    const layout = this.#layout;
    // an end before the start, like an unknown one, is no duration
    const duration = Math.max(span.durationNanos, 0) / layout.nanos;
    const times = this.#timesOf(span);
    const exemplars = this.#config.exemplars.enabled && hasTraceId(span);
    const most = this.#config.exemplars.max_per_data_point;
    identity.at(span, this.#adjusted !== undefined);
    this.#pending = true;

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

  async #flush(last: boolean): Promise<void> {
    const { clock, logger } = this.#settings;
    const batch = this.#output.write(this.#resources, clock.nowNanos(), last);
    this.#pending = this.#output.zeros;
    if (this.#delta) this.#resources.clear();
    else this.#resources.afterFlush(clock.now());
    try {
      if (this.#next === undefined) batch.release();
      else await this.#next.consume(batch);
    } catch (error) {
      logger.error('Failed ConsumeMetrics', { error: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** An id of zeros is none. */
function hasTraceId({ buffer, traceIdAt }: SpanReader): boolean {
  if (traceIdAt < 0) return false;
  for (let i = 0; i < 16; i++) if (buffer[traceIdAt + i] !== 0) return true;
  return false;
}
