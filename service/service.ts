import type { Clock } from '../core/clock.ts';
import type { BuildInfo, ComponentStatus, Host, ServiceOverview, Settings } from '../core/component.ts';
import { parseComponentId } from '../core/component-id.ts';
import { formatPosition } from '../core/config/fault.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { Signal } from '../core/signal.ts';
import { type ContributedSection, isZPageProvider, type ZPageHost } from '../core/zpages.ts';
import type { ConfiguredComponent, PipelineConfig, ServiceConfig } from './config/types.ts';
import { buildGraph, type Node } from './graph/build.ts';
import { StatusBoard } from './graph/status.ts';

/** What the process lends to a service; it lives longer than the service does. */
export interface ServiceEnvironment {
  readonly logger: Logger;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly build: BuildInfo;
  /** A component said that the process cannot go on. */
  readonly onFatal: (error: Error) => void;
}

/** The components of one configuration: created by the constructor, then started once and shut down once. */
export class Service {
  readonly status = new StatusBoard();
  readonly #config: ServiceConfig;
  readonly #env: ServiceEnvironment;
  readonly #nodes: readonly Node[];
  readonly #extensions: readonly Node[];
  readonly #started: Node[] = [];
  readonly #shared = new Map<string, unknown>();
  readonly #overview: ServiceOverview;
  #stopping: string | undefined;

  constructor(config: ServiceConfig, env: ServiceEnvironment) {
    this.#config = config;
    this.#env = env;
    this.#overview = overviewOf(config, env);
    this.#extensions = config.extensions.map((component) => this.#createExtension(component));
    this.#nodes = buildGraph(config.pipelines, (c, signals, pipeline) => this.#settings(c, signals, pipeline));
  }

  /** Extensions first, then from the exporters up to the receivers. If one fails, those started are stopped again. */
  async start(): Promise<void> {
    const { logger } = this.#env;
    try {
      logger.info('Starting extensions...');
      for (const node of this.#extensions) await this.#start(node, 'cannot start extensions');
      for (const node of this.#nodes) await this.#start(node, 'cannot start pipelines');
    } catch (error) {
      await this.shutdown();
      throw error;
    }
    this.status.setReady(true);
    logger.info('Everything is ready. Begin running and processing data.');
  }

  /**
   * Receivers first, then down to the exporters, so that each can hand on what it accepted; extensions last. A
   * component that fails to stop does not keep the others from it. Safe to repeat.
   */
  async shutdown(): Promise<void> {
    this.status.setReady(false);
    for (let node = this.#started.pop(); node !== undefined; node = this.#started.pop()) {
      this.#stopping = `${node.kind} ${node.id}`;
      this.status.report(node.kind, node.id, 'StatusStopping');
      try {
        await node.component.shutdown();
        this.status.report(node.kind, node.id, 'StatusStopped');
      } catch (error) {
        this.#env.logger.error('A component failed to shut down', { component: node.id, kind: node.kind, error });
        this.status.report(node.kind, node.id, 'StatusPermanentError', asError(error));
      }
    }
  }

  /** The component that is being shut down, for the log line when the time for it is over. */
  get stopping(): string | undefined {
    return this.#stopping;
  }

  async #start(node: Node, stage: string): Promise<void> {
    this.status.report(node.kind, node.id, 'StatusStarting');
    // also one that fails halfway is shut down: it may have opened something
    this.#started.push(node);
    try {
      await node.component.start(this.#hostFor(node));
    } catch (error) {
      const reason = asError(error);
      this.status.report(node.kind, node.id, 'StatusPermanentError', reason);
      const what = `${stage}: failed to start "${node.id}" ${node.kind}: ${reason.message}`;
      throw new Error(`${this.#placeOf(node)}${what}`, { cause: error });
    }
    this.status.started(node.kind, node.id);
  }

  /** `config.yaml:12:3: `, where the component is declared. */
  #placeOf({ kind, id }: Node): string {
    const component = this.#config.components.find((one) => one.kind === kind && one.id === id);
    return component === undefined ? '' : `${formatPosition(component.at)}: `;
  }

  #createExtension(component: ConfiguredComponent): Node {
    if (component.factory.kind !== 'extension') throw new Error(`${component.id} is not an extension`);
    const created = component.factory.create(this.#settings(component, []), component.config);
    return { kind: 'extension', id: component.id, component: created };
  }

  #settings(component: ConfiguredComponent, signals: readonly Signal[], pipeline?: PipelineConfig): Settings {
    const id = parseComponentId(component.id);
    if ('error' in id) throw new Error(id.error);
    const { logger, meter, clock, random, build } = this.#env;
    const key = `${component.kind} ${component.id}`;
    return {
      id,
      name: component.id,
      kind: component.kind,
      signals,
      ...(pipeline === undefined ? {} : { pipeline: pipeline.id }),
      logger: logger.with(logFields(component, signals, pipeline)),
      meter,
      clock,
      random,
      build,
      resource: this.#config.telemetry.resource,
      featureGate: (gate) => this.#config.featureGates.some((g) => g.id === gate && g.enabled),
      shared: <T>(make: () => T): T => {
        if (!this.#shared.has(key)) this.#shared.set(key, make());
        return this.#shared.get(key) as T;
      },
    };
  }

  #hostFor(node: Node): Host & ZPageHost {
    return {
      extension: (id) => this.#extensions.find((extension) => extension.id === id)?.component,
      overview: this.#overview,
      reportStatus: (status: ComponentStatus, error?: Error) => {
        this.status.report(node.kind, node.id, status, error);
        if (status === 'StatusFatalError') this.#env.onFatal(error ?? new Error(`${node.kind} ${node.id} failed`));
      },
      onStatus: (listener) => this.status.onStatus(listener),
      onReady: (listener) => this.status.onReady(listener),
      zPageSections: () => this.#started.flatMap(contributedBy),
    };
  }
}

function contributedBy({ kind, id, component }: Node): ContributedSection[] {
  return isZPageProvider(component) ? component.zpages.map((section) => ({ kind, id, section })) : [];
}

function logFields(
  component: ConfiguredComponent,
  signals: readonly Signal[],
  pipeline?: PipelineConfig,
): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {
    'otelcol.component.id': component.id,
    'otelcol.component.kind': component.kind,
  };
  if (pipeline !== undefined) fields['otelcol.pipeline.id'] = pipeline.id;
  const [only] = signals;
  if (only !== undefined && signals.length === 1) fields['otelcol.signal'] = only;
  return fields;
}

function overviewOf(config: ServiceConfig, env: ServiceEnvironment): ServiceOverview {
  const ids = (components: readonly ConfiguredComponent[]): string[] => components.map((c) => c.id);
  return {
    build: env.build,
    startedAt: env.clock.now(),
    pipelines: config.pipelines.map((p) => ({
      id: p.id,
      signal: p.signal,
      receivers: ids(p.receivers),
      processors: ids(p.processors),
      exporters: ids(p.exporters),
    })),
    extensions: ids(config.extensions),
    featureGates: config.featureGates,
  };
}

function asError(caught: unknown): Error {
  return caught instanceof Error ? caught : new Error(String(caught));
}
