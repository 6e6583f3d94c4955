import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Component } from '../../core/component.ts';
import { decompress, ENCODINGS } from '../../core/compression/decompress.ts';
import { readYaml } from '../../core/config/read.ts';
import type { PipelineError } from '../../core/error.ts';
import { encodeExportResponse } from '../../core/otlp/service.ts';
import { encodeStatus } from '../../core/otlp/status.ts';
import { StatusCode } from '../../core/status-code.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased, spanBatch, spanNames } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { otlpHttpExporter } from './exporter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Received {
  readonly path: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

type Answer = (response: http.ServerResponse, received: Received) => void;

/** A peer that answers as the test says. */
async function peer(answer: Answer = (response) => response.end()) {
  const received: Received[] = [];
  const current = { answer };
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const got = { path: request.url, headers: request.headers, body: Buffer.concat(chunks) };
    received.push(got);
    current.answer(response, got);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received, current, server };
}

/** An exporter without queue and retry, so that consume tells the outcome. */
async function exporter(yaml: string, extensions: Readonly<Record<string, Component>> = {}) {
  const settings = testSettings({ id: 'otlp_http', kind: 'exporter' });
  const off = 'sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}\n';
  const made = otlpHttpExporter(settings, readYaml(config, off + yaml));
  const host = new NopHost();
  for (const [id, extension] of Object.entries(extensions)) host.extensions.set(id, extension);
  await made.start(host);
  cleanups.push(() => made.shutdown());
  const send = async (names = ['a']) => {
    const batch = spanBatch(names);
    const bytes = batch.bytes();
    try {
      await made.consume(batch);
      return { bytes };
    } catch (error) {
      return { bytes, error: error as PipelineError };
    } finally {
      // an attempt that was given up holds its batch until the socket is gone
      await settle(10);
      assert.ok(isReleased(batch));
    }
  };
  return { send, settings, exporter: made };
}

test('sends gzip protobuf to the path of the signal and says who it is', async () => {
  const { url, received } = await peer();
  const { send, settings } = await exporter(`endpoint: ${url}/base/\nheaders: {X-Key: secret, User-Agent: me}`);
  const { bytes, error } = await send();
  assert.equal(error, undefined);
  const [request] = received;
  assert.equal(request?.path, '/base/v1/traces');
  assert.equal(request?.headers['content-type'], 'application/x-protobuf');
  assert.equal(request?.headers['content-encoding'], 'gzip');
  assert.equal(request?.headers['x-key'], 'secret');
  assert.equal(request?.headers['user-agent'], 'me');
  assert.deepEqual(await decompress('gzip', request?.body as Buffer, 10_000), bytes);
  const sent = settings.meter.series('otelcol_exporter_sent_spans')[0];
  assert.equal(sent?.value, 1);
  assert.equal(sent?.labels.url_path, '/base/v1/traces');
  assert.equal(sent?.labels.server_address, '127.0.0.1');
});

test('an endpoint for one signal, the usual user agent', async () => {
  const { url, received } = await peer();
  const { send } = await exporter(`traces_endpoint: ${url}/t?x=1\nendpoint: http://127.0.0.1:1\ncompression: none`);
  const { bytes } = await send();
  assert.equal(received[0]?.path, '/t?x=1');
  assert.equal(received[0]?.headers['content-encoding'], undefined);
  assert.match(String(received[0]?.headers['user-agent']), /^weir under test\/0\.0\.0-test \(\w+\/\w+\)$/);
  assert.deepEqual(received[0]?.body, bytes);
});

test('JSON and every compression', async () => {
  const { url, received } = await peer();
  for (const compression of ENCODINGS) {
    const { send } = await exporter(`endpoint: ${url}\nencoding: json\ncompression: ${compression}`);
    assert.equal((await send(['named'])).error, undefined);
    const request = received.at(-1);
    assert.equal(request?.headers['content-type'], 'application/json');
    assert.equal(request?.headers['content-encoding'], compression);
    const body = await decompress(compression, request?.body as Buffer, 10_000);
    assert.equal(JSON.parse(body.toString()).resourceSpans[0].scopeSpans[0].spans[0].name, 'named');
  }
});

