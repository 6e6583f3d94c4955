import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { assertRestores, points, StreamSinks, streamBatch } from '../../core/testing/streams.ts';
import { config } from './config.ts';
import { anomalyConnector } from './connector.ts';

const T = 1_700_000_040_000;
const HOUR = 3_600_000;

async function started(yaml: string, clock = new FakeClock()) {
  const sinks = new StreamSinks('logs', 'metrics');
  const settings = testSettings({ id: 'anomaly', kind: 'connector', clock });
  const connector = anomalyConnector(settings, readYaml(config, `max_future: 0s\n${yaml}`), sinks);
  await connector.start(new NopHost());
  const feed = async (values: readonly (readonly [time: number, value: number])[], name = 'm') => {
    for (const [time, value] of values) {
      await connector.consume(streamBatch('metrics', points([[name, T + time, value]])));
    }
  };
  return { connector, sinks, settings, clock, feed };
}

function alertsOf(sinks: StreamSinks) {
  return sinks.results.batches.flatMap((batch) =>
    decodeTree('logs', batch).resourceLogs.flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) =>
        logRecords.map(({ timeUnixNano, attributes }) => {
          const text = Object.fromEntries(attributes.map(({ key, value }) => [key, valueText(value)]));
          return [Number(timeUnixNano / 1_000_000n) - T, text['anomaly.method'], Number(text['anomaly.value'])];
        }),
      ),
    ),
  );
}

test('the exponentially weighted rule, step by step', async () => {
  const { connector, sinks, feed } = await started('ewma: {alpha: 0.1, threshold: 3}');
  const values = [10, 10, 11, 10, 12, 10, 40, 11, 10, 9];
  await feed(values.map((value, i) => [i * 1_000, value]));
  const expected: unknown[] = [];
  let [mean, variance] = [values[0] as number, 0];
  for (const [i, value] of values.entries()) {
    if (i === 0) continue;
    if (Math.abs(value - mean) > 3 * Math.sqrt(variance)) expected.push([i * 1_000, 'ewma', value]);
    variance = 0.1 * (value - mean) ** 2 + 0.9 * variance;
    mean = 0.1 * value + 0.9 * mean;
  }
  assert.deepEqual(alertsOf(sinks), expected);
  assert.equal(expected.length, 3);
  await connector.shutdown();
});

test('nights are compared with nights', async () => {
  const { connector, sinks, feed } = await started('seasonal: {period: 24h, buckets: 24, min_samples: 2, alpha: 0.5}');
  const midnight = 24 * HOUR - (T % (24 * HOUR));
  for (let day = 0; day < 4; day++) {
    await feed([
      [midnight + day * 24 * HOUR, 5],
      [midnight + day * 24 * HOUR + 12 * HOUR, 100],
    ]);
  }
  assert.deepEqual(alertsOf(sinks), []);
  await feed([[midnight + 4 * 24 * HOUR, 100]]);
  assert.deepEqual(alertsOf(sinks), [[midnight + 96 * HOUR, 'seasonal', 100]]);
  await connector.shutdown();
});

test('a cooldown keeps alerts apart; without one every value counts, also one that is late', async () => {
  const values = [
    [0, 99],
    [5_000, 99],
    [10_000, 99],
    [8_000, 99],
  ] as const;
  for (const [cooldown, times] of [
    ['0s', [0, 5_000, 10_000, 8_000]],
    ['10s', [0, 10_000]],
  ] as const) {
    const { connector, sinks, feed } = await started(`static: {above: 50}\ncooldown: ${cooldown}`);
    await feed(values);
    assert.deepEqual(
      alertsOf(sinks).map(([time]) => time),
      times,
    );
    await connector.shutdown();
  }
});

test('huge values do not blind a series for good', async () => {
  const { connector, feed } = await started('ewma: {}');
  await feed([
    [0, 1],
    [1, 1e200],
    [2, -1e308],
    [3, 1e308],
  ]);
  const [series] = [...connector.states()].flatMap((state) => [...state.values()]);
  assert.ok(series?.baselines.every(Number.isFinite));
  await connector.shutdown();
});

test('silent series are forgotten in event time, and then begin anew', async () => {
  const { connector, settings, feed } = await started('expire_after: 1h\nout_of_orderness: 0s');
  await feed([[0, 1]], 'quiet');
  await feed([[HOUR / 2, 1]], 'loud');
  assert.equal(settings.meter.value('otelcol_stream_keys'), 2);
  await feed([[1.2 * HOUR, 1]], 'loud');
  assert.equal(settings.meter.value('otelcol_stream_keys'), 1);
  await connector.shutdown();
});

