import type { Connector, Outputs, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { copyAttributes } from '../../core/otlp/build/attribute-list.ts';
import { MetricsBuilder } from '../../core/otlp/build/metrics-builder.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { MetricReader, MetricType } from '../../core/otlp/readers/metric.ts';
import { SpanEventReader } from '../../core/otlp/readers/parts.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config, MetricInfo } from './config.ts';
import { Counter } from './counter.ts';

const SCOPE = 'github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector';

/** Sends, for every batch and each resource in it, how many items there were. */
export class CountConnector implements Connector {
  readonly #settings: Settings;
  readonly #outputs: Outputs;
  readonly #spans: Counter;
  readonly #events: Counter;
  readonly #metrics: Counter;
  readonly #points: Counter;
  readonly #logs: Counter;
  readonly #counters: Readonly<Record<Signal, readonly Counter[]>>;

  readonly #builder = new MetricsBuilder();
  readonly #groups = new Groups();
  readonly #resource = new Attributes();
  readonly #scope = new ScopeReader();
  readonly #span = new SpanReader();
  readonly #event = new SpanEventReader();
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();
  readonly #log = new LogRecordReader();
  #stopped = false;

  constructor(settings: Settings, config: Config, outputs: Outputs) {
    this.#settings = settings;
    this.#outputs = outputs;
    const keys = new KeyWriter(settings.random() * 0x1_0000_0000);
    const counter = (metrics: Readonly<Record<string, MetricInfo>>, name: string, what: string): Counter =>
      new Counter(metrics, [name, what], keys);
    this.#spans = counter(config.spans, 'trace.span.count', 'spans');
    this.#events = counter(config.spanevents, 'trace.span.event.count', 'span events');
    this.#metrics = counter(config.metrics, 'metric.count', 'metrics');
    this.#points = counter(config.datapoints, 'metric.datapoint.count', 'data points');
    this.#logs = counter(config.logs, 'log.record.count', 'log records');
    this.#counters = {
      traces: [this.#spans, this.#events],
      metrics: [this.#metrics, this.#points],
      logs: [this.#logs],
    };
  }

  start(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    const next = this.#outputs.for('metrics');
    let counted: Telemetry;
    try {
      if (this.#stopped) throw new PipelineError('the count connector has stopped');
      counted = this.#count(batch);
    } finally {
      batch.release();
    }
    if (next !== undefined) return next.consume(counted);
  }

  shutdown(): void {
    this.#stopped = true;
  }

  #count(batch: Telemetry): Telemetry {
    const counters = this.#counters[batch.signal];
    const faults: string[] = [];
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      const resource = this.#resource.set(groups.buffer, groups.resourceStart, groups.resourceEnd, RESOURCE_ATTRIBUTES);
      for (const counter of counters) counter.resource(resource);
      while (groups.nextScope()) {
        const scope = this.#scope.read(groups.buffer, groups.scopeStart, groups.scopeEnd).attributes;
        for (const counter of counters) counter.scope(scope);
        while (groups.nextMember()) this.#item(batch.signal, groups, faults);
      }
      if (counters.every((counter) => counter.isEmpty)) for (const counter of counters) counter.clear();
      else this.#write(copyAttributes(resource), counters);
    }
    const counted = this.#builder.finish();
    if (faults.length > 0) throw new PipelineError(faults.join('\n'));
    return counted;
  }

  #write(resource: Buffer, counters: readonly Counter[]): void {
    const now = this.#settings.clock.nowNanos();
    this.#builder.openResource(resource);
    this.#builder.openScope(SCOPE);
    for (const counter of counters) counter.write(this.#builder, now);
    this.#builder.closeScope();
    this.#builder.closeResource();
  }

  #item(signal: Signal, { buffer, memberStart, memberEnd }: Groups, faults: string[]): void {
    if (signal === 'traces') this.#countSpan(this.#span.read(buffer, memberStart, memberEnd));
    else if (signal === 'metrics') this.#countMetric(this.#metric.read(buffer, memberStart, memberEnd), faults);
    else {
      const log = this.#log.read(buffer, memberStart, memberEnd);
      this.#logs.times.add(buffer, log.timeAt);
      this.#logs.item(log.attributes);
    }
  }

  #countSpan(span: SpanReader): void {
    this.#spans.times.add(span.buffer, span.startTimeAt);
    this.#spans.times.add(span.buffer, span.endTimeAt);
    this.#spans.item(span.attributes);
    const events = span.events;
    while (events.next()) {
      const event = this.#event.read(events.buffer, events.messageStart, events.messageEnd);
      this.#events.times.add(event.buffer, event.timeAt);
      this.#events.item(event.attributes);
    }
  }

  #countMetric(metric: MetricReader, faults: string[]): void {
    this.#metrics.item(undefined);
    if (metric.type === MetricType.NONE) {
      faults.push(`metric ${JSON.stringify(metric.name)}: invalid metric type: Empty`);
    }
    while (metric.nextPoint()) {
      const point = this.#point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
      this.#points.times.add(point.buffer, point.timeAt);
      this.#points.item(point.attributes);
    }
  }
}
