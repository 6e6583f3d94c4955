import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { StatusCode } from '../status-code.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { GrpcClient } from './client.ts';
import { GrpcServer } from './server.ts';
import type { GrpcClientOptions, GrpcServerOptions, UnaryCall } from './types.ts';

const PATH = '/weir.test.Echo/Call';
const pem = (name: string): Buffer => readFileSync(new URL(`testdata/${name}.pem`, import.meta.url));
const CA = pem('ca');
const CERT = pem('server');
const KEY = pem('server-key');

const identity = (bytes: Buffer): Buffer => bytes;

/** google.rpc.Status {code 14, details: [RetryInfo {retry_delay 3s}]}. */
const RETRY_DETAILS = Buffer.concat([
  Buffer.from([8, 14, 26, 46, 10, 40]),
  Buffer.from('type.googleapis.com/google.rpc.RetryInfo'),
  Buffer.from([18, 4, 10, 2, 8, 3]),
]);

function echo(call: UnaryCall): void {
  const { buffer, start, end, slab } = call.message;
  const copy = Buffer.from(buffer.subarray(start, end));
  slab?.release();
  call.reply(copy);
}

function gunzip({ buffer, start, end }: ByteRange, maxOutputLength: number): ByteRange {
  const plain = gunzipSync(buffer.subarray(start, end), { maxOutputLength });
  return { buffer: plain, start: 0, end: plain.length };
}
const decompressors = new Map([['gzip', gunzip]]);

async function ours(t: TestContext, handler: (call: UnaryCall) => void, options: Partial<GrpcServerOptions> = {}) {
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: new Map([[PATH, handler]]), decompressors, ...options });
  const { port } = (await server.listen()) as AddressInfo;
  t.after(() => server.close(0));
  return port;
}

interface Answer {
  error: grpc.ServiceError | null;
  message: Buffer | undefined;
}

function jsClient(t: TestContext, port: number, options: grpc.ClientOptions = {}, secure?: grpc.ChannelCredentials) {
  const client = new grpc.Client(`localhost:${port}`, secure ?? grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  });
  t.after(() => client.close());
  return (path: string, bytes: Buffer, metadata = new grpc.Metadata(), call: grpc.CallOptions = {}): Promise<Answer> =>
    new Promise((resolve) => {
      client.makeUnaryRequest(path, identity, identity, bytes, metadata, call, (error, message) =>
        resolve({ error, message }),
      );
    });
}

test('grpc-js calls our server: sizes, many at once, gzip', async (t) => {
  const port = await ours(t, echo, { maxReceiveMessageBytes: 64 << 20 });
  const plain = jsClient(t, port);
  for (const size of [0, 5, 70_000, 20 << 20]) {
    const { error, message } = await plain(PATH, Buffer.alloc(size, 'w'));
    assert.equal(error, null);
    assert.equal(message!.equals(Buffer.alloc(size, 'w')), true, `${size} bytes`);
  }
  const zipped = jsClient(t, port, { 'grpc.default_compression_algorithm': 2 });
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => zipped(PATH, Buffer.alloc(1000, `${i}`))));
  for (const [i, answer] of answers.entries()) assert.deepEqual(answer.message, Buffer.alloc(1000, `${i}`));
});

test('grpc-js sees our failures: message, details, unknown path, too large, deadline', async (t) => {
  const port = await ours(t, (call) => {
    const failing = call.message.end - call.message.start === 1;
    call.message.slab?.release();
    // a longer message is never answered
    if (failing) call.fail({ code: StatusCode.UNAVAILABLE, message: 'später\n', details: RETRY_DETAILS });
  });
  const call = jsClient(t, port);
  const failed = await call(PATH, Buffer.from('x'));
  assert.equal(failed.error?.code, grpc.status.UNAVAILABLE);
  assert.equal(failed.error?.details, 'später\n');
  assert.deepEqual(failed.error?.metadata.get('grpc-status-details-bin'), [RETRY_DETAILS]);
  const unknown = await call('/a.B/C', Buffer.from('x'));
  assert.deepEqual([unknown.error?.code, unknown.error?.details], [grpc.status.UNIMPLEMENTED, 'unknown service a.B']);
  const large = await call(PATH, Buffer.alloc(5 << 20));
  assert.equal(large.error?.code, grpc.status.RESOURCE_EXHAUSTED);
  assert.match(large.error!.details, /received message larger than max \(5242880 vs. 4194304\)/);
  const late = await call(PATH, Buffer.from('xx'), undefined, { deadline: Date.now() + 50 });
  assert.equal(late.error?.code, grpc.status.DEADLINE_EXCEEDED);
});