test('beyond max_keys series are not judged, and counted', async () => {
  const { connector, settings, feed } = await started('max_keys: 1\nstatic: {above: 1}');
  await feed([[0, 5]], 'a');
  await feed([[1, 5]], 'b');
  assert.equal(settings.meter.value('otelcol_stream_strays', { reason: 'too many keys' }), 1);
  await connector.shutdown();
});

test('baselines that were exported are where another process begins', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-anomaly-')), 'baselines.json');
  const rules = 'ewma: {alpha: 0.5, min_samples: 3}\nseasonal: {buckets: 2, min_samples: 1}';
  const first = await started(`${rules}\nexport_file: ${path}\nexport_interval: 1m`);
  await first.feed([
    [0, 10],
    [1, 12],
    [2, 11],
    [3, 10],
  ]);
  assert.equal(existsSync(path), false);
  first.clock.advance(60_000);
  const written = JSON.parse(readFileSync(path, 'utf8'));
  assert.deepEqual(written.baselines[0].key, ['api', 'm']);
  assert.equal(written.baselines[0].samples, 4);
  assert.equal(written.baselines[0].seasons.length, 2);
  await first.connector.shutdown();
  const second = await started(`${rules}\nbaseline_file: ${path}`);
  await second.feed([[5, 90]]);
  assert.deepEqual(
    alertsOf(second.sinks).map(([, method]) => method),
    ['ewma', 'seasonal'],
  );
  await second.connector.shutdown();
});

test('a file that holds no baselines says what is wrong', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-anomaly-'));
  const path = join(folder, 'baselines.json');
  for (const [text, message] of [
    ['{', /baselines\.json: /],
    ['{"version": 2, "baselines": []}', /expected \{"version": 1/],
    ['{"version": 1, "baselines": [{"key": "a"}]}', /baselines\[0\]: key must be a list of strings/],
    ['{"version": 1, "baselines": [{"key": ["a"], "mean": "x"}]}', /baselines\[0\]: mean must be a number/],
    ['{"version": 1, "baselines": [{"key": ["a"], "seasons": [{}]}]}', /baselines\[0\]: seasons must be/],
    ['{"version": 1, "baselines": [{"key": ["a"], "seasons": [null]}]}', /baselines\[0\]: seasons must be/],
    ['{"version": 1, "baselines": [null]}', /baselines\[0\]: key must be/],
  ] as const) {
    writeFileSync(path, text);
    await assert.rejects(started(`baseline_file: ${path}`), message, text);
  }
  await assert.rejects(started(`baseline_file: ${join(folder, 'none')}`), /none/);
});

test('goes on from snapshots as if it had not been stopped', async () => {
  const options = readYaml(
    config,
    [
      'max_future: 0s\nout_of_orderness: 3s\nexpire_after: 20s\ncooldown: 2s\nmax_keys: 6',
      'ewma: {alpha: 0.3, threshold: 2}\nseasonal: {period: 10s, buckets: 3}\nstatic: {above: 9.5}',
    ].join('\n'),
  );
  await assertRestores(
    (sinks) => anomalyConnector(testSettings({ id: 'anomaly', kind: 'connector' }), options, sinks),
    () => new StreamSinks('logs', 'metrics'),
    (random, step) => {
      const point = () => {
        const time = T + step * 1_000 - Math.floor(random() * 6_000);
        return [`m${Math.floor(random() ** 3 * 9)}`, time, random() * 10] as const;
      };
      return streamBatch('metrics', points([point(), point(), point()]), 'p');
    },
    20,
    120,
  );
});

test('configurations that cannot be meant are refused', () => {
  for (const [yaml, message] of [
    ['ewma: {alpha: 0}', /alpha: must be above 0 and at most 1/],
    ['ewma: {threshold: -1}', /threshold: must not be negative/],
    ['seasonal: {buckets: 0}', /buckets: must be between 1 and 1000/],
    ['static: {}', /static: needs above, below or both/],
    ['cooldown: -1s', /cooldown: must not be negative/],
    ['export_file: x\nexport_interval: 0s', /export_interval/],
  ] as const) {
    assert.throws(() => readYaml(config, yaml), message, yaml);
  }
});
