import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { afterEach, test } from 'node:test';
import * as zlib from 'node:zlib';
import type { ServerAuthenticator } from '../../core/auth.ts';
import type { Component } from '../../core/component.ts';
import { compressor } from '../../core/compression/compress.ts';
import { ENCODINGS } from '../../core/compression/decompress.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import type { ServerMiddleware } from '../../core/middleware.ts';
import { decodeStatus, decodeStatusJson } from '../../core/otlp/status.ts';
import type { Signal } from '../../core/signal.ts';
import { StatusCode } from '../../core/status-code.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { spanBatch } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { OtlpReceiver } from './receiver.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const JSON_TYPE = 'application/json';
const PROTO_TYPE = 'application/x-protobuf';
const span = { traceId: '0d3e1d179c4ba37fe62a9c7dd1b467d0', spanId: 'b53cbdcb7e18d667', name: 'n' };
const oneSpan = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
const twoSpans = spanBatch(['a', 'b']).bytes();

interface Options {
  readonly keys?: readonly string[];
  readonly signals?: readonly Signal[];
  readonly extensions?: Readonly<Record<string, Component & object>>;
}

/** A receiver on a free port with one sink for all its signals. */
async function start({ keys = [], signals = ['traces'], extensions = {} }: Options = {}) {
  const yaml = ['protocols:', '  http:', '    endpoint: 127.0.0.1:0', ...keys.map((key) => `    ${key}`)].join('\n');
  const settings = testSettings({ id: 'otlp', kind: 'receiver', signals });
  const sink = new SinkConsumer();
  const outputs = { for: (signal: Signal) => (signals.includes(signal) ? sink : undefined), pipelines: new Map() };
  const receiver = new OtlpReceiver(settings, readYaml(config, yaml), outputs);
  const host = new NopHost();
  for (const [id, extension] of Object.entries(extensions)) host.extensions.set(id, extension);
  cleanups.push(() => receiver.shutdown());
  await receiver.start(host);
  const line = settings.logger.lines.find(({ message }) => message === 'Starting HTTP server');
  const port = Number(String(line?.fields.endpoint).split(':').at(-1));
  return { port, sink, settings, receiver };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly reused: boolean;
}

async function send(
  port: number,
  body: string | Buffer,
  options: {
    readonly path?: string;
    readonly method?: string;
    readonly headers?: http.OutgoingHttpHeaders;
    readonly agent?: http.Agent;
  } = {},
): Promise<Answer> {
  const request = http.request({
    host: '127.0.0.1',
    port,
    path: options.path ?? '/v1/traces',
    method: options.method ?? 'POST',
    headers: { 'content-type': JSON_TYPE, ...options.headers },
    agent: options.agent,
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks),
    reused: request.reusedSocket,
  };
}

test('JSON and protobuf are accepted and answered in kind', async () => {
  const { port, sink } = await start();
  const json = await send(port, oneSpan);
  assert.equal(json.status, 200);
  assert.equal(json.headers['content-type'], JSON_TYPE);
  assert.equal(json.body.toString(), '{"partialSuccess":{}}');
  const proto = await send(port, twoSpans, { headers: { 'content-type': PROTO_TYPE } });
  assert.equal(proto.status, 200);
  assert.equal(proto.headers['content-type'], PROTO_TYPE);
  assert.deepEqual(proto.body, Buffer.from([0x0a, 0x00]));
  assert.deepEqual(sink.sizes, [1, 2]);
  assert.deepEqual(sink.batches[1]?.bytes(), twoSpans);
  assert.equal(sink.batches[0]?.context.transport, 'http');
  assert.equal(sink.batches[0]?.context.address, '127.0.0.1');
  assert.equal(sink.batches[0]?.context.metadata.size, 0);
});

