import type { Component, Receiver, Settings } from '../../component.ts';
import { readYaml } from '../../config/read.ts';
import type { Consumer, Outputs } from '../../consumer.ts';
import type { Factory } from '../../factory.ts';
import { scan } from '../../otlp/scan/scan.ts';
import { SIGNALS, type Signal } from '../../signal.ts';
import { Slab, type SlabPool } from '../../telemetry/slab.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { randomRequest } from '../random-telemetry.ts';
import { type TestSettings, testSettings } from '../settings.ts';
import { SinkConsumer } from '../sink.ts';

/** What the conformance rules are applied to. */
export interface Subject {
  readonly factory: Factory;
  /** The smallest section, as YAML, with which the component starts in a test; ports are 0. */
  readonly minimal: string;
}

/** One instance of a component, with everything around it in the hands of the test. */
export interface Instance {
  readonly component: Component & Partial<Consumer>;
  readonly settings: TestSettings;
  /** Takes what the component hands on; unused by exporters and extensions. */
  readonly next: SinkConsumer;
}

/** The signals that go into the component. */
export function signalsOf(factory: Factory): Signal[] {
  return factory.kind === 'extension' ? [] : SIGNALS.filter((signal) => factory.signals[signal] !== undefined);
}

export function create({ factory, minimal }: Subject, next = new SinkConsumer()): Instance {
  const settings = testSettings({ id: factory.type, kind: factory.kind, signals: signalsOf(factory) });
  const config = readYaml(factory.config, minimal);
  return { component: make(factory, settings, config, next), settings, next };
}

function make(factory: Factory, settings: Settings, config: unknown, next: Consumer): Component & Partial<Consumer> {
  switch (factory.kind) {
    case 'processor':
      return factory.create(settings, config, next);
    case 'exporter':
    case 'extension':
      return factory.create(settings, config);
    case 'connector':
      return factory.create(settings, config, outputs(connectorTargets(factory), next));
    case 'receiver':
      return factory.create(settings, config, outputs(signalsOf(factory), next)) satisfies Receiver;
  }
}

function connectorTargets(factory: Extract<Factory, { kind: 'connector' }>): Signal[] {
  const targets = Object.values(factory.signals).flatMap((to) => Object.keys(to ?? {}));
  return SIGNALS.filter((signal) => targets.includes(signal));
}

function outputs(signals: readonly Signal[], next: Consumer): Outputs {
  return {
    for: (signal) => (signals.includes(signal) ? next : undefined),
    pipelines: new Map(signals.map((signal) => [signal, next])),
  };
}

/** A batch in memory that counts its readers, to see whether it was given back. */
export interface TrackedBatch {
  readonly batch: Telemetry;
  readonly bytes: Buffer;
  released(): boolean;
}

/** Random telemetry with at least one item. */
export function trackedBatch(signal: Signal, seed: number): TrackedBatch {
  for (let attempt = seed; ; attempt += 1000) {
    const bytes = randomRequest(signal, attempt);
    const items = scan(signal, bytes, 0, bytes.length);
    if (items === 0) continue;
    let back = false;
    const pool = { recycle: () => (back = true) } as unknown as SlabPool;
    const slab = new Slab(bytes.length, pool);
    bytes.copy(slab.buffer);
    slab.retain();
    const range = { buffer: slab.buffer, start: 0, end: bytes.length, slab };
    return { batch: new Telemetry(signal, [range], items), bytes, released: () => back };
  }
}
