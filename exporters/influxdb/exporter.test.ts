import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { afterEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { readYaml } from '../../core/config/read.ts';
import type { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { parseLines } from '../../core/testing/line-protocol.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { influxdbExporter } from './exporter.ts';

const REJECTED = 'otelcol_exporter_influxdb_rejected_lines';
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Received {
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly lines: readonly string[];
}
type Answer = readonly [status: number, body?: unknown, headers?: http.OutgoingHttpHeaders];

/** Answers as the test says, and keeps what it said 204 to. */
async function influx(answer: (lines: readonly string[]) => Answer = () => [204]) {
  const requests: Received[] = [];
  const stored: string[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const lines = parseLines(text).map(({ fields }) => String(fields.body).slice(1, -1));
    requests.push({ url: request.url, headers: request.headers, lines });
    const [status, content, headers] = answer(lines);
    if (status === 204) stored.push(...lines);
    response.writeHead(status, headers).end(content === undefined ? '' : JSON.stringify(content));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, requests, stored };
}

async function exporter(yaml: string) {
  const settings = testSettings({ id: 'influxdb', kind: 'exporter' });
  const retry = yaml.includes('retry_on_failure') ? '' : 'retry_on_failure: {enabled: false}\n';
  const made = influxdbExporter(settings, readYaml(config, `sending_queue: {enabled: false}\n${retry}${yaml}`));
  await made.start(new NopHost());
  cleanups.push(() => made.shutdown());
  return { settings, made };
}

function logs(bodies: readonly string[]): Telemetry {
  const logRecords = bodies.map((stringValue, i) => ({ timeUnixNano: `${i + 1}`, body: { stringValue } }));
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords }] }] };
  const { bytes, items } = decodeJson('logs', Buffer.from(JSON.stringify(request)));
  return Telemetry.of('logs', bytes, items);
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}`);

async function send(made: { consume(batch: Telemetry): void | Promise<void> }, bodies: readonly string[]) {
  const batch = logs(bodies);
  try {
    await made.consume(batch);
    return undefined;
  } catch (error) {
    return error as PipelineError;
  } finally {
    assert.ok(isReleased(batch));
  }
}

test('writes to bucket and organization with the token', async () => {
  const { url, requests, stored } = await influx();
  const { made } = await exporter(`endpoint: ${url}\norg: my org\nbucket: b\ntoken: t0p\nprecision: us`);
  assert.equal(await send(made, ['x']), undefined);
  assert.equal(requests[0]?.url, '/api/v2/write?bucket=b&org=my+org&precision=us');
  assert.equal(requests[0]?.headers.authorization, 'Token t0p');
  assert.equal(requests[0]?.headers['user-agent'], 'OpenTelemetry -> Influx');
  assert.deepEqual(stored, ['x']);
});

test('writes to a database of InfluxDB 1, compressed, with headers of the user', async () => {
  const { url, requests } = await influx();
  const v1 = 'v1_compatibility: {enabled: true, db: d, username: u, password: p}';
  const { made } = await exporter(`endpoint: ${url}\n${v1}\ncompression: gzip\nheaders: {x-key: k, authorization: no}`);
  assert.equal(await send(made, ['x']), undefined);
  const [request] = requests;
  assert.equal(request?.url, '/write?db=d&precision=ns');
  assert.equal(request?.headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`);
  assert.equal(request?.headers['x-key'], 'k');
  assert.equal(request?.headers['content-encoding'], 'gzip');
  assert.match(String(request?.headers['user-agent']), /^weir/);
});

test('a path in the endpoint is kept', async () => {
  const { url, requests } = await influx();
  const { made } = await exporter(`endpoint: ${url}/telegraf?x=1\nbucket: b`);
  await send(made, ['x']);
  assert.equal(requests[0]?.url, '/telegraf?x=1&bucket=b&org=&precision=ns');
});

test('a request has no more lines and bytes than it may', async () => {
  const { url, requests, stored } = await influx();
  const { made } = await exporter(`endpoint: ${url}\npayload_max_lines: 4\npayload_max_bytes: 100`);
  assert.equal(await send(made, [...numbered(9), 'long '.repeat(20), 'end']), undefined);
  assert.deepEqual(
    requests.map(({ lines }) => lines.length),
    [4, 4, 1, 1, 1],
  );
  assert.equal(stored.length, 11);
});