test('content types: parameters do not matter, anything else is 415', async () => {
  const { port } = await start();
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json;a="b;c" ; d=e;']) {
    assert.equal((await send(port, oneSpan, { headers: { 'content-type': type } })).status, 200, type);
  }
  for (const type of [
    'text/plain',
    '',
    'application/grpc',
    'application/jsonx',
    'application/json; a',
    'application/json;;',
  ]) {
    const answer = await send(port, oneSpan, { headers: { 'content-type': type } });
    assert.equal(answer.status, 415);
    assert.equal(answer.headers['content-type'], 'text/plain');
    assert.equal(
      answer.body.toString(),
      '415 unsupported media type, supported: [application/json, application/x-protobuf]',
    );
  }
});

test('methods and paths', async () => {
  const { port } = await start({ signals: ['traces', 'logs'], keys: ['logs_url_path: my/logs'] });
  for (const method of ['GET', 'PUT', 'OPTIONS', 'DELETE']) {
    const answer = await send(port, '', { method });
    assert.equal(answer.status, 405);
    assert.equal(answer.body.toString(), '405 method not allowed, supported: [POST]');
  }
  for (const path of ['/', '/v1/traces/', '/v1/metrics', '/v1/logs', '/V1/traces']) {
    const answer = await send(port, oneSpan, { path });
    assert.equal(answer.status, 404, path);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(answer.body.toString(), '404 page not found\n');
  }
  for (const path of ['/my/logs?x=y', '/my/%6Cogs']) assert.equal((await send(port, '{}', { path })).status, 200);
  for (const path of ['//my/logs?x=y', '/a/../my/./logs?x=y']) {
    const answer = await send(port, '{}', { path });
    assert.equal(answer.status, 307);
    assert.equal(answer.headers.location, '/my/logs?x=y');
  }
});

test('all encodings are expanded, and no further than the limit', async () => {
  const { port, sink } = await start({ keys: ['max_request_body_size: 3000'] });
  for (const encoding of ENCODINGS) {
    const packed = await compressor(encoding)(twoSpans);
    const headers = { 'content-type': PROTO_TYPE, 'content-encoding': encoding };
    assert.equal((await send(port, packed, { headers })).status, 200, encoding);
    const bomb = await compressor(encoding)(Buffer.alloc(3001));
    const answer = await send(port, bomb, { headers });
    assert.equal(answer.status, 400, encoding);
    assert.deepEqual(decodeStatus(answer.body), { code: 3, message: 'http: request body too large' });
  }
  assert.equal(sink.items, 2 * ENCODINGS.length);
  const large = await send(port, 'x'.repeat(3001));
  assert.equal(large.status, 400);
  assert.deepEqual(decodeStatusJson(large.body), { code: 3, message: 'http: request body too large' });
});

test('a body that expands on another thread', async () => {
  const { port, sink } = await start();
  const many = spanBatch(Array.from({ length: 20_000 }, (_, i) => `span ${(i * 2654435761) % 4294967296}`)).bytes();
  const packed = zlib.gzipSync(many);
  assert.ok(packed.length > 32 * 1024);
  const answer = await send(port, packed, { headers: { 'content-type': PROTO_TYPE, 'content-encoding': 'gzip' } });
  assert.equal(answer.status, 200);
  assert.equal(sink.items, 20_000);
});

test('bodies that cannot be read are refused with the reason, and the connection goes on', async () => {
  const { port, sink } = await start({ keys: ['compression_algorithms: ["", gzip]'] });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  cleanups.push(() => agent.destroy());
  const refused: readonly (readonly [string | Buffer, http.OutgoingHttpHeaders, RegExp])[] = [
    ['{not json', {}, /./],
    ['[]', {}, /./],
    ['', {}, /./],
    [Buffer.from([0x0a, 0xff, 0xff]), { 'content-type': PROTO_TYPE }, /malformed traces request/],
    [oneSpan, { 'content-encoding': 'gzip' }, /^gzip: invalid header$/],
    [zlib.gzipSync(oneSpan).subarray(0, 30), { 'content-encoding': 'gzip' }, /^unexpected EOF$/],
    [oneSpan, { 'content-encoding': 'br' }, /^unsupported Content-Encoding: br$/],
    [oneSpan, { 'content-encoding': 'zstd' }, /^unsupported Content-Encoding: zstd$/],
  ];
  for (const [body, headers, message] of refused) {
    const answer = await send(port, body, { headers, agent });
    assert.equal(answer.status, 400);
    assert.equal(answer.reused, body !== '{not json');
    const type = headers['content-type'] ?? JSON_TYPE;
    assert.equal(answer.headers['content-type'], type);
    const status = type === PROTO_TYPE ? decodeStatus(answer.body) : decodeStatusJson(answer.body);
    assert.equal(status?.code, StatusCode.INVALID_ARGUMENT);
    assert.match(status?.message ?? '', message);
  }
  assert.equal(sink.calls, 0);
});

