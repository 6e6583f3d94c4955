import type { Component, Settings } from '../../core/component.ts';
import type { ComponentKind } from '../../core/component-id.ts';
import type { Consumer, Outputs } from '../../core/consumer.ts';
import type { Factory } from '../../core/factory.ts';
import type { Signal } from '../../core/signal.ts';
import type { ConfiguredComponent, PipelineConfig } from '../config/types.ts';
import { fanOut } from './fanout.ts';
import { Blame, KeepMemory, ProcessorEntry, ProcessorExit, ReceiverEdge, Stopwatch } from './observe.ts';
import { INCOMING, INTERNAL_DURATION, OUTGOING } from './processor-metrics.ts';

/** A component of the running graph. */
export interface Node {
  readonly kind: ComponentKind;
  readonly id: string;
  /** The pipeline of a processor. */
  readonly pipeline?: string;
  readonly component: Component;
}

/** Makes the settings of one component; what it shares with others (clock, log, metrics) comes in here. */
export type SettingsFor = (
  component: ConfiguredComponent,
  signals: readonly Signal[],
  pipeline?: PipelineConfig,
) => Settings;

/**
 * Creates all components of the pipelines and joins them. Receivers, exporters and connectors exist once per id,
 * processors once per pipeline. The result is in the order of starting: whoever is sent to comes before who sends.
 * Creation does no I/O, so a fault leaves nothing behind.
 */
export function buildGraph(pipelines: readonly PipelineConfig[], settingsFor: SettingsFor): readonly Node[] {
  const builder = new GraphBuilder(pipelines, settingsFor);
  return builder.build();
}

class GraphBuilder {
  readonly #pipelines: readonly PipelineConfig[];
  readonly #settingsFor: SettingsFor;
  readonly #nodes: Node[] = [];
  readonly #heads = new Map<PipelineConfig, Consumer>();
  readonly #sinks = new Map<string, Consumer>();

  constructor(pipelines: readonly PipelineConfig[], settingsFor: SettingsFor) {
    this.#pipelines = pipelines;
    this.#settingsFor = settingsFor;
  }

  build(): readonly Node[] {
    for (const pipeline of this.#pipelines) this.#head(pipeline);
    const receivers = new Map<string, ConfiguredComponent>();
    for (const { receivers: listed } of this.#pipelines) {
      for (const component of listed) if (component.kind === 'receiver') receivers.set(component.id, component);
    }
    for (const receiver of receivers.values()) this.#addReceiver(receiver);
    return this.#nodes;
  }

  /** Where a pipeline takes in, with everything behind it. Cycles were refused when the configuration was checked. */
  #head(pipeline: PipelineConfig): Consumer {
    const known = this.#heads.get(pipeline);
    if (known !== undefined) return known;
    let next = fanOut(pipeline.exporters.map((component) => this.#sink(component)));
    for (const component of pipeline.processors.toReversed()) next = this.#addProcessor(component, pipeline, next);
    this.#heads.set(pipeline, next);
    return next;
  }

  #addProcessor(component: ConfiguredComponent, pipeline: PipelineConfig, next: Consumer): Consumer {
    const factory = expectKind(component.factory, 'processor');
    const settings = this.#settingsFor(component, [pipeline.signal], pipeline);
    const labels = { otel_signal: pipeline.signal, processor: component.id };
    const { meter, clock } = settings;
    const stopwatch = meter.enabled(INTERNAL_DURATION)
      ? new Stopwatch(clock, meter.histogram(INTERNAL_DURATION, labels))
      : undefined;
    const exit = new ProcessorExit(next, meter.counter(OUTGOING, labels), stopwatch);
    const processor = factory.create(settings, component.config, exit);
    this.#nodes.push({ kind: 'processor', id: component.id, pipeline: pipeline.id, component: processor });
    const guarded = this.#guard(component, processor);
    const behind = factory.surface.stateful === true ? undefined : next;
    return new ProcessorEntry(guarded, behind, meter.counter(INCOMING, labels), stopwatch);
  }

  /** The end of a pipeline: an exporter, or a connector with the pipelines behind it. */
  #sink(component: ConfiguredComponent): Consumer {
    const key = `${component.kind} ${component.id}`;
    const known = this.#sinks.get(key);
    if (known !== undefined) return known;
    const signals = this.#signalsOf((p) => p.exporters, component);
    const settings = this.#settingsFor(component, signals);
    const created =
      component.kind === 'connector'
        ? expectKind(component.factory, 'connector').create(settings, component.config, this.#outputs(component))
        : expectKind(component.factory, 'exporter').create(settings, component.config);
    this.#nodes.push({ kind: component.kind, id: component.id, component: created });
    const sink = this.#guard(component, created);
    this.#sinks.set(key, sink);
    return sink;
  }

  #addReceiver(component: ConfiguredComponent): void {
    const factory = expectKind(component.factory, 'receiver');
    const settings = this.#settingsFor(
      component,
      this.#signalsOf((p) => p.receivers, component),
    );
    const observed = (next: Consumer, signal: Signal): Consumer =>
      new ReceiverEdge(next, settings.meter, component.id, signal);
    const receiver = factory.create(settings, component.config, this.#outputs(component, observed));
    this.#nodes.push({ kind: 'receiver', id: component.id, component: receiver });
  }

  #outputs(
    component: ConfiguredComponent,
    wrap: (next: Consumer, signal: Signal) => Consumer = (next) => next,
  ): Outputs {
    const pipelines = new Map<string, Consumer>();
    const bySignal = new Map<Signal, Consumer[]>();
    for (const pipeline of this.#pipelines) {
      if (!pipeline.receivers.some((r) => sameComponent(r, component))) continue;
      const head = this.#head(pipeline);
      pipelines.set(pipeline.id, head);
      bySignal.set(pipeline.signal, [...(bySignal.get(pipeline.signal) ?? []), head]);
    }
    const joined = new Map<Signal, Consumer>();
    for (const [signal, heads] of bySignal) joined.set(signal, wrap(fanOut(heads), signal));
    return { for: (signal) => joined.get(signal), pipelines };
  }

  #signalsOf(
    place: (pipeline: PipelineConfig) => readonly ConfiguredComponent[],
    component: ConfiguredComponent,
  ): readonly Signal[] {
    const using = this.#pipelines.filter((p) => place(p).some((c) => sameComponent(c, component)));
    return [...new Set(using.map((p) => p.signal))];
  }

  #guard(component: ConfiguredComponent, consumer: Consumer): Consumer {
    const safe = component.factory.releases === true ? consumer : new KeepMemory(consumer);
    return new Blame(safe, `${component.kind} ${component.id}`);
  }
}

function sameComponent(a: ConfiguredComponent, b: ConfiguredComponent): boolean {
  return a.kind === b.kind && a.id === b.id;
}

function expectKind<K extends ComponentKind>(factory: Factory, kind: K): Extract<Factory, { kind: K }> {
  if (factory.kind !== kind) throw new Error(`${factory.type} is a ${factory.kind}, not a ${kind}`);
  return factory as Extract<Factory, { kind: K }>;
}
