import type { FeatureGate } from '../../core/component.ts';
import type { ComponentKind } from '../../core/component-id.ts';
import type { Position } from '../../core/config/node.ts';
import type { Factory } from '../../core/factory.ts';
import type { Signal } from '../../core/signal.ts';
import type { TelemetrySettings } from '../telemetry/types.ts';

/** A configuration that passed every check, as plain frozen data. */
export interface ServiceConfig {
  /** All that are declared, whether a pipeline uses them or not, in the order of the file. */
  readonly components: readonly ConfiguredComponent[];
  readonly pipelines: readonly PipelineConfig[];
  /** In the order of `service::extensions`. */
  readonly extensions: readonly ConfiguredComponent[];
  readonly telemetry: TelemetrySettings;
  /** All that are known, with their present state. */
  readonly featureGates: readonly FeatureGate[];
  /** What the user should know though the configuration is good: legacy keys, unset variables. One line each. */
  readonly warnings: readonly string[];
}

export interface ConfiguredComponent {
  readonly kind: ComponentKind;
  /** `type[/name]` as written, without surrounding spaces. */
  readonly id: string;
  readonly name: string;
  readonly factory: Factory;
  /** Decoded and deeply frozen; the factory's schema gives its type. */
  // biome-ignore lint/suspicious/noExplicitAny: every component has a type of its own
  readonly config: any;
  /** Where the component is declared. */
  readonly at: Position;
}

export interface PipelineConfig {
  /** `traces[/name]`. */
  readonly id: string;
  readonly signal: Signal;
  readonly name: string;
  /** Receivers and connectors, without repetitions. */
  readonly receivers: readonly ConfiguredComponent[];
  readonly processors: readonly ConfiguredComponent[];
  /** Exporters and connectors, without repetitions. */
  readonly exporters: readonly ConfiguredComponent[];
  readonly at: Position;
}