test('no items: success, and the pipelines hear nothing', async () => {
  const { port, sink } = await start();
  for (const body of [
    '{}',
    '{"resourceSpans":[]}',
    '{"resourceSpans":[{}]}',
    '{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}',
  ]) {
    assert.equal((await send(port, body)).status, 200);
  }
  assert.equal((await send(port, '', { headers: { 'content-type': PROTO_TYPE } })).status, 200);
  assert.equal(sink.calls, 0);
});

test('every outcome of a pipeline has its status', async () => {
  const { port, sink } = await start();
  const expected: readonly (readonly [PipelineError, number, StatusCode])[] = [
    [new PipelineError('m'), 503, StatusCode.UNAVAILABLE],
    [new PipelineError('m', { permanent: true }), 500, StatusCode.INTERNAL],
    ...(
      [
        ['CANCELLED', 503],
        ['DEADLINE_EXCEEDED', 503],
        ['ABORTED', 503],
        ['OUT_OF_RANGE', 503],
        ['UNAVAILABLE', 503],
        ['DATA_LOSS', 503],
        ['RESOURCE_EXHAUSTED', 429],
        ['INVALID_ARGUMENT', 400],
        ['UNAUTHENTICATED', 401],
        ['PERMISSION_DENIED', 403],
        ['UNIMPLEMENTED', 404],
        ['UNKNOWN', 500],
        ['NOT_FOUND', 500],
        ['INTERNAL', 500],
      ] as const
    ).map(([name, status]) => [new PipelineError('m', { code: StatusCode[name] }), status, StatusCode[name]] as const),
  ];
  for (const asynchronous of [false, true]) {
    sink.async = asynchronous;
    for (const [error, status, code] of expected) {
      sink.refuse = error;
      const json = await send(port, oneSpan);
      assert.equal(json.status, status);
      assert.equal(json.body.toString(), JSON.stringify({ code, message: error.answer }));
      assert.equal(json.headers['retry-after'], undefined);
      const proto = await send(port, twoSpans, { headers: { 'content-type': PROTO_TYPE } });
      assert.equal(proto.status, status);
      assert.deepEqual(decodeStatus(proto.body), { code, message: error.answer });
    }
  }
});

test('Retry-After where the pipeline says when to come again', async () => {
  const { port, sink } = await start();
  sink.refuse = new PipelineError('busy', { retryAfterMs: 2500 });
  const busy = await send(port, oneSpan);
  assert.equal(busy.headers['retry-after'], '2');
  assert.equal(decodeStatusJson(busy.body)?.retryAfterMs, 2500);
  sink.refuse = new PipelineError('no', { permanent: true, retryAfterMs: 2500 });
  assert.equal((await send(port, oneSpan)).headers['retry-after'], undefined);
});

test('include_metadata keeps the headers for the pipelines', async () => {
  const { port, sink } = await start({ keys: ['include_metadata: true'] });
  await send(port, oneSpan, { headers: { 'X-Tenant': ['a', 'b'] } });
  const metadata = sink.batches[0]?.context.metadata;
  assert.deepEqual(metadata?.get('x-tenant'), ['a', 'b']);
  assert.deepEqual(metadata?.get('host'), [`127.0.0.1:${port}`]);
});