test('an error of the server is for now, an answer that refuses everything is final', async () => {
  for (const [status, permanent] of [
    [500, false],
    [503, false],
    [429, false],
    [408, false],
    [401, true],
    [404, true],
    [400, true],
  ] as const) {
    const { url } = await influx(() => [
      status,
      { code: 'x', message: 'bucket "b" not found' },
      { 'retry-after': '7' },
    ]);
    const { made, settings } = await exporter(`endpoint: ${url}`);
    const error = await send(made, ['x']);
    assert.equal(error?.permanent, permanent, String(status));
    assert.equal(error?.retryAfterMs, permanent ? undefined : 7000);
    assert.match(String(error?.message), new RegExp(`^line protocol write returned "${status} .*bucket`));
    assert.equal(settings.meter.value(REJECTED), undefined);
  }
  const { made } = await exporter('endpoint: http://127.0.0.1:1');
  assert.equal((await send(made, ['x']))?.permanent, false);
});

test('Retry-After is obeyed, and only what is left is written again', async () => {
  let up = false;
  const { url, requests, stored } = await influx((lines) =>
    up || lines[0] === 'line 0' ? [204] : [503, '', { 'retry-after': '90' }],
  );
  const retry = 'retry_on_failure: {initial_interval: 1s, randomization_factor: 0}';
  const { made, settings } = await exporter(`endpoint: ${url}\npayload_max_lines: 2\ntimeout: 0s\n${retry}`);
  const sent = send(made, numbered(6));
  while (requests.length < 2 || settings.clock.pending === 0) await settle();
  up = true;
  settings.clock.advance(89_999);
  await settle();
  assert.equal(requests.length, 2);
  settings.clock.advance(1);
  assert.equal(await sent, undefined);
  assert.deepEqual(
    requests.map(({ lines }) => lines[0]),
    ['line 0', 'line 2', 'line 2', 'line 4'],
  );
  assert.deepEqual(stored, numbered(6));
});

test('a partial write is a success: what was refused is counted, and logged once', async () => {
  const message = (n: number) =>
    `failure writing points to database: partial write: field type conflict: input field "f${n}" on measurement ` +
    `"logs" is type float, already exists as type integer dropped=${n}`;
  let n = 1;
  const { url } = await influx(() => [422, { code: 'unprocessable entity', message: message(n++) }]);
  const { made, settings } = await exporter(`endpoint: ${url}`);
  for (let i = 0; i < 3; i++) assert.equal(await send(made, numbered(5)), undefined);
  assert.equal(settings.meter.value(REJECTED), 6);
  const warnings = settings.logger.lines.filter(({ level }) => level === 'warn');
  assert.equal(warnings.length, 1);
  assert.match(String(warnings[0]?.fields.reason), /field type conflict: input field "f1"/);
});

test('lines that InfluxDB cannot read are found, the others get in', async () => {
  const { url, requests, stored } = await influx((lines) => {
    const bad = lines.filter((line) => line.includes('bad'));
    return bad.length === 0
      ? [204]
      : [400, { code: 'invalid', message: `unable to parse '${bad[0]}': max key length` }];
  });
  const { made, settings } = await exporter(`endpoint: ${url}`);
  const lines = numbered(100);
  lines[17] = 'bad 1';
  lines[60] = 'bad 2';
  assert.equal(await send(made, lines), undefined);
  assert.deepEqual(
    stored,
    lines.filter((line) => !line.startsWith('bad')),
  );
  assert.equal(settings.meter.value(REJECTED), 2);
  assert.ok(requests.length < 40);
  assert.equal(settings.logger.messages('warn').length, 1);
});

test('a server that refuses every line is not asked without end', async () => {
  const { url, requests } = await influx(() => [400, { message: "unable to parse 'x': always" }]);
  const { made, settings } = await exporter(`endpoint: ${url}`);
  assert.equal(await send(made, numbered(5000)), undefined);
  assert.ok(requests.length <= 202, `${requests.length} requests`);
  assert.equal(settings.meter.value(REJECTED), 5000);
});

test('a request that is too large is halved', async () => {
  const { url, stored } = await influx((lines) => (lines.length > 3 ? [413, { message: 'too large' }] : [204]));
  const { made, settings } = await exporter(`endpoint: ${url}`);
  assert.equal(await send(made, ['a\nb', ...numbered(9)]), undefined);
  assert.deepEqual(stored, ['a\nb', ...numbered(9)]);
  assert.equal(settings.meter.value(REJECTED), undefined);
});

test('refuses what cannot work when it is made', () => {
  const make = (yaml: string) => influxdbExporter(testSettings({ id: 'influxdb' }), readYaml(config, yaml));
  assert.throws(() => make('bucket: b'), /endpoint must be specified/);
  assert.throws(() => make('endpoint: "::"'), /is not a URL/);
  assert.throws(() => make('endpoint: http://h:1\nmetrics_schema: v3'), /schema 'v3' not recognized/);
});
