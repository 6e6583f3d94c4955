import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import { snappyDecode } from '../../core/compression/snappy.ts';
import { readYaml } from '../../core/config/read.ts';
import type { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { MemoryStorage } from '../../core/testing/memory-storage.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { type TestSettingsOptions, testSettings } from '../../core/testing/settings.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { remoteWriteExporter } from './exporter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Received {
  readonly headers: http.IncomingHttpHeaders;
  /** Of the message; names and values of labels can be seen in it. */
  readonly text: string;
  readonly size: number;
}

/** A receiver that answers as the test says. */
async function peer(answer: (received: Received, index: number) => number = () => 204) {
  const received: Received[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = snappyDecode(Buffer.concat(chunks), 1 << 24);
    const one = { headers: request.headers, text: message.toString('latin1'), size: message.length };
    received.push(one);
    response.writeHead(answer(one, received.length - 1)).end('because');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/write`, received };
}

/** Without a queue consume tells the outcome. */
const NO_QUEUE = 'remote_write_queue: {enabled: false}\n';

async function exporter(yaml: string, options: TestSettingsOptions = {}) {
  const made = testSettings({ id: 'prometheus_remote_write', kind: 'exporter', signals: ['metrics'], ...options });
  // retries of the helper go by the clock, and sockets by real time
  const settings = { ...made, clock: systemClock } as never as typeof made;
  const one = remoteWriteExporter(settings, readYaml(config, NO_QUEUE + yaml));
  await one.start(new NopHost());
  cleanups.push(() => one.shutdown());
  return { one, settings };
}

function metrics(list: readonly unknown[], attributes: Record<string, string> = { 'service.name': 'shop' }): Telemetry {
  const resource = {
    attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
  };
  const json = JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics: list }] }] });
  const { bytes, items } = decodeJson('metrics', Buffer.from(json));
  return Telemetry.of('metrics', bytes, items);
}

const TIME = '1760000000000000000';
const gauge = (name: string, value = 1, more: object = {}) => ({
  name,
  gauge: { dataPoints: [{ timeUnixNano: TIME, asDouble: value, ...more }] },
});

test('says who it is, and in which version it writes', async () => {
  const { url, received } = await peer();
  const { one } = await exporter(`endpoint: ${url}\nheaders: {X-Scope-OrgID: team}`);
  const batch = metrics([gauge('up')]);
  await one.consume(batch);
  assert.ok(isReleased(batch));
  const headers = received[0]?.headers;
  assert.equal(headers?.['content-encoding'], 'snappy');
  assert.equal(headers?.['content-type'], 'application/x-protobuf');
  assert.equal(headers?.['x-prometheus-remote-write-version'], '0.1.0');
  assert.equal(headers?.['user-agent'], 'weir-under-test/0.0.0-test');
  assert.equal(headers?.['x-scope-orgid'], 'team');
  assert.match(received[0]?.text ?? '', /__name__.*up.*job.*shop/s);
});

test('the second version needs its gate, and a receiver that does not know it is told of once', async () => {
  const { url, received } = await peer();
  const yaml = `endpoint: ${url}\nprotobuf_message: io.prometheus.write.v2.Request`;
  await assert.rejects(exporter(yaml), /only supported with the feature gate .*enableSendingRW2/);
  const gates = ['exporter.prometheusremotewritexporter.enableSendingRW2'];
  const { one, settings } = await exporter(yaml, { featureGates: gates });
  await one.consume(metrics([gauge('up')]));
  await one.consume(metrics([gauge('up')]));
  assert.equal(received[0]?.headers['content-type'], 'application/x-protobuf;proto=io.prometheus.write.v2.Request');
  assert.equal(received[0]?.headers['x-prometheus-remote-write-version'], '2.0.0');
  assert.equal(settings.logger.messages('warn').length, 1);
});

const MANY = Array.from({ length: 20 }, (_, i) => gauge(`metric_${i}`));
const SMALL = 'max_batch_size_bytes: 200\nmax_batch_request_parallelism: 1\n';
const SOON = 'retry_on_failure: {initial_interval: 1ms, max_interval: 5ms}\n';

test('what was written is not written again when another part fails', async () => {
  const failed = new Set<number>();
  const { url, received } = await peer((_, index) => {
    if (index !== 2 && index !== 4) return 204;
    failed.add(index);
    return 503;
  });
  const { one, settings } = await exporter(`endpoint: ${url}\n${SMALL}${SOON}`);
  await one.consume(metrics(MANY));
  assert.equal(failed.size, 2);
  assert.ok(received.every(({ size }) => size < 200));
  const texts = received.map(({ text }) => text);
  const again = texts.filter((text, i) => texts.indexOf(text) !== i);
  assert.deepEqual(again, [texts[2], texts[4]]);
  for (let i = 0; i < 20; i++) assert.ok(texts.some((text) => text.includes(`metric_${i}`)));
  const sent = settings.meter.value('otelcol_exporter_prometheusremotewrite_sent_batches');
  assert.equal(sent, received.length);
});

test('what is refused for good is not tried again, and the rest is written', async () => {
  const { url, received } = await peer(({ text }) => (text.includes('metric_3') ? 400 : 204));
  const { one } = await exporter(`endpoint: ${url}\n${SMALL}${SOON}`);
  await assert.rejects(one.consume(metrics(MANY)) as Promise<void>, (error: PipelineError) => {
    assert.match(error.message, /HTTP Status Code 400: because/);
    assert.equal(error.hasStatus, false, 'the sender did nothing wrong');
    return error.permanent;
  });
  assert.equal(received.filter(({ text }) => text.includes('metric_3')).length, 1);
  assert.ok(received.some(({ text }) => text.includes('metric_19')));
});

test('429 is tried again with its gate only', async () => {
  for (const gate of [false, true]) {
    const { url, received } = await peer((_, index) => (index === 0 ? 429 : 204));
    const featureGates = gate ? ['exporter.prometheusremotewritexporter.RetryOn429'] : [];
    const { one } = await exporter(`endpoint: ${url}\n${SOON}`, { featureGates });
    const outcome = await (one.consume(metrics([gauge('up')])) as Promise<void>).then(
      () => 'written',
      () => 'refused',
    );
    assert.deepEqual([outcome, received.length], gate ? ['written', 2] : ['refused', 1]);
  }
});

test('a receiver that is not there is a failure for now', async () => {
  const { url } = await peer();
  const gone = url.replace(/:\d+/, ':1');
  const off = await exporter(`endpoint: ${gone}\nretry_on_failure: {enabled: false}`);
  await assert.rejects(off.one.consume(metrics([gauge('up')])) as Promise<void>, (error: PipelineError) => {
    assert.match(error.message, /Post .*: dial tcp 127\.0\.0\.1:1: connect: connection refused/);
    return !error.permanent;
  });
});

test('deltas are left out, and the log says so once', async () => {
  const { url, received } = await peer();
  const { one, settings } = await exporter(`endpoint: ${url}`);
  const point = { timeUnixNano: TIME, asDouble: 1 };
  const delta = { name: 'd', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [point] } };
  await one.consume(metrics([delta, gauge('g')]));
  await one.consume(metrics([delta]));
  assert.equal(received.length, 1);
  assert.equal(settings.logger.messages('warn').length, 1);
  assert.match(JSON.stringify(settings.logger.lines), /invalid temporality and type combination for metric/);
  assert.equal(settings.meter.value('otelcol_exporter_prometheusremotewrite_failed_translations'), 2);
});

test('the end of a series has the bits that Prometheus knows', async () => {
  const { url, received } = await peer();
  const { one } = await exporter(`endpoint: ${url}`);
  await one.consume(metrics([gauge('g', 1, { flags: 1 })]));
  const bits = Buffer.alloc(8);
  bits.writeBigUInt64LE(0x7ff0_0000_0000_0002n);
  assert.ok(received[0]?.text.includes(bits.toString('latin1')));
});

test('configurations that would lose something are refused', () => {
  const faults = (yaml: string) => {
    try {
      readYaml(config, yaml);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.match(faults('wal: {directory: /tmp/x}'), /wal: not supported: .*remote_write_queue::storage/);
  assert.match(faults('compression: gzip'), /compression type must be snappy/);
  assert.match(faults('remote_write_queue: {queue_size: 0}'), /a 0 size queue will drop all the data/);
  assert.match(faults('max_batch_request_parallelism: 0'), /can't be set to below 1/);
  assert.match(faults('translation_strategy: NoTranslation'), /requires Prometheus Remote Write 2.0/);
  assert.match(faults('protobuf_message: v3'), /unknown type for remote write protobuf message v3/);
  assert.equal(faults('compression: snappy'), '');
  const settings = testSettings({ signals: ['metrics'] });
  const made = (yaml: string) => () => remoteWriteExporter(settings, readYaml(config, yaml));
  assert.throws(made('external_labels: {a: ""}'), /external labels configuration contains an empty key or value/);
  assert.throws(made('endpoint: nowhere'), /invalid endpoint/);
});

test('waiting batches are written one after another', async () => {
  const { url, received } = await peer();
  const made = testSettings({ id: 'prometheus_remote_write', kind: 'exporter', signals: ['metrics'] });
  const one = remoteWriteExporter({ ...made, clock: systemClock }, readYaml(config, `endpoint: ${url}`));
  await one.start(new NopHost());
  for (let i = 0; i < 20; i++) await one.consume(metrics([gauge('g', i)]));
  await one.shutdown();
  const order = received.map(({ text }) => text);
  assert.equal(order.length, 20);
  const values = order.map((text) => Array.from({ length: 20 }, (_, i) => i).find((i) => text.includes(double(i))));
  assert.deepEqual(
    values,
    [...values].sort((a, b) => (a ?? 0) - (b ?? 0)),
  );
});

test('points of one series go in one request, in the order of time', async () => {
  const { url, received } = await peer();
  const { one } = await exporter(`endpoint: ${url}`);
  const dataPoints = [3, 1, 2].map((i) => ({ timeUnixNano: `176000000${i}000000000`, asDouble: i }));
  await one.consume(metrics([{ name: 'g', gauge: { dataPoints } }]));
  const text = received[0]?.text ?? '';
  const places = [1, 2, 3].map((i) => text.indexOf(double(i)));
  assert.ok(places.every((place) => place >= 0));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test('what waits is in the storage', async () => {
  const { url, received } = await peer();
  const settings = testSettings({ id: 'prometheus_remote_write', kind: 'exporter', signals: ['metrics'] });
  const storage = new MemoryStorage();
  const host = new NopHost();
  host.extensions.set('file_storage', storage);
  const yaml = (endpoint: string) =>
    readYaml(config, `endpoint: ${endpoint}\nremote_write_queue: {storage: file_storage}`);
  const run = async (endpoint: string) => {
    const made = remoteWriteExporter({ ...settings, clock: systemClock }, yaml(endpoint));
    await made.start(host);
    return made;
  };
  const first = await run('http://127.0.0.1:1/');
  await first.consume(metrics([gauge('kept')]));
  await first.shutdown();
  const second = await run(url);
  while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await second.shutdown();
  assert.match(received[0]?.text ?? '', /kept/);
});

function double(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return `\x09${bytes.toString('latin1')}`;
}
