import type { Connector, Exporter, Extension, Processor, Receiver, Settings } from './component.ts';
import type { ComponentKind } from './component-id.ts';
import type { Struct } from './config/struct.ts';
import type { Consumer, Outputs } from './consumer.ts';
import type { Signal } from './signal.ts';

export type Stability = 'development' | 'alpha' | 'beta' | 'stable' | 'deprecated';

/** What a component touches outside the process; shown in its README and checked against a list in the tests. */
export interface Surface {
  readonly listens?: boolean;
  readonly dials?: boolean;
  readonly files?: 'read' | 'write' | 'both';
  /** Keeps data between batches, so that instances cannot simply be multiplied. */
  readonly stateful?: boolean;
}

interface FactoryBase<K extends ComponentKind, C> {
  readonly kind: K;
  /** The component's type in a configuration; the name of its folder. */
  readonly type: string;
  /** Other spellings that are accepted, older or newer. */
  readonly aliases?: readonly string[];
  /** One sentence for lists. */
  readonly description: string;
  /** What to say of a component that the present collector does not have; a strict configuration is refused it. */
  readonly ours?: string;
  readonly config: Struct<C>;
  readonly surface: Surface;
  /**
   * True for a component that releases every batch it does not hand on (see Telemetry). Where it is not set, as in a
   * plugin, the graph keeps the memory of its batches out of reuse, which is safe whatever the component does.
   */
  readonly releases?: boolean;
}

export interface ReceiverFactory<C> extends FactoryBase<'receiver', C> {
  readonly signals: Readonly<Partial<Record<Signal, Stability>>>;
  /** Called once per id; pure, does no I/O. So for all kinds. */
  create(settings: Settings, config: C, outputs: Outputs): Receiver;
}

export interface ProcessorFactory<C> extends FactoryBase<'processor', C> {
  readonly signals: Readonly<Partial<Record<Signal, Stability>>>;
  /** Called once per pipeline that lists it. */
  create(settings: Settings, config: C, next: Consumer): Processor;
}

export interface ExporterFactory<C> extends FactoryBase<'exporter', C> {
  readonly signals: Readonly<Partial<Record<Signal, Stability>>>;
  create(settings: Settings, config: C): Exporter;
}

export interface ConnectorFactory<C> extends FactoryBase<'connector', C> {
  /** From-signal → to-signals with their stability. */
  readonly signals: Readonly<Partial<Record<Signal, Readonly<Partial<Record<Signal, Stability>>>>>>;
  create(settings: Settings, config: C, outputs: Outputs): Connector;
}

export interface ExtensionFactory<C> extends FactoryBase<'extension', C> {
  readonly stability: Stability;
  create(settings: Settings, config: C): Extension;
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds factories of every configuration type
export type Factory<C = any> =
  | ReceiverFactory<C>
  | ProcessorFactory<C>
  | ExporterFactory<C>
  | ConnectorFactory<C>
  | ExtensionFactory<C>;

/** A component as the generated list has it: its code is loaded when a configuration names it. */
export interface ComponentEntry {
  readonly kind: ComponentKind;
  readonly type: string;
  readonly aliases: readonly string[];
  /** True where the present collector does not have it. */
  readonly ours?: boolean;
  readonly load: () => Promise<{ readonly default: Factory }>;
}

/** Type-checks a factory where it is written; the result is the plain value. */
export function defineReceiver<C>(factory: Omit<ReceiverFactory<C>, 'kind'>): ReceiverFactory<C> {
  return { kind: 'receiver', ...factory };
}
export function defineProcessor<C>(factory: Omit<ProcessorFactory<C>, 'kind'>): ProcessorFactory<C> {
  return { kind: 'processor', ...factory };
}
export function defineExporter<C>(factory: Omit<ExporterFactory<C>, 'kind'>): ExporterFactory<C> {
  return { kind: 'exporter', ...factory };
}
export function defineConnector<C>(factory: Omit<ConnectorFactory<C>, 'kind'>): ConnectorFactory<C> {
  return { kind: 'connector', ...factory };
}
export function defineExtension<C>(factory: Omit<ExtensionFactory<C>, 'kind'>): ExtensionFactory<C> {
  return { kind: 'extension', ...factory };
}
