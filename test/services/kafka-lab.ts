/** Parts of weir with real time, for tests with real brokers. */
import { test } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { SIGNALS, type Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { type TestSettings, testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { spanBatch, spanNames } from '../../core/testing/spans.ts';
import exporterFactory from '../../exporters/kafka/index.ts';
import receiverFactory from '../../receivers/kafka/index.ts';

const PATIENCE_MS = 60_000;

const cleanups: (() => unknown)[] = [];
/** A test whose components end with it. */
export function scenario(name: string, run: () => Promise<void>): void {
  test(name, async () => {
    try {
      await run();
    } finally {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    }
  });
}

const real = (kind: 'exporter' | 'receiver'): TestSettings & { clock: never } =>
  ({ ...testSettings({ id: 'kafka', kind }), clock: systemClock, random: Math.random }) as never;

type Extensions = Readonly<Record<string, Component>>;
function hostWith(extensions: Extensions): NopHost {
  const host = new NopHost();
  for (const [id, extension] of Object.entries(extensions)) host.extensions.set(id, extension);
  return host;
}

export async function exporter(yaml: string, brokers: readonly string[], extensions: Extensions = {}) {
  const settings = real('exporter');
  const config = readYaml(exporterFactory.config, `brokers: [${brokers.map((b) => `"${b}"`)}]\n${yaml}`);
  const made = exporterFactory.create(settings, config);
  cleanups.push(() => made.shutdown());
  await made.start(hostWith(extensions));
  return { made, settings };
}

export async function receiver(yaml: string, brokers: readonly string[], extensions: Extensions = {}) {
  const settings = real('receiver');
  const sinks = Object.fromEntries(SIGNALS.map((signal) => [signal, new SinkConsumer()])) as Record<
    Signal,
    SinkConsumer
  >;
  const outputs = { for: (signal: Signal) => sinks[signal], pipelines: new Map() };
  const config = readYaml(receiverFactory.config, `brokers: [${brokers.map((b) => `"${b}"`)}]\n${yaml}`);
  const made = receiverFactory.create(settings, config, outputs);
  cleanups.push(() => made.shutdown());
  await made.start(hostWith(extensions));
  const names = () => sinks.traces.batches.flatMap(spanNames);
  return { made, settings, sinks, names };
}

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`timed out waiting for ${what}`);
    await pause(20);
  }
}
export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Each batch has its answer at once, and a failure is tried again soon. */
export const NO_QUEUE =
  'sending_queue: {enabled: false}\nretry_on_failure: {initial_interval: 200ms, max_interval: 1s}\ntimeout: 10s';
/** Sends one span a batch until told to stop; the names of those that were acknowledged. */
export function load(made: { consume(batch: Telemetry): void | Promise<void> }, width = 20) {
  const acknowledged: string[] = [];
  const state = { stop: false, sent: 0 };
  const lane = async () => {
    while (!state.stop) {
      const name = `span ${state.sent++}`;
      try {
        await made.consume(spanBatch([name], { 'service.name': name }));
        acknowledged.push(name);
      } catch {
        // was not accepted, so nobody relies on it
      }
      await pause(5);
    }
  };
  const lanes = Promise.all(Array.from({ length: width }, lane));
  return {
    acknowledged,
    async end() {
      state.stop = true;
      await lanes;
    },
  };
}

export async function everythingArrived(acknowledged: readonly string[], names: () => string[]): Promise<void> {
  let missing: string[] = [];
  const complete = () => {
    const arrived = new Set(names());
    missing = acknowledged.filter((name) => !arrived.has(name));
    return missing.length === 0;
  };
  await until('every acknowledged span', complete).catch((error) => {
    throw new Error(`${missing.length} of ${acknowledged.length} acknowledged spans are lost`, { cause: error });
  });
}
