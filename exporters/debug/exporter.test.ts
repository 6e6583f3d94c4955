import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { SIGNALS, type Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { type Config, config } from './config.ts';
import { debugExporter } from './exporter.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-debug-'));
after(() => rmSync(directory, { recursive: true }));

const testdata = (name: string) => readFileSync(join(import.meta.dirname, 'testdata', name));

function input(signal: Signal): Telemetry {
  const { bytes, items } = decodeJson(signal, testdata(`${signal}.json`));
  return Telemetry.of(signal, bytes, items);
}

async function printed(options: Partial<Config>, batches: readonly Telemetry[]): Promise<string> {
  const path = join(mkdtempSync(join(directory, 'out-')), 'out.txt');
  const settings = testSettings({ id: 'debug', kind: 'exporter' });
  const full = { ...config.absent(), use_internal_logger: false, output_paths: [path], ...options };
  const exporter = debugExporter(settings, full);
  await exporter.start(new NopHost());
  for (const batch of batches) await exporter.consume(batch);
  await exporter.shutdown();
  await exporter.shutdown();
  return readFileSync(path, 'utf8');
}

for (const signal of SIGNALS) {
  for (const verbosity of ['normal', 'detailed'] as const) {
    test(`prints ${signal} as the collector does: ${verbosity}`, async () => {
      const batch = input(signal);
      assert.equal(await printed({ verbosity }, [batch]), testdata(`${signal}.${verbosity}.txt`).toString());
      assert.throws(() => batch.retain(), /after its release/);
    });
  }
}

test('basic prints the counts only', async () => {
  assert.equal(await printed({}, [input('traces')]), 'Traces\t{"resource spans": 2, "spans": 4}\n');
  assert.equal(
    await printed({}, [input('metrics')]),
    'Metrics\t{"resource metrics": 1, "metrics": 7, "data points": 13}\n',
  );
  assert.equal(await printed({}, [input('logs')]), 'Logs\t{"resource logs": 1, "log records": 6}\n');
});

test('prints into the log of the process unless told otherwise', async () => {
  const settings = testSettings({ id: 'debug', kind: 'exporter' });
  const exporter = debugExporter(settings, { ...config.absent(), verbosity: 'detailed' });
  await exporter.start(new NopHost());
  await exporter.consume(input('logs'));
  await exporter.shutdown();
  const [counts, text] = settings.logger.lines;
  assert.deepEqual(counts, { level: 'info', message: 'Logs', fields: { 'resource logs': 1, 'log records': 6 } });
  assert.equal(
    `Logs\t{"resource logs": 1, "log records": 6}\n${text?.message}\n`,
    testdata('logs.detailed.txt').toString(),
  );
});

test('sampling prints the first messages of a second and then every so manieth', async () => {
  const settings = testSettings({ id: 'debug', kind: 'exporter' });
  const exporter = debugExporter(settings, { ...config.absent(), sampling_initial: 2, sampling_thereafter: 3 });
  await exporter.start(new NopHost());
  for (let i = 0; i < 8; i++) exporter.consume(input('logs'));
  assert.equal(settings.logger.lines.length, 4, 'messages 1, 2, 5 and 8');
  exporter.consume(input('traces'));
  assert.equal(settings.logger.lines.length, 5, 'another message is counted apart');
  settings.clock.advance(1000);
  exporter.consume(input('logs'));
  assert.equal(settings.logger.lines.length, 6);
  await exporter.shutdown();
});