test('grpc-js over TLS calls our server', async (t) => {
  const port = await ours(t, echo, { tls: { cert: CERT, key: KEY } });
  const call = jsClient(t, port, {}, grpc.credentials.createSsl(CA));
  for (const size of [10, 3 << 20]) {
    const { error, message } = await call(PATH, Buffer.alloc(size, 's'));
    assert.equal(error, null);
    assert.equal(message!.length, size);
  }
});

test('our server outlives failed TLS handshakes', async (t) => {
  const errors: Error[] = [];
  const options = { tls: { cert: CERT, key: KEY }, onError: (error: Error) => void errors.push(error) };
  const port = await ours(t, echo, options);
  const call = jsClient(t, port);
  assert.equal((await call(PATH, Buffer.from('x'))).error?.code, grpc.status.UNAVAILABLE);
  assert.ok(errors.length > 0);
});

test('a client without a TLS handshake does not hold up the end of our server', async () => {
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: new Map(), tls: { cert: CERT, key: KEY } });
  const { port } = (await server.listen()) as AddressInfo;
  const silent = net.connect(port, '127.0.0.1').on('error', () => {});
  await once(silent, 'connect');
  await server.close(0);
  silent.destroy();
});

type JsHandler = grpc.handleUnaryCall<Buffer, Buffer>;

async function jsServer(t: TestContext, handler: JsHandler, secure?: grpc.ServerCredentials): Promise<number> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  const method = {
    path: PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  server.addService({ Call: method }, { Call: handler });
  t.after(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', secure ?? grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

function ourClient(t: TestContext, port: number, options: Partial<GrpcClientOptions> = {}) {
  const client = new GrpcClient({ endpoint: { host: 'localhost', port }, decompressors, ...options });
  t.after(() => client.close());
  return async (bytes: Buffer, call?: Parameters<GrpcClient['unary']>[3]): Promise<Buffer> =>
    (await client.unary(PATH, [{ buffer: bytes, start: 0, end: bytes.length }], bytes.length, call)).message;
}

test('our client calls grpc-js: sizes, many at once, compressed answers', async (t) => {
  const port = await jsServer(t, (call, answer) => answer(null, call.request));
  const call = ourClient(t, port, { maxReceiveMessageBytes: 64 << 20 });
  for (const size of [0, 5, 70_000, 20 << 20]) {
    assert.equal((await call(Buffer.alloc(size, 'w'))).equals(Buffer.alloc(size, 'w')), true, `${size} bytes`);
  }
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => call(Buffer.alloc(900, `${i}`))));
  for (const [i, answer] of answers.entries()) assert.deepEqual(answer, Buffer.alloc(900, `${i}`));
});

test('our client sees failures of grpc-js: details, trailers only, metadata, deadline', async (t) => {
  const port = await jsServer(t, (call, answer) => {
    const [tenant] = call.metadata.get('x-tenant');
    if (call.request.length > 1) return;
    const metadata = new grpc.Metadata();
    metadata.set('grpc-status-details-bin', RETRY_DETAILS);
    answer({ code: grpc.status.UNAVAILABLE, details: `später, ${tenant}`, metadata });
  });
  const call = ourClient(t, port, { metadata: [['x-tenant', 'acme']] });
  await assert.rejects(call(Buffer.from('x')), {
    code: StatusCode.UNAVAILABLE,
    message: 'später, acme',
    details: RETRY_DETAILS,
  });
  await assert.rejects(call(Buffer.from('xx'), { timeoutMs: 60 }), { code: StatusCode.DEADLINE_EXCEEDED });
});

