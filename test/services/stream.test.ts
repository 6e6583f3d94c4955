/**
 * The configurations for stream processing that ship, with real Kafka, InfluxDB and a webhook: windows, anomalies, both
 * patterns and alerts are what they have to be, each once, also when the process is killed half-way.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Daemon } from '../support/daemon.ts';
import { InfluxDb } from './influxdb.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { Business } from './stream-business.ts';
import { alertsIn, type Expected, Topic } from './stream-jobs.ts';
import { Series } from './stream-series.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATIENCE_MS = 120_000;
const BUCKET = 'first';

let kafka: KafkaCluster;
let influx: InfluxDb;
let posted: { type: string; key: string }[];
let webhook: http.Server;
let env: Record<string, string>;

before(async () => {
  kafka = await KafkaCluster.start(1);
  influx = await InfluxDb.start();
  posted = [];
  webhook = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    posted.push(JSON.parse(body));
    response.end();
  });
  webhook.listen(0, '127.0.0.1');
  await once(webhook, 'listening');
  env = {
    KAFKA_BROKERS: kafka.addresses.join(','),
    INFLUXDB_URL: influx.url,
    INFLUXDB_ORG: influx.org,
    INFLUXDB_BUCKET: BUCKET,
    INFLUXDB_TOKEN: influx.token,
    ALERT_WEBHOOK: `http://127.0.0.1:${(webhook.address() as net.AddressInfo).port}/alerts`,
    CHECKPOINT_INTERVAL: '500ms',
    CHECKPOINT_MIN_PAUSE: '100ms',
  };
  for (const topics of ['topics', 'stream-topics']) {
    const made = new Daemon({ args: ['topics', 'apply', '--config', `configs/${topics}.yaml`], env, cwd: ROOT });
    assert.equal(await made.exited(), 0, made.output);
  }
});
after(async () => {
  webhook?.close();
  await influx?.[Symbol.asyncDispose]();
  await kafka?.[Symbol.asyncDispose]();
});

const NO_METRICS = ['--set', 'service.telemetry.metrics.level=none'];
const job = (name: string): Daemon =>
  new Daemon({ args: ['--config', `configs/${name}.yaml`, ...NO_METRICS], env, cwd: ROOT });

/** Feeds the first half, kills the process with what it has under way, and feeds the rest to another one. */
async function killedHalfway(name: string, feed: (half: 0 | 1) => Promise<void>, seen: () => boolean): Promise<Daemon> {
  const first = job(name);
  await feed(0);
  await first.until('first results', seen, PATIENCE_MS);
  first.process.kill('SIGKILL');
  await first.exited();
  await feed(1);
  return job(name);
}

const byText = (rows: readonly Expected[]): string[] => rows.map((row) => JSON.stringify(row)).toSorted();

test('metrics: windows in InfluxDB and in their topic, anomalies in the topic of alerts', async (t) => {
  const series = new Series(kafka.addresses);
  const windows = await Topic.read(kafka.addresses, 'processed-metrics', series.windowsOf);
  const alerts = await Topic.read(kafka.addresses, 'alerts', alertsIn);
  const daemon = await killedHalfway(
    'stream-metrics',
    (half) => series.send(half),
    () => windows.rows.length > 0,
  );
  try {
    const expected = series.windows();
    await daemon.until('all windows', () => windows.rows.length >= expected.length, PATIENCE_MS);
    const anomalies = series.anomalies();
    assert.ok(anomalies.length > 0 && expected.length > 200);
    await daemon.until('all alerts', () => alerts.rows.length >= anomalies.length, PATIENCE_MS);
    // what would come twice would come now
    await pause(2_000);
    assert.deepEqual(byText(windows.rows), byText(expected));
    assert.deepEqual(byText(alerts.rows.map(({ type, key, time }) => ({ type, key, time }))), byText(anomalies));
    const field = (name: string) => `
      from(bucket: "${BUCKET}") |> range(start: -2h, stop: 2h)
        |> filter(fn: (r) => r._measurement == "latency.window" and r._field == "${name}") |> group()`;
    const ofLatency = expected.filter(({ metric }) => metric === 'latency');
    const [count] = await influx.query(`${field('count')} |> count()`);
    assert.equal(Number(count?._value), ofLatency.length);
    const [sum] = await influx.query(`${field('sum')} |> sum()`);
    assert.equal(
      Number(sum?._value),
      ofLatency.reduce((all, window) => all + Number(window.sum), 0),
    );
    t.diagnostic(`${expected.length} windows, ${anomalies.length} anomalies`);
  } catch (error) {
    t.diagnostic(daemon.output.slice(-3000));
    throw error;
  } finally {
    daemon.process.kill('SIGKILL');
    await Promise.all([daemon.exited(), windows.close(), alerts.close(), series.close()]);
  }
});

test('events: both patterns match, one alert a minute of each type, in the topic and at the webhook', async (t) => {
  const business = new Business(kafka.addresses);
  const matches = await Topic.read(kafka.addresses, 'alert-matches', alertsIn);
  const all = await Topic.read(kafka.addresses, 'alerts', alertsIn);
  const daemon = await killedHalfway(
    'stream-events',
    (half) => business.send(half),
    () => matches.rows.length > 0,
  );
  try {
    const expected = business.matches();
    await daemon.until('all matches', () => matches.rows.length >= expected.length, PATIENCE_MS);
    assert.deepEqual(byText(matches.rows.map(({ type, key, time }) => ({ type, key, time }))), byText(expected));
    await business.later();
    const wanted = business.alerts();
    const own = () => all.rows.filter(({ type, time }) => type !== 'ANOMALY_DETECTED' && business.covers(time));
    await daemon.until('all alerts', () => own().length >= wanted.length, PATIENCE_MS);
    await until('the webhook to have them', () => posted.filter(isOf('LLM_CHAIN_FAILURE')).length > 0, PATIENCE_MS);
    await pause(2_000);
    assert.deepEqual(
      byText(own().map(({ type, count, first, last }) => ({ type, count, first, last }))),
      byText(wanted),
    );
    // the anomalies of the other job come by the same topic
    for (const type of ['SESSION_ANOMALY', 'LLM_CHAIN_FAILURE', 'ANOMALY_DETECTED']) assert.ok(posted.some(isOf(type)));
    t.diagnostic(`${expected.length} matches, ${wanted.length} alerts, ${posted.length} posts`);
  } catch (error) {
    t.diagnostic(daemon.output.slice(-3000));
    throw error;
  } finally {
    daemon.process.kill('SIGKILL');
    await Promise.all([daemon.exited(), matches.close(), all.close(), business.close()]);
  }
});

const isOf = (type: string) => (alert: { readonly type: string }) => alert.type === type;
