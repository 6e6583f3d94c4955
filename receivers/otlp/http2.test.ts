/** OTLP over HTTP/2 with TLS: what http.test.ts says of HTTP/1.1 holds, as another implementation sees it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { ServerAuthenticator } from '../../core/auth.ts';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { StatusCode } from '../../core/status-code.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { spanBatch } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { OtlpReceiver } from './receiver.ts';

const run = promisify(execFile);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const certificate = (name: string) => fileURLToPath(new URL(`../../core/grpc/testdata/${name}`, import.meta.url));
const span = { traceId: '0d3e1d179c4ba37fe62a9c7dd1b467d0', spanId: 'b53cbdcb7e18d667', name: 'n' };
const oneSpan = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
const twoSpans = spanBatch(['a', 'b']).bytes();
const PROTO = { 'content-type': 'application/x-protobuf' };
const JSON_TEXT = { 'content-type': 'application/json' };

async function start(keys = '', extensions: Readonly<Record<string, Component & object>> = {}) {
  const tls = `{ cert_file: ${certificate('server.pem')}, key_file: ${certificate('server-key.pem')} }`;
  const yaml = `protocols: { http: { endpoint: "127.0.0.1:0", tls: ${tls}, ${keys} } }`;
  const settings = testSettings({ id: 'otlp', kind: 'receiver' });
  const sink = new SinkConsumer();
  const receiver = new OtlpReceiver(settings, readYaml(config, yaml), { for: () => sink, pipelines: new Map() });
  const host = new NopHost();
  for (const [id, extension] of Object.entries(extensions)) host.extensions.set(id, extension);
  await receiver.start(host);
  const line = settings.logger.lines.find(({ message }) => message === 'Starting HTTP server');
  const port = Number(String(line?.fields.endpoint).split(':').at(-1));
  const session = http2.connect(`https://localhost:${port}`, { ca: readFileSync(certificate('ca.pem')) });
  session.on('error', () => {});
  cleanups.push(
    () => receiver.shutdown(),
    () => session.destroy(),
  );
  return { port, session, sink, settings, receiver };
}

async function send(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<{ readonly headers: http2.IncomingHttpHeaders; readonly status: number; readonly body: Buffer }> {
  const stream = session.request({ ':method': 'POST', ':path': '/v1/traces', ...headers }, { endStream: false });
  if (body !== undefined) stream.end(body);
  const [answer] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status': number }];
  const chunks = await stream.toArray();
  return { headers: answer, status: answer[':status'], body: Buffer.concat(chunks) };
}

test('JSON and protobuf, compressed too, are accepted and answered in kind', async () => {
  const { session, sink } = await start('include_metadata: true, response_headers: { X-Own: "1" }');
  const json = await send(session, JSON_TEXT, oneSpan);
  assert.deepEqual([json.status, json.headers['content-type'], json.headers['x-own']], [200, 'application/json', '1']);
  assert.equal(json.body.toString(), '{"partialSuccess":{}}');
  const proto = await send(session, PROTO, twoSpans);
  assert.deepEqual([proto.status, proto.headers['content-type']], [200, 'application/x-protobuf']);
  assert.deepEqual(proto.body, Buffer.from([0x0a, 0x00]));
  await send(session, { ...PROTO, 'content-encoding': 'gzip', 'x-tenant': 'a' }, gzipSync(twoSpans));
  assert.deepEqual(sink.sizes, [1, 2, 2]);
  assert.deepEqual(sink.batches[2]?.bytes(), twoSpans);
  const { context } = sink.batches[2]!;
  assert.deepEqual([context.transport, context.address], ['http', '127.0.0.1']);
  assert.deepEqual(context.metadata.get('x-tenant'), ['a']);
});

test('what is refused is refused as over HTTP/1.1', async () => {
  const { session, sink, settings } = await start('max_request_body_size: 1000');
  const cases: [http2.OutgoingHttpHeaders, string | Buffer, number, RegExp][] = [
    [{ ...PROTO, ':path': '/other' }, '', 404, /not found/],
    [{ ...PROTO, ':method': 'PUT' }, '', 405, /405 method not allowed/],
    [{ ...PROTO, ':path': '//v1/traces' }, '', 307, /^$/],
    [{ 'content-type': 'text/plain' }, 'x', 415, /unsupported media type/],
    [{ ...JSON_TEXT, 'content-encoding': 'br' }, 'x', 400, /unsupported Content-Encoding: br/],
    [JSON_TEXT, Buffer.alloc(1001), 400, /request body too large/],
    [{ ...JSON_TEXT, 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(1001)), 400, /request body too large/],
    [JSON_TEXT, '{', 400, /"code":3/],
  ];
  for (const [headers, body, status, text] of cases) {
    const answer = await send(session, headers, body);
    assert.equal(answer.status, status);
    assert.match(answer.body.toString(), text);
  }
  sink.refuse = new PipelineError('busy', { code: StatusCode.UNAVAILABLE, retryAfterMs: 3000 });
  const busy = await send(session, PROTO, twoSpans);
  assert.deepEqual([busy.status, busy.headers['retry-after']], [503, '3']);
  const labels = { transport: 'http', limit: 'body_size' };
  assert.equal(settings.meter.value('otelcol_receiver_limit_reached', labels), 1);
  const metrics = settings.meter.series('http.server.request.duration');
  assert.ok(metrics.length > 0 && metrics.every((each) => each.labels['network.protocol.version'] === '2.0'));
});

test('who is not authenticated is told so before the body', async () => {
  const authenticator: Component & ServerAuthenticator = {
    start() {},
    shutdown() {},
    async authenticate(headers): Promise<ReadonlyMap<string, string>> {
      if (headers.get('authorization')?.[0] !== 'secret') throw new Error('not authorized');
      return new Map([['subject', 'ann']]);
    },
  };
  const { session, sink } = await start('auth: { authenticator: guard }', { guard: authenticator });
  const refused = await send(session, { ...JSON_TEXT, 'content-length': 5_000_000 });
  assert.deepEqual([refused.status, refused.body.toString()], [401, '{"code":16,"message":"not authorized"}']);
  assert.equal((await send(session, { ...PROTO, authorization: 'secret' }, twoSpans)).status, 200);
  assert.equal(sink.batches[0]?.context.auth?.get('subject'), 'ann');
});

test('a shutdown answers what is under way', async () => {
  const { session, sink, receiver } = await start();
  const open = sink.hold();
  const answer = send(session, PROTO, twoSpans);
  while (sink.calls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const goaway = once(session, 'goaway');
  const closed = receiver.shutdown();
  await goaway;
  open();
  assert.equal((await answer).status, 200);
  await closed;
});

test('curl', async (t) => {
  const version = await run('curl', ['--version']).then(
    ({ stdout }) => stdout,
    () => '',
  );
  if (!/ HTTP2 /.test(version)) return t.skip('needs curl with HTTP/2');
  const { port, sink } = await start();
  const body = ['--data-binary', '@-', '-H', 'content-type: application/json', '--cacert', certificate('ca.pem')];
  for (const [flag, expected] of [
    ['--http2', '2 200'],
    ['--http1.1', '1.1 200'],
  ] as const) {
    const flags = ['-s', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', flag, ...body];
    const curl = run('curl', [...flags, `https://localhost:${port}/v1/traces`]);
    curl.child.stdin?.end(oneSpan);
    assert.equal((await curl).stdout, expected);
  }
  assert.deepEqual(sink.sizes, [1, 1]);
});
