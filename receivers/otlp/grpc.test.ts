import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { afterEach, test } from 'node:test';
import * as zlib from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import type { Component } from '../../core/component.ts';
import { compressor } from '../../core/compression/compress.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { decodeStatus } from '../../core/otlp/status.ts';
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

const twoSpans = spanBatch(['a', 'b']).bytes();

async function start(keys: readonly string[] = [], extensions: Readonly<Record<string, Component>> = {}) {
  const yaml = ['protocols:', '  grpc:', '    endpoint: 127.0.0.1:0', ...keys.map((key) => `    ${key}`)].join('\n');
  const settings = testSettings({ id: 'otlp', kind: 'receiver' });
  const sink = new SinkConsumer();
  const outputs = { for: (signal: Signal) => (signal === 'metrics' ? undefined : sink), pipelines: new Map() };
  const receiver = new OtlpReceiver(settings, readYaml(config, yaml), outputs);
  const host = new NopHost();
  for (const [id, extension] of Object.entries(extensions)) host.extensions.set(id, extension);
  cleanups.push(() => receiver.shutdown());
  await receiver.start(host);
  const line = settings.logger.lines.find(({ message }) => message === 'Starting GRPC server');
  const address = String(line?.fields.endpoint);
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  cleanups.push(() => client.close());
  return { client, address, sink, receiver, clock: settings.clock };
}

/** An export as a client of another make sends it. */
function send(client: grpc.Client, message = twoSpans, metadata = new grpc.Metadata(), path = EXPORT_METHOD.traces) {
  const bytes = (value: Buffer) => value;
  return new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(path, bytes, bytes, message, metadata, (error, value) =>
      error === null ? resolve(value as Buffer) : reject(error),
    );
  });
}

test('an export is accepted; without items nobody hears of it', async () => {
  const { client, sink } = await start();
  assert.deepEqual(await send(client), Buffer.from([0x0a, 0x00]));
  assert.deepEqual(await send(client, Buffer.alloc(0)), Buffer.from([0x0a, 0x00]));
  assert.equal(sink.calls, 1);
  assert.deepEqual(sink.batches[0]?.bytes(), twoSpans);
  assert.equal(sink.batches[0]?.items, 2);
  assert.equal(sink.batches[0]?.context.transport, 'grpc');
  assert.equal(sink.batches[0]?.context.address, '127.0.0.1');
  await send(client);
  assert.equal(sink.batches[1]?.context, sink.batches[0]?.context, 'one context for a connection');
});

test('signals without a pipeline are not served', async () => {
  const { client } = await start();
  await assert.rejects(send(client, twoSpans, new grpc.Metadata(), EXPORT_METHOD.metrics), {
    code: grpc.status.UNIMPLEMENTED,
  });
});

test('compressed messages', async () => {
  const { address, sink } = await start();
  const [host = '', port] = address.split(':');
  const client = new GrpcClient({ endpoint: { host, port: Number(port) } });
  cleanups.push(() => client.close());
  for (const encoding of ['gzip', 'snappy', 'zstd'] as const) {
    const packed = await compressor(encoding, 0, true)(twoSpans);
    const range = { buffer: packed, start: 0, end: packed.length };
    await client.unary(EXPORT_METHOD.traces, [range], packed.length, { encoding, timeoutMs: 5000 });
  }
  assert.equal(sink.items, 6);
  const bomb = zlib.gzipSync(Buffer.alloc(5 << 20));
  await assert.rejects(
    client.unary(EXPORT_METHOD.traces, [{ buffer: bomb, start: 0, end: bomb.length }], bomb.length, {
      encoding: 'gzip',
      timeoutMs: 5000,
    }),
    { code: StatusCode.RESOURCE_EXHAUSTED, message: /larger than max/ },
  );
});

test('malformed requests are refused with the reason, and the connection goes on', async () => {
  const { client, sink } = await start();
  await assert.rejects(send(client, Buffer.from([0x0a, 0xff, 0xff])), {
    code: grpc.status.INVALID_ARGUMENT,
    details: /malformed traces request/,
  });
  await send(client);
  assert.equal(sink.items, 2);
});

test('every outcome of a pipeline has its status', async () => {
  const { client, sink } = await start();
  for (const asynchronous of [false, true]) {
    sink.async = asynchronous;
    sink.refuse = new PipelineError('for now');
    await assert.rejects(send(client), { code: grpc.status.UNAVAILABLE, details: 'for now' });
    sink.refuse = new PipelineError('for good', { permanent: true });
    await assert.rejects(send(client), { code: grpc.status.INTERNAL, details: 'Permanent error: for good' });
    for (const code of Object.values(StatusCode).filter((c) => c !== StatusCode.OK)) {
      sink.refuse = new PipelineError('m', { code });
      await assert.rejects(send(client), { code, details: 'm' });
    }
  }
});

test('RetryInfo where the pipeline says when to come again', async () => {
  const { client, sink } = await start();
  sink.refuse = new PipelineError('busy', { code: StatusCode.RESOURCE_EXHAUSTED, retryAfterMs: 1500 });
  const error = await send(client).then(
    () => assert.fail('refused'),
    (caught) => caught as grpc.ServiceError,
  );
  const [details] = error.metadata.get('grpc-status-details-bin');
  assert.equal(decodeStatus(details as Buffer)?.retryAfterMs, 1500);
});

