/** An exporter with real time, for tests with the real service behind it. */
import { test } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import { readYaml } from '../../core/config/read.ts';
import type { ExporterFactory } from '../../core/factory.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { type TestSettings, testSettings } from '../../core/testing/settings.ts';

const PATIENCE_MS = 60_000;

const cleanups: (() => unknown)[] = [];
/** A test whose exporters end with it. */
export function scenario(name: string, run: () => Promise<void>): void {
  test(name, async () => {
    try {
      await run();
    } finally {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    }
  });
}

export async function startExporter<C>(factory: ExporterFactory<C>, yaml: string) {
  const test = testSettings({ id: factory.type, kind: 'exporter', signals: Object.keys(factory.signals) as Signal[] });
  const settings = { ...test, clock: systemClock, random: Math.random } as unknown as TestSettings;
  const made = factory.create(settings, readYaml(factory.config, yaml));
  cleanups.push(() => made.shutdown());
  await made.start(new NopHost());
  /** What the log said that a user sees by default, without the answers to batches that were refused. */
  const said = () =>
    settings.logger.lines
      .filter(({ level, message }) => level !== 'debug' && !message.startsWith('Exporting failed. Rejecting'))
      .map(({ message }) => message);
  return { made, settings, said };
}

/** A batch from OTLP/JSON. */
export function batchOf(signal: Signal, request: object): Telemetry {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(request)));
  return Telemetry.of(signal, bytes, items);
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`timed out waiting for ${what}`);
    await pause(50);
  }
}