test('every refusal is classified, with the words of the collector', async () => {
  const { url, current } = await peer();
  const { send } = await exporter(`endpoint: ${url}`);
  const expected: readonly (readonly [number, boolean, StatusCode])[] = [
    [400, true, StatusCode.INVALID_ARGUMENT],
    [401, true, StatusCode.UNAUTHENTICATED],
    [403, true, StatusCode.PERMISSION_DENIED],
    [404, true, StatusCode.UNIMPLEMENTED],
    [413, true, StatusCode.UNKNOWN],
    [429, false, StatusCode.RESOURCE_EXHAUSTED],
    [500, true, StatusCode.UNKNOWN],
    [502, false, StatusCode.UNAVAILABLE],
    [503, false, StatusCode.UNAVAILABLE],
    [504, false, StatusCode.UNAVAILABLE],
    [302, true, StatusCode.UNKNOWN],
  ];
  for (const [status, permanent, code] of expected) {
    current.answer = (response) => {
      response.writeHead(status, { 'content-type': 'application/x-protobuf' });
      response.end(encodeStatus({ code: 14, message: 'because' }));
    };
    const { error } = await send();
    assert.equal(error?.permanent, permanent, `${status}`);
    assert.equal(error?.code, code, `${status}`);
    assert.match(error?.text ?? '', /^(Permanent error: )?rpc error: code = \w+ desc = error exporting items, /);
    const detail = status >= 400 ? ', Message=because, Details=[]' : '';
    assert.equal(
      error?.message,
      `error exporting items, request to ${url}/v1/traces responded with HTTP Status Code ${status}${detail}`,
    );
  }
  current.answer = (response) => response.writeHead(500, { 'content-type': 'text/html' }).end('<html>');
  assert.ok((await send()).error?.message.endsWith('responded with HTTP Status Code 500'));
});

test('Retry-After in seconds and as a date', async () => {
  const { url, current } = await peer();
  const { send, settings } = await exporter(`endpoint: ${url}`);
  const answer = async (status: number, value: string) => {
    current.answer = (response) => response.writeHead(status, { 'retry-after': value }).end();
    return (await send()).error?.retryAfterMs;
  };
  assert.equal(await answer(503, '7'), 7000);
  assert.equal(await answer(429, new Date(settings.clock.now() + 30_000).toUTCString()), 30_000);
  assert.equal(await answer(503, 'soon'), undefined);
  assert.equal(await answer(502, '7'), undefined);
});

test('partial success is logged, counted and no failure', async () => {
  const { url, current } = await peer();
  const { send, settings } = await exporter(`endpoint: ${url}`);
  current.answer = (response) => {
    response.setHeader('content-type', 'application/x-protobuf');
    response.end(encodeExportResponse({ rejected: 3, errorMessage: 'too old' }));
  };
  assert.equal((await send()).error, undefined);
  const line = settings.logger.lines.find(({ message }) => message === 'Partial success response');
  assert.deepEqual([line?.level, line?.fields.message, line?.fields.dropped_spans], ['warn', 'too old', 3]);
  assert.equal(settings.meter.value('otelcol_exporter_partial_success_rejected_spans'), 3);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 1, 'sent once');
  current.answer = (response) => response.setHeader('content-type', 'application/x-protobuf').end('\xff\xff\xff');
  const { error } = await send();
  assert.equal(error?.permanent, true);
  assert.match(error?.message ?? '', /^error parsing protobuf response: /);
});

test('without an answer the batch may be sent again', async () => {
  const closed = net.createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as net.AddressInfo;
  closed.close();
  await once(closed, 'close');
  const { send } = await exporter(`endpoint: http://127.0.0.1:${port}`);
  const { error } = await send();
  assert.equal(error?.permanent, false);
  assert.equal(error?.code, StatusCode.UNAVAILABLE);
  assert.equal(
    error?.message,
    `failed to make an HTTP request: Post "http://127.0.0.1:${port}/v1/traces": dial tcp 127.0.0.1:${port}: ` +
      'connect: connection refused',
  );
  const unknown = await exporter('endpoint: http://nowhere.invalid');
  assert.match((await unknown.send()).error?.message ?? '', /dial tcp: lookup nowhere\.invalid: no such host$/);
});

test('a connection is kept; one that went stale costs nothing', async () => {
  const { url, received, server } = await peer();
  const { send } = await exporter(`endpoint: ${url}`);
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  for (let i = 0; i < 3; i++) assert.equal((await send()).error, undefined);
  assert.equal(sockets.size, 1);
  for (const socket of sockets) socket.destroy();
  assert.equal((await send()).error, undefined);
  assert.equal(received.length, 4);
});

test('redirects are followed where they keep the body, without credentials for strangers', async () => {
  const there = await peer();
  const { url } = await peer((response) => {
    response.writeHead(307, { location: `${there.url}/elsewhere` });
    response.end();
  });
  const { send } = await exporter(`endpoint: ${url}\nheaders: {authorization: secret}`);
  assert.equal((await send()).error, undefined);
  assert.equal(there.received[0]?.path, '/elsewhere');
  assert.equal(there.received[0]?.headers.authorization, undefined);
});