test('response_headers are in every answer', async () => {
  const { port } = await start({ keys: ['response_headers: {X-Served-By: me}'] });
  for (const path of ['/v1/traces', '/nowhere']) {
    assert.equal((await send(port, oneSpan, { path })).headers['x-served-by'], 'me');
  }
  assert.equal((await send(port, '{')).headers['x-served-by'], 'me');
});

test('CORS: preflights and requests of pages that may send', async () => {
  const { port } = await start({ keys: ['cors: {allowed_origins: ["https://*.example.test"], max_age: 600}'] });
  const preflight = (origin: string) =>
    send(port, '', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
  const allowed = await preflight('https://ui.example.test');
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers['access-control-allow-origin'], 'https://ui.example.test');
  assert.equal(allowed.headers['access-control-allow-credentials'], 'true');
  assert.equal(allowed.headers['access-control-max-age'], '600');
  assert.equal(allowed.headers['access-control-expose-headers'], undefined);
  const denied = await preflight('https://evil.test');
  assert.equal(denied.status, 204);
  assert.equal(denied.headers['access-control-allow-origin'], undefined);
  const page = await send(port, oneSpan, { headers: { origin: 'https://ui.example.test' } });
  assert.equal(page.status, 200);
  assert.equal(page.headers['access-control-allow-origin'], 'https://ui.example.test');
  assert.equal(page.headers.vary, 'Origin');
  assert.equal((await send(port, '', { method: 'OPTIONS' })).status, 405);
});

class Tokens implements Component, ServerAuthenticator {
  start(): void {}
  shutdown(): void {}
  async authenticate(headers: ReadonlyMap<string, readonly string[]>): Promise<ReadonlyMap<string, string>> {
    const [token] = headers.get('token') ?? [];
    if (token === undefined) throw new Error('no token');
    return new Map([['subject', token]]);
  }
}

test('an authenticator decides, from headers or the query', async () => {
  const keys = ['auth: {authenticator: tokens, request_params: [token]}'];
  const { port, sink } = await start({ keys, extensions: { tokens: new Tokens() } });
  const refused = await send(port, oneSpan);
  assert.equal(refused.status, 401);
  assert.deepEqual(decodeStatusJson(refused.body), { code: StatusCode.UNAUTHENTICATED, message: 'no token' });
  assert.equal((await send(port, oneSpan, { headers: { token: 'h' } })).status, 200);
  assert.equal((await send(port, oneSpan, { path: '/v1/traces?token=q' })).status, 200);
  assert.deepEqual(
    sink.batches.map((batch) => batch.context.auth?.get('subject')),
    ['h', 'q'],
  );
});

test('a refusal comes before the body; one that is there already costs no connection', async () => {
  let full = true;
  const busy = { code: StatusCode.RESOURCE_EXHAUSTED };
  const admit = () => {
    if (full) throw new PipelineError('busy', busy);
  };
  const authenticate = (headers: ReadonlyMap<string, readonly string[]>) => {
    if (!headers.has('token')) throw new Error('no token');
    return new Map<string, string>();
  };
  const tokens: Component & ServerAuthenticator = { start() {}, shutdown() {}, authenticate };
  const limiter: Component & ServerMiddleware = { start() {}, shutdown() {}, admit };
  const keys = ['auth: {authenticator: tokens}', 'middlewares: [{id: limiter}]'];
  const { port, sink } = await start({ keys, extensions: { tokens, limiter } });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  cleanups.push(() => agent.destroy());
  const large = http.request({ port, host: '127.0.0.1', path: '/v1/traces', method: 'POST', agent });
  large.setHeader('content-length', 20_000_000).setHeader('token', 't').flushHeaders();
  const [early] = (await once(large, 'response')) as [http.IncomingMessage];
  assert.deepEqual([early.statusCode, early.headers.connection], [429, 'close']);
  large.on('error', () => {}).destroy();
  const post = async (headers: http.OutgoingHttpHeaders) => {
    const { status, reused } = await send(port, oneSpan, { agent, headers });
    return [status, reused];
  };
  assert.deepEqual(await post({ token: 't' }), [429, false]);
  assert.deepEqual(await post({}), [401, true]);
  assert.deepEqual(await post({ token: 't' }), [429, true]);
  full = false;
  assert.deepEqual(await post({ token: 't' }), [200, true]);
  assert.equal(sink.batches.length, 1);
});