test('our client calls grpc-js over TLS, and checks its certificate', async (t) => {
  const pair = { cert_chain: CERT, private_key: KEY };
  const secure = grpc.ServerCredentials.createSsl(null, [pair]);
  const port = await jsServer(t, (call, answer) => answer(null, call.request), secure);
  const trusting = ourClient(t, port, { tls: { ca: CA } });
  for (const size of [10, 3 << 20]) assert.equal((await trusting(Buffer.alloc(size))).length, size);
  const wary = ourClient(t, port, { tls: {} });
  await assert.rejects(wary(Buffer.from('x')), (error: Error & { code: number }) => {
    assert.equal(error.code, StatusCode.UNAVAILABLE);
    assert.match(error.message, /^connection error: desc = ".*(certificate|self-signed)/);
    return true;
  });
});

test('our client takes other certificates: calls under way are answered, those to come use them', async (t) => {
  const slow = Promise.withResolvers<void>();
  const shown: (string | undefined)[] = [];
  const server = http2.createSecureServer({
    key: KEY,
    cert: CERT,
    ca: CA,
    requestCert: true,
    rejectUnauthorized: false,
  });
  let sessions = 0;
  server.on('session', (session) => {
    sessions++;
    session.on('close', () => sessions--);
  });
  server.on('stream', async (stream) => {
    const { socket } = stream.session as http2.ServerHttp2Session;
    shown.push((socket as TLSSocket).getPeerCertificate().fingerprint256);
    const first = shown.length === 1;
    stream.resume();
    if (first) await slow.promise;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(5));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const tls = { ca: CA, cert: CERT, key: KEY };
  const client = new GrpcClient({ endpoint: { host: 'localhost', port: (server.address() as AddressInfo).port }, tls });
  t.after(() => client.close());
  const early = client.unary(PATH, [], 0);
  while (shown.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  for (let renewal = 0; renewal < 3; renewal++) {
    client.renew({ ca: CA });
    await client.unary(PATH, [], 0);
  }
  slow.resolve();
  await early;
  assert.deepEqual(
    shown.map((fingerprint) => fingerprint !== undefined),
    [true, false, false, false],
  );
  while (sessions > 1) await new Promise((resolve) => setTimeout(resolve, 2));
});

test('our client maps answers that are not gRPC', async (t) => {
  const answers: [Record<string, string | number>, string][] = [
    [{ ':status': 503, 'content-type': 'text/html' }, '<h1>no</h1>'],
    [{ ':status': 404 }, ''],
    [{ ':status': 200, 'content-type': 'text/html' }, '<h1>welcome</h1>'],
    [{ ':status': 200, 'content-type': 'application/grpc' }, ''],
  ];
  const server = http2.createServer((_, response) => {
    const [headers, body] = answers.shift()!;
    response.stream.respond(headers);
    response.stream.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const call = ourClient(t, (server.address() as AddressInfo).port);
  const expected = [
    [StatusCode.UNAVAILABLE, /unexpected HTTP status code received from server: 503; .*"text\/html"/],
    [StatusCode.UNIMPLEMENTED, /404; missing content-type/],
    [StatusCode.UNKNOWN, /received unexpected content-type "text\/html"/],
    [StatusCode.INTERNAL, /closed the stream without sending trailers/],
  ] as const;
  for (const [code, message] of expected) await assert.rejects(call(Buffer.from('x')), { code, message });
});

test('a request that is not gRPC gets an HTTP answer', async (t) => {
  const port = await ours(t, echo);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const ask = (headers: http2.OutgoingHttpHeaders): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) => {
      let status: number | undefined;
      let body = '';
      const request = session.request(headers);
      request.on('response', (h) => {
        status = h[':status'];
      });
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => resolve([status, body])).on('error', reject);
      request.end();
    });
  assert.deepEqual(await ask({ ':path': '/' }), [405, 'this is a gRPC server, which takes POST only\n']);
  const json = { ':method': 'POST', ':path': PATH, 'content-type': 'application/json' };
  assert.deepEqual(await ask(json), [415, 'invalid gRPC request content-type "application/json"\n']);
});
