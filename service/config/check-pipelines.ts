import type { ComponentKind } from '../../core/component-id.ts';
import type { Findings } from '../../core/config/decoder.ts';
import type { Fault } from '../../core/config/fault.ts';
import { nearest } from '../../core/config/nearest.ts';
import type { Position } from '../../core/config/node.ts';
import type { Signal } from '../../core/signal.ts';
import type { Declarations } from './components.ts';
import type { PipelineNode, Reference } from './root.ts';
import type { ConfiguredComponent, PipelineConfig } from './types.ts';

export interface PipelineRules {
  /** Feature gate service.AllowNoPipelines. */
  readonly allowNone: boolean;
  /** Feature gate service.profilesSupport. */
  readonly allowProfiles: boolean;
}

/** Resolves the references of extensions; one that is not declared is a fault. */
export function resolveExtensions(
  references: readonly Reference[],
  declared: Declarations,
  findings: Findings,
): readonly ConfiguredComponent[] {
  const resolver = new Resolver(declared, findings);
  return resolver.all('service::extensions', references, ['extension']);
}

/** Resolves pipelines and checks each by itself. How they hang together is checked by checkConnectors. */
export function resolvePipelines(
  nodes: readonly PipelineNode[],
  declared: Declarations,
  rules: PipelineRules,
  findings: Findings,
): readonly PipelineConfig[] {
  const resolver = new Resolver(declared, findings);
  if (nodes.length === 0 && !rules.allowNone) {
    resolver.fault('service::pipelines', 'service must have at least one pipeline', undefined);
  }
  const pipelines = nodes.map((node) => resolver.pipeline(node, rules));
  return pipelines.filter((pipeline) => pipeline !== undefined);
}

class Resolver {
  readonly #declared: Declarations;
  readonly #findings: Findings;

  constructor(declared: Declarations, findings: Findings) {
    this.#declared = declared;
    this.#findings = findings;
  }

  pipeline(node: PipelineNode, rules: PipelineRules): PipelineConfig | undefined {
    const section = `service::pipelines::${node.id}`;
    if (node.signal === undefined) {
      const gate = 'profiling signal support is at alpha level, gated under the "service.profilesSupport" feature gate';
      const reason = rules.allowProfiles ? 'profiles are not supported' : gate;
      this.fault('service::pipelines', `pipeline ${JSON.stringify(node.id)}: ${reason}`, node.at, 'key');
      return undefined;
    }
    if (node.receivers.length === 0) this.fault(section, 'must have at least one receiver', node.at, 'key');
    if (node.exporters.length === 0) this.fault(section, 'must have at least one exporter', node.at, 'key');
    this.#refuseRepeated(section, node.processors);
    return {
      id: node.id,
      signal: node.signal,
      name: node.name,
      at: node.at,
      receivers: this.all(section, node.receivers, ['receiver', 'connector']),
      processors: this.all(section, node.processors, ['processor']),
      exporters: this.all(section, node.exporters, ['exporter', 'connector']),
    };
  }

  /** The first kind names the place in messages. What is declared but faulty was reported there. */
  all(
    section: string,
    references: readonly Reference[],
    kinds: readonly [ComponentKind, ...ComponentKind[]],
  ): readonly ConfiguredComponent[] {
    const found = new Set<ConfiguredComponent>();
    for (const { id, at } of references) {
      const kind = kinds.find((k) => this.#declared[k].has(id));
      if (kind === undefined) {
        const message = `references ${kinds[0]} ${JSON.stringify(id)} which is not configured`;
        this.fault(section, message, at, undefined, this.#hint(id, kinds));
        continue;
      }
      const component = this.#declared[kind].get(id);
      if (component !== undefined) found.add(component);
    }
    return [...found];
  }

  #hint(id: string, kinds: readonly ComponentKind[]): string | undefined {
    const ids = kinds.flatMap((kind) => [...this.#declared[kind].keys()]);
    const near = nearest(id, ids);
    if (near !== undefined) return `did you mean '${near}'?`;
    return ids.length === 0 ? undefined : `configured: ${ids.join(', ')}`;
  }

  #refuseRepeated(section: string, references: readonly Reference[]): void {
    const seen = new Set<string>();
    for (const { id, at } of references) {
      if (seen.has(id)) this.fault(section, `references processor ${JSON.stringify(id)} multiple times`, at);
      seen.add(id);
    }
  }

  fault(section: string, message: string, at: Position | undefined, kind?: Fault['kind'], hint?: string): void {
    this.#findings.faults.push({ at, section, message, kind, hint });
  }
}

/** Connectors whose id is also that of a receiver or exporter cannot be told from them. */
export function checkAmbiguousIds(declared: Declarations, findings: Findings): void {
  for (const [id, connector] of declared.connector) {
    for (const kind of ['exporter', 'receiver'] as const) {
      if (!declared[kind].has(id)) continue;
      const name = JSON.stringify(id);
      const message =
        `ambiguous ID: Found both ${name} ${kind} and ${name} connector. Change one of the components' IDs to ` +
        `eliminate ambiguity (e.g. rename ${name} connector to ${JSON.stringify(`${id}/connector`)})`;
      findings.faults.push({ at: connector?.at, section: `connectors::${id}`, message, kind: 'key' });
    }
  }
}

const BUILD = 'failed to build pipelines';

/** Components are only good for the signals their factories name. */
export function checkSignals(pipelines: readonly PipelineConfig[], findings: Findings): void {
  const unsupported = 'telemetry type is not supported';
  const seen = new Set<string>();
  const fault = (message: string, at: Position): void => {
    if (!seen.has(message)) findings.faults.push({ at, section: '', message: `${BUILD}: ${message}`, kind: 'key' });
    seen.add(message);
  };
  for (const { id, signal, receivers, processors, exporters } of pipelines) {
    for (const component of [...receivers, ...exporters]) {
      if (component.kind === 'connector' || supports(component, signal)) continue;
      const name = `${JSON.stringify(component.id)} ${component.kind}`;
      fault(`failed to create ${name} for data type "${signal}": ${unsupported}`, component.at);
    }
    for (const component of processors) {
      if (supports(component, signal)) continue;
      const name = `${JSON.stringify(component.id)} processor`;
      fault(`failed to create ${name}, in pipeline ${JSON.stringify(id)}: ${unsupported}`, component.at);
    }
  }
}

function supports({ factory }: ConfiguredComponent, signal: Signal): boolean {
  return factory.kind !== 'extension' && factory.signals[signal] !== undefined;
}