test('what cannot start says so in one sentence', async () => {
  const { port } = await start();
  const start2 = (keys: readonly string[], endpoint = '127.0.0.1:0') => {
    const yaml = ['protocols:', '  http:', `    endpoint: ${endpoint}`, ...keys.map((key) => `    ${key}`)].join('\n');
    const outputs = { for: () => new SinkConsumer(), pipelines: new Map() };
    return new OtlpReceiver(testSettings({ id: 'otlp' }), readYaml(config, yaml), outputs).start(new NopHost());
  };
  await assert.rejects(start2([], `127.0.0.1:${port}`), {
    message: `listen tcp 127.0.0.1:${port}: bind: address already in use`,
  });
  await assert.rejects(start2(['auth: {authenticator: x}']), {
    message: 'failed to resolve authenticator "x": authenticator not found',
  });
  await assert.rejects(start2(['middlewares: [{id: y}]']), {
    message: 'failed to resolve middleware "y": middleware not found',
  });
  await assert.rejects(start2([], '127.0.0.1'), { message: 'listen tcp: address 127.0.0.1: missing port in address' });
});

test('shutdown waits for the answer of the pipeline, and is repeatable', async () => {
  const { port, sink, receiver } = await start();
  const open = sink.hold();
  const answer = send(port, oneSpan);
  while (sink.calls === 0) await new Promise((resolve) => setImmediate(resolve));
  const stopped = receiver.shutdown();
  open();
  assert.equal((await answer).status, 200);
  await stopped;
  await receiver.shutdown();
  await assert.rejects(send(port, oneSpan));
});

test('a path that is no URL is refused, of any other URL the path counts', async () => {
  const faulty = 'protocols: {http: {traces_url_path: "%zz"}}';
  assert.throws(
    () => readYaml(config, faulty),
    /invalid HTTP URL path set for signal: parse "%zz": invalid URL escape "%zz"/,
  );
  const { port } = await start({ keys: ['traces_url_path: "http://h/my%20traces?x=1"'] });
  const request = { method: 'POST', headers: { 'content-type': JSON_TYPE }, body: oneSpan };
  assert.equal((await fetch(`http://127.0.0.1:${port}/my%20traces`, request)).status, 200);
});

test('of a refusal the sender hears what the collector would say', async () => {
  const { port, sink } = await start();
  const request = { method: 'POST', headers: { 'content-type': JSON_TYPE }, body: oneSpan };
  const answer = async (refuse: PipelineError) => {
    sink.refuse = refuse;
    return (await fetch(`http://127.0.0.1:${port}/v1/traces`, request)).json();
  };
  const code = StatusCode.INVALID_ARGUMENT;
  const message = 'Permanent error: rpc error: code = InvalidArgument desc = no';
  assert.deepEqual(await answer(PipelineError.ofStatus('no', { code, permanent: true })), { code, message });
  const busy = { code: StatusCode.UNAVAILABLE, message: 'busy' };
  assert.deepEqual(await answer(PipelineError.ofStatus('busy', { code: busy.code })), busy);
});

test('requests for a signal without a pipeline have no route', async () => {
  const { port, settings } = await start();
  await send(port, oneSpan, { headers: { 'content-type': JSON_TYPE } });
  await send(port, oneSpan, { path: '/v1/logs', headers: { 'content-type': JSON_TYPE } });
  const series = settings.meter.series('http.server.request.duration');
  assert.deepEqual(
    series.map(({ labels }) => [labels['http.response.status_code'], labels['http.route']]),
    [
      ['200', '/v1/traces'],
      ['404', undefined],
    ],
  );
});
