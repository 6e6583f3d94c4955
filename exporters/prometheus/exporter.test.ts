import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Exporter } from '../../core/component.ts';
import { encodeTree, type Metric, type NumberDataPoint } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { freePort } from '../../test/support/ports.ts';
import { type Config, config } from './config.ts';
import { prometheusExporter } from './exporter.ts';

const exporters: Exporter[] = [];
after(() => Promise.all(exporters.map((exporter) => exporter.shutdown())));

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

async function start(options: Partial<Config> = {}, featureGates: readonly string[] = []) {
  const settings = testSettings({ id: 'prometheus', kind: 'exporter', signals: ['metrics'], featureGates });
  const port = await freePort();
  const full = { ...config.absent(), without_scope_info: true, endpoint: `127.0.0.1:${port}`, ...options };
  const exporter = prometheusExporter(settings, full);
  exporters.push(exporter);
  await exporter.start(new NopHost());
  const ask = (headers: Record<string, string> = {}, path = '/metrics') =>
    new Promise<Answer>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      });
      sent.on('error', reject).end();
    });
  const page = async () => (await ask()).body.toString();
  return { settings, exporter, ask, page };
}

function point(code: string, more: Partial<NumberDataPoint> = {}): NumberDataPoint {
  return {
    attributes: [{ key: 'code', value: { stringValue: code } }],
    startTimeUnixNano: 0n,
    timeUnixNano: 1_000_000_000n,
    flags: 0,
    asInt: 1n,
    exemplars: [],
    ...more,
  };
}

const gauge = (name: string, ...dataPoints: NumberDataPoint[]): Metric => ({
  name,
  description: '',
  unit: '',
  gauge: { dataPoints },
  metadata: [],
});

function batch(...metrics: Metric[]): Telemetry {
  const scopeMetrics = [{ scope: undefined, schemaUrl: '', metrics }];
  const tree = { resourceMetrics: [{ resource: undefined, schemaUrl: '', scopeMetrics }] };
  return Telemetry.of('metrics', encodeTree('metrics', tree), 1);
}

const TITLE = '# HELP m \n# TYPE m gauge\n';

test('the newest point of a series is served, an older one is not', async () => {
  const { exporter, page } = await start();
  exporter.consume(batch(gauge('m', point('200', { asInt: 5n, timeUnixNano: 2n }))));
  exporter.consume(batch(gauge('m', point('200', { asInt: 4n, timeUnixNano: 1n }), point('500'))));
  assert.equal(await page(), `${TITLE}m{code="200"} 5\nm{code="500"} 1\n`);
});

test('a series goes when it ends, and when nothing came for metric_expiration', async () => {
  const { exporter, page, settings } = await start({ metric_expiration: 1000 });
  exporter.consume(batch(gauge('m', point('a'), point('b'))));
  exporter.consume(batch(gauge('m', point('a', { flags: 1 }))));
  assert.equal(await page(), `${TITLE}m{code="b"} 1\n`);
  settings.clock.advance(900);
  exporter.consume(batch(gauge('m', point('c'))));
  settings.clock.advance(200);
  assert.equal(await page(), `${TITLE}m{code="c"} 1\n`);
});

test('a name may get another type once it has expired', async () => {
  const { exporter, page, settings } = await start({ metric_expiration: 1000 });
  exporter.consume(batch(gauge('m', point('a'))));
  await page();
  const summary = { dataPoints: [{ ...point('a'), count: 1n, sum: 2, quantileValues: [] }] };
  const other = { name: 'm', description: '', unit: '', summary, metadata: [] };
  exporter.consume(batch(other));
  assert.equal(await page(), `${TITLE}m{code="a"} 1\n`);
  assert.match(
    settings.logger.messages('error')[0] ?? '',
    /instrument type conflict.*existing: GAUGE, dropped: SUMMARY/,
  );
  await page();
  assert.equal(settings.logger.messages('error').length, 1);
  settings.clock.advance(2500);
  exporter.consume(batch(other));
  assert.match(await page(), /# TYPE m summary/);
});

test('beyond max_series points of new series are dropped and counted', async () => {
  const { exporter, page, settings } = await start({ max_series: 2 });
  for (let i = 0; i < 5; i++) exporter.consume(batch(gauge('m', point('a'), point('b'), point(`more ${i}`))));
  assert.equal(await page(), `${TITLE}m{code="a"} 1\nm{code="b"} 1\n`);
  assert.equal(settings.meter.value('otelcol_exporter_prometheus_dropped_points', { exporter: 'prometheus' }), 5);
  assert.equal(settings.logger.messages('warn').length, 1);
});

test('pages are compressed on request, other paths are not there', async () => {
  const { exporter, ask } = await start();
  exporter.consume(batch(gauge('m', point('a'))));
  const answer = await ask({ 'accept-encoding': 'gzip' });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(answer.body).toString(), `${TITLE}m{code="a"} 1\n`);
  assert.equal((await ask({}, '/')).status, 404);
});

test('add_metric_suffixes counts only where its feature gate is off and there is no translation_strategy', async () => {
  const ratio = { ...gauge('m', point('a')), unit: '1' };
  const gate = ['exporter.prometheusexporter.DisableAddMetricSuffixes'];
  for (const [options, gates, name] of [
    [{ add_metric_suffixes: false }, [], 'm'],
    [{ add_metric_suffixes: false }, gate, 'm_ratio'],
    [{ translation_strategy: 'UnderscoreEscapingWithSuffixes', add_metric_suffixes: false }, [], 'm_ratio'],
    [{ translation_strategy: 'UnderscoreEscapingWithoutSuffixes' }, gate, 'm'],
  ] as const) {
    const { exporter, page } = await start(options, gates);
    exporter.consume(batch(ratio));
    assert.match(await page(), new RegExp(`^${name}\\{`, 'm'));
  }
});

test('a taken port is an error of the start', async () => {
  const port = await freePort();
  await start({ endpoint: `127.0.0.1:${port}` });
  await assert.rejects(start({ endpoint: `127.0.0.1:${port}` }), /address already in use/);
});