test('include_metadata and an authenticator', async () => {
  const tokens: Component & object = {
    start() {},
    shutdown() {},
    authenticate(headers: ReadonlyMap<string, readonly string[]>) {
      if (headers.has('busy')) throw new PipelineError('later');
      if (!headers.has('token')) throw new Error('no token');
      return new Map([['subject', 'someone']]);
    },
  } as Component;
  const { client, sink } = await start(['include_metadata: true', 'auth: {authenticator: tokens}'], { tokens });
  await assert.rejects(send(client), { code: grpc.status.UNAUTHENTICATED, details: 'no token' });
  const metadata = new grpc.Metadata();
  metadata.set('busy', '1');
  await assert.rejects(send(client, twoSpans, metadata), { code: grpc.status.UNAVAILABLE, details: 'later' });
  metadata.remove('busy');
  metadata.set('token', 't');
  metadata.add('X-Tenant', 'a');
  await send(client, twoSpans, metadata);
  assert.deepEqual(sink.batches[0]?.context.metadata.get('x-tenant'), ['a']);
  assert.equal(sink.batches[0]?.context.auth?.get('subject'), 'someone');
});

test('a middleware refuses before the message, with the time to come again', async () => {
  let full = true;
  const limiter = {
    start() {},
    shutdown() {},
    admit() {
      if (full) throw new PipelineError('busy', { code: StatusCode.RESOURCE_EXHAUSTED, retryAfterMs: 2000 });
    },
  };
  const { client, address, sink } = await start(['middlewares: [{id: limiter}]'], { limiter });
  const session = http2.connect(`http://${address}`);
  cleanups.push(() => session.destroy());
  const head = { ':method': 'POST', ':path': EXPORT_METHOD.traces, 'content-type': 'application/grpc', te: 'trailers' };
  const opened = session.request(head, { endStream: false });
  const [headers] = (await once(opened, 'response', { signal: AbortSignal.timeout(5000) })) as [
    http2.IncomingHttpHeaders,
  ];
  assert.equal(headers['grpc-status'], String(StatusCode.RESOURCE_EXHAUSTED));
  const details = Buffer.from(String(headers['grpc-status-details-bin']), 'base64');
  assert.equal(decodeStatus(details)?.retryAfterMs, 2000);
  await assert.rejects(send(client), { code: grpc.status.RESOURCE_EXHAUSTED, details: 'busy' });
  full = false;
  await send(client);
  assert.equal(sink.batches.length, 1);
});

test('keepalive: pings too often, pings that are permitted, an idle connection', async () => {
  const session = async (address: string) => {
    const opened = http2.connect(`http://${address}`);
    cleanups.push(() => opened.destroy());
    const ping = () => new Promise<void>((resolve) => opened.ping(() => resolve()));
    const goaway = once(opened, 'goaway', { signal: AbortSignal.timeout(5000) });
    opened.on('error', () => {});
    await once(opened, 'remoteSettings');
    return { ping, goaway };
  };
  const strict = await session((await start()).address);
  for (let i = 0; i < 4; i++) void strict.ping();
  const [code, , reason] = await strict.goaway;
  assert.deepEqual([code, String(reason)], [http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, 'too_many_pings']);
  const policy = 'enforcement_policy: {min_time: 10s, permit_without_stream: true}';
  const lax = await start([`keepalive: {${policy}, server_parameters: {max_connection_idle: 10m}}`]);
  const kept = await session(lax.address);
  for (let i = 0; i < 5; i++) {
    await kept.ping();
    lax.clock.advance(10_000);
  }
  lax.clock.advance(600_000);
  assert.equal((await kept.goaway)[0], http2.constants.NGHTTP2_NO_ERROR);
});

test('max_recv_msg_size_mib', async () => {
  const { client } = await start(['max_recv_msg_size_mib: 1']);
  const large = spanBatch([`${'x'.repeat(1 << 20)}`]).bytes();
  await assert.rejects(send(client, large), { code: grpc.status.RESOURCE_EXHAUSTED, details: /larger than max/ });
});

test('a port in use', async () => {
  const { address } = await start();
  const yaml = `protocols: {grpc: {endpoint: "${address}"}}`;
  const outputs = { for: () => new SinkConsumer(), pipelines: new Map() };
  const second = new OtlpReceiver(testSettings({ id: 'otlp/2' }), readYaml(config, yaml), outputs);
  await assert.rejects(second.start(new NopHost()), {
    message: `listen tcp ${address}: bind: address already in use`,
  });
});

test('no protocol, no receiver', () => {
  assert.throws(() => readYaml(config, ''), /must specify at least one protocol when using the OTLP receiver/);
  const defaults = readYaml(config, 'protocols: {grpc: , http: }').protocols;
  assert.equal(defaults.grpc?.endpoint, 'localhost:4317');
  assert.equal(defaults.http?.endpoint, 'localhost:4318');
  assert.equal(defaults.http?.idle_timeout, 0);
});