test('an authenticator adds headers, cookies come back, a proxy is used', async () => {
  const { url, received, current } = await peer();
  const tokens = {
    start() {},
    shutdown() {},
    authorize: (headers: Map<string, string>) => void headers.set('authorization', 'Bearer t'),
  } as Component;
  const { send } = await exporter(`endpoint: ${url}\nauth: {authenticator: tokens}\ncookies: {enabled: true}`, {
    tokens,
  });
  current.answer = (response) => response.setHeader('set-cookie', ['a=1; Path=/', 'b=2']).end();
  await send();
  assert.equal(received[0]?.headers.authorization, 'Bearer t');
  await send();
  assert.equal(received[1]?.headers.cookie, 'a=1; b=2');
  const proxied = await exporter(`endpoint: http://behind.test\nproxy_url: ${url}`);
  assert.equal((await proxied.send()).error, undefined);
  assert.equal(received[2]?.headers.host, 'behind.test');
});

test('a proxy of the environment is used, but not to reach this machine', async () => {
  const { url, received } = await peer();
  const before = process.env.HTTP_PROXY;
  cleanups.push(() => {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  });
  process.env.HTTP_PROXY = url;
  assert.equal((await (await exporter('endpoint: http://behind.test')).send()).error, undefined);
  assert.equal(received[0]?.headers.host, 'behind.test');
  process.env.HTTP_PROXY = 'http://127.0.0.1:1';
  assert.equal((await (await exporter(`endpoint: ${url}`)).send()).error, undefined);
  assert.equal(received.length, 2);
});

test('an encoding that was set to nothing is refused', () => {
  for (const value of ['', '""']) {
    assert.throws(() => readYaml(config, `{endpoint: http://a:1, encoding: ${value}}`), /invalid encoding type: /);
  }
});

test('what cannot start says so', async () => {
  await assert.rejects(exporter('endpoint: http://x\nauth: {authenticator: a}'), {
    message: 'failed to resolve authenticator "a": authenticator not found',
  });
  await assert.rejects(exporter('endpoint: http://x\nmiddlewares: [{id: m}]'), {
    message: 'failed to resolve middleware "m": middleware not found',
  });
  await assert.rejects(exporter('traces_endpoint: http://x/'), {
    message: 'either endpoint or metrics_endpoint must be specified',
  });
  await assert.rejects(exporter('endpoint: https://x\ntls: {ca_file: /nowhere/ca.pem}'), /\/nowhere\/ca\.pem/);
  assert.throws(() => readYaml(config, ''), /at least one endpoint must be specified/);
});

test('TLS: only a peer that can show its name, unless told otherwise', async () => {
  const certificate = (name: string) => fileURLToPath(new URL(`../../core/grpc/testdata/${name}`, import.meta.url));
  const files = { cert: readFileSync(certificate('server.pem')), key: readFileSync(certificate('server-key.pem')) };
  const server = https.createServer(files, (request, response) => {
    request.resume();
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const ca = certificate('ca.pem');
  const outcome = async (tls: string) =>
    (await (await exporter(`endpoint: ${url}\ntls: ${tls}`)).send()).error?.message;
  assert.equal(await outcome(`{ca_file: ${ca}}`), undefined);
  assert.equal(await outcome('{insecure_skip_verify: true}'), undefined);
  assert.equal(await outcome(`{ca_file: ${ca}, server_name_override: localhost}`), undefined);
  assert.match((await outcome('{}')) ?? '', /^failed to make an HTTP request: Post .*certificate/);
  assert.match((await outcome(`{ca_file: ${ca}, server_name_override: other.test}`)) ?? '', /other\.test/);
});

test('an attempt ends at its timeout', async () => {
  const { url } = await peer(() => {});
  const { send, settings } = await exporter(`endpoint: ${url}\ntimeout: 2s`);
  const outcome = send();
  while (settings.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  settings.clock.advance(2000);
  assert.equal((await outcome).error?.code, StatusCode.DEADLINE_EXCEEDED);
});

test('a batch over the limit of the peer is sent in parts', async () => {
  const limit = 10_000;
  const names = Array.from({ length: 1000 }, (_, i) => `the span with the number ${i}`);
  const refusals: readonly Answer[] = [
    (response) => response.writeHead(413).end('too large'),
    (response) => {
      response.writeHead(400, { 'content-type': 'application/x-protobuf' });
      response.end(encodeStatus({ code: 3, message: 'http: request body too large' }));
    },
  ];
  for (const refuse of refusals) {
    const taken: Buffer[] = [];
    const { url } = await peer((response, { body }) => {
      if (body.length > limit) refuse(response, { path: '', headers: {}, body });
      else {
        taken.push(body);
        response.end();
      }
    });
    const { send, settings } = await exporter(`endpoint: ${url}\ncompression: none`);
    const { bytes, error } = await send(names);
    assert.ok(bytes.length > 2 * limit);
    assert.equal(error, undefined);
    const arrived = taken.flatMap((body) => spanNames(Telemetry.of('traces', body, 1)));
    assert.deepEqual(arrived.sort(), [...names].sort());
    assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 1000);
  }
});
