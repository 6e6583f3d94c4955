import { systemClock } from '../../core/clock.ts';
import type { BuildInfo, FeatureGate, Settings } from '../../core/component.ts';
import { parseComponentId } from '../../core/component-id.ts';
import type { Findings } from '../../core/config/decoder.ts';
import type { Consumer, Outputs } from '../../core/consumer.ts';
import type { Logger } from '../../core/logger.ts';
import type { Counter, Gauge, Histogram, Meter } from '../../core/meter.ts';
import type { Signal } from '../../core/signal.ts';
import type { ConfiguredComponent, PipelineConfig } from './types.ts';

const BUILD = 'failed to build pipelines';

const nothing = (): void => {};
const number: Counter & Gauge & Histogram = { add: nothing, set: nothing, record: nothing };
const meter: Meter = {
  enabled: () => false,
  counter: () => number,
  gauge: () => number,
  observe: () => nothing,
  histogram: () => number,
};
const logger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  debugEnabled: false,
  with: () => logger,
};
/** Never called: creating a component does nothing with data. */
const sink: Consumer = { consume: (batch) => batch.release() };

/**
 * Creates every component that a pipeline uses and throws it away, because some faults show only then: a bad regular
 * expression, an action without a value. Creation does no I/O.
 */
export function checkBuild(
  pipelines: readonly PipelineConfig[],
  build: BuildInfo,
  gates: readonly FeatureGate[],
  findings: Findings,
): void {
  const checker = new BuildChecker(pipelines, build, gates, findings);
  for (const pipeline of pipelines) {
    for (const component of [...pipeline.receivers, ...pipeline.exporters]) checker.shared(component);
    for (const component of pipeline.processors) checker.processor(component, pipeline);
  }
}

class BuildChecker {
  readonly #pipelines: readonly PipelineConfig[];
  readonly #build: BuildInfo;
  readonly #gates: readonly FeatureGate[];
  readonly #findings: Findings;
  readonly #done = new Set<ConfiguredComponent>();

  constructor(
    pipelines: readonly PipelineConfig[],
    build: BuildInfo,
    gates: readonly FeatureGate[],
    findings: Findings,
  ) {
    this.#pipelines = pipelines;
    this.#build = build;
    this.#gates = gates;
    this.#findings = findings;
  }

  /** Receivers, exporters and connectors exist once, however many pipelines list them. */
  shared(component: ConfiguredComponent): void {
    if (this.#done.has(component)) return;
    this.#done.add(component);
    const { factory, config, id, kind } = component;
    const uses = this.#pipelines.filter((p) => p.exporters.includes(component) || p.receivers.includes(component));
    const signals = [...new Set(uses.map((p) => p.signal))];
    const settings = this.#settings(component, signals);
    this.#try(component, `failed to create ${JSON.stringify(id)} ${kind} for data type "${signals[0]}"`, () => {
      if (factory.kind === 'receiver') factory.create(settings, config, this.#outputs(component));
      if (factory.kind === 'exporter') factory.create(settings, config);
      if (factory.kind === 'connector') factory.create(settings, config, this.#outputs(component));
    });
  }

  processor(component: ConfiguredComponent, pipeline: PipelineConfig): void {
    const { factory, config, id } = component;
    const settings = { ...this.#settings(component, [pipeline.signal]), pipeline: pipeline.id };
    const what = `failed to create ${JSON.stringify(id)} processor, in pipeline ${JSON.stringify(pipeline.id)}`;
    this.#try(component, what, () => {
      if (factory.kind === 'processor') factory.create(settings, config, sink);
    });
  }

  #try(component: ConfiguredComponent, what: string, create: () => void): void {
    try {
      create();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#findings.faults.push({
        at: component.at,
        section: '',
        message: `${BUILD}: ${what}: ${reason}`,
        kind: 'key',
      });
    }
  }

  #outputs(component: ConfiguredComponent): Outputs {
    const targets = this.#pipelines.filter((p) => p.receivers.includes(component));
    return {
      for: (signal) => (targets.some((p) => p.signal === signal) ? sink : undefined),
      pipelines: new Map(targets.map((p) => [p.id, sink])),
    };
  }

  #settings(component: ConfiguredComponent, signals: readonly Signal[]): Settings {
    const id = parseComponentId(component.id);
    if ('error' in id) throw new Error(id.error);
    const enabled = new Set(this.#gates.filter((gate) => gate.enabled).map((gate) => gate.id));
    return {
      id,
      name: component.id,
      kind: component.kind,
      signals,
      logger,
      meter,
      clock: systemClock,
      random: Math.random,
      build: this.#build,
      resource: {},
      featureGate: (gate) => enabled.has(gate),
      shared: (make) => make(),
    };
  }
}
