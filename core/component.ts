import type { Clock } from './clock.ts';
import type { ComponentId, ComponentKind } from './component-id.ts';
import type { Consumer, Outputs } from './consumer.ts';
import type { Logger } from './logger.ts';
import type { Meter } from './meter.ts';
import type { Signal } from './signal.ts';

/**
 * A running part of the pipeline. Called by the service only:
 *
 * - `start` at most once, exporters before receivers; it may do I/O and fails with one clear sentence. It returns when
 *   the component is ready, so a receiver listens after it. What goes on in the background goes on after it returned.
 * - `shutdown` at least once, receivers before exporters. It is safe before `start` and when repeated. It stops taking
 *   in, hands on what was accepted, and nothing is emitted after it resolved.
 */
export interface Component {
  start(host: Host): void | Promise<void>;
  shutdown(): void | Promise<void>;
}

export type Receiver = Component;
export type Extension = Component;
export type Processor = Component & Consumer;
export type Exporter = Component & Consumer;
export type Connector = Component & Consumer;

export type ComponentStatus =
  | 'StatusStarting'
  | 'StatusOK'
  | 'StatusRecoverableError'
  | 'StatusPermanentError'
  | 'StatusFatalError'
  | 'StatusStopping'
  | 'StatusStopped';

/** The little a running component may ask of the process. */
export interface Host {
  /** The running extension with this id as written in the configuration (`file_storage/a`); undefined if not there. */
  extension(id: string): Component | undefined;
  /** Ids of all components by kind, with their current status, for pages that show the graph. */
  readonly overview: ServiceOverview;
  /** A fatal error ends the process in an orderly way. */
  reportStatus(status: ComponentStatus, error?: Error): void;
  /** Calls `listener` now and on every change of a component's status; the returned function ends that. */
  onStatus(listener: (event: StatusEvent) => void): () => void;
  /** Calls `listener` once all pipelines have started (true) and when shutdown begins (false). */
  onReady(listener: (ready: boolean) => void): () => void;
}

export interface StatusEvent {
  readonly kind: ComponentKind;
  readonly id: string;
  readonly status: ComponentStatus;
  readonly error?: Error;
}

export interface PipelineOverview {
  readonly id: string;
  readonly signal: Signal;
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}

export interface ServiceOverview {
  readonly build: BuildInfo;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly pipelines: readonly PipelineOverview[];
  readonly extensions: readonly string[];
  readonly featureGates: readonly FeatureGate[];
}

export interface FeatureGate {
  readonly id: string;
  readonly enabled: boolean;
  readonly stage: 'Alpha' | 'Beta' | 'Stable' | 'Deprecated';
  readonly description: string;
}

export interface BuildInfo {
  readonly command: string;
  readonly description: string;
  readonly version: string;
}

/** What code gives a component; what a user sets is in the configuration. */
export interface Settings {
  readonly id: ComponentId;
  /** The id as text, as it shows in metrics and logs. */
  readonly name: string;
  readonly kind: ComponentKind;
  /** The signals for which pipelines use this component. Never empty, except for extensions. */
  readonly signals: readonly Signal[];
  /** The pipeline of a processor. */
  readonly pipeline?: string;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly build: BuildInfo;
  /** What the process says of itself as a resource: `service.name`, `service.instance.id` and what the user adds. */
  readonly resource: Readonly<Record<string, string>>;
  readonly featureGate: (id: string) => boolean;
  /** One value per component id, made by whoever asks first: what the instances of a processor share. */
  readonly shared: <T>(make: () => T) => T;
}

export type { Consumer, Outputs };
