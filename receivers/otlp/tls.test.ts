import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { readYaml } from '../../core/config/read.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
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

const certificates = (name: string) => fileURLToPath(new URL(`../../core/grpc/testdata/${name}`, import.meta.url));
const others = (name: string) => fileURLToPath(new URL(`../../test/support/tls/${name}`, import.meta.url));
const ca = readFileSync(certificates('ca.pem'));

/** Both protocols with certificates in a directory of their own. */
async function start(...keys: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'weir-otlp-tls-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  copyFileSync(certificates('server.pem'), files.cert);
  copyFileSync(certificates('server-key.pem'), files.key);
  const section = `{${[`cert_file: ${files.cert}`, `key_file: ${files.key}`, ...keys].join(', ')}}`;
  const protocol = `{endpoint: "127.0.0.1:0", tls: ${section}}`;
  const settings = testSettings({ id: 'otlp', kind: 'receiver' });
  const sink = new SinkConsumer();
  const outputs = { for: () => sink, pipelines: new Map() };
  const yaml = `protocols: {grpc: ${protocol}, http: ${protocol}}`;
  const receiver = new OtlpReceiver(settings, readYaml(config, yaml), outputs);
  cleanups.push(() => receiver.shutdown());
  await receiver.start(new NopHost());
  const [grpcPort, httpPort] = settings.logger.lines
    .filter(({ message }) => message.startsWith('Starting'))
    .map(({ fields }) => Number(String(fields.endpoint).split(':').at(-1)));
  return { grpcPort: grpcPort as number, httpPort: httpPort as number, sink, files, settings };
}

async function post(port: number, options: https.RequestOptions): Promise<number | undefined> {
  const headers = { 'content-type': 'application/x-protobuf' };
  const request = https.request({ ...options, host: 'localhost', port, method: 'POST', path: '/v1/traces', headers });
  request.end(spanBatch(['a']).bytes());
  const [response] = await once(request, 'response');
  response.resume();
  return response.statusCode;
}

function exportOverGrpc(port: number, credentials: grpc.ChannelCredentials): Promise<unknown> {
  const client = new grpc.Client(`localhost:${port}`, credentials);
  return unary(client).finally(() => client.close());
}

function unary(client: grpc.Client): Promise<unknown> {
  const bytes = (value: Buffer) => value;
  return new Promise((resolve, reject) => {
    const done = (error: grpc.ServiceError | null) => (error === null ? resolve(undefined) : reject(error));
    client.makeUnaryRequest(EXPORT_METHOD.traces, bytes, bytes, spanBatch(['a']).bytes(), done);
  });
}

test('both protocols over TLS', async () => {
  const { grpcPort, httpPort, sink } = await start();
  assert.equal(await post(httpPort, { ca }), 200);
  await exportOverGrpc(grpcPort, grpc.credentials.createSsl(ca));
  assert.equal(sink.items, 2);
  await assert.rejects(post(httpPort, {}), 'the authority is not trusted');
});

test('clients must show a certificate where their authority is named', async () => {
  const { grpcPort, httpPort, sink } = await start(`client_ca_file: ${certificates('ca.pem')}`);
  const cert = readFileSync(certificates('server.pem'));
  const key = readFileSync(certificates('server-key.pem'));
  await assert.rejects(post(httpPort, { ca }));
  await assert.rejects(exportOverGrpc(grpcPort, grpc.credentials.createSsl(ca)));
  assert.equal(await post(httpPort, { ca, cert, key }), 200);
  await exportOverGrpc(grpcPort, grpc.credentials.createSsl(ca, key, cert));
  assert.equal(sink.items, 2);
});

test('new certificates are used after reload_interval, bad ones are not', async () => {
  const { grpcPort, httpPort, files, settings } = await start('reload_interval: 1m');
  const subject = async (port: number): Promise<string> => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const before = await subject(httpPort);
  assert.equal(await subject(grpcPort), before);
  copyFileSync(others('server.crt'), files.cert);
  copyFileSync(others('server.key'), files.key);
  settings.clock.advance(59_000);
  assert.equal(await subject(httpPort), before);
  settings.clock.advance(2000);
  const after = await subject(httpPort);
  assert.notEqual(after, before);
  assert.equal(await subject(grpcPort), after);
  rmSync(files.cert);
  settings.clock.advance(60_000);
  assert.equal(await subject(httpPort), after);
  assert.ok(settings.logger.messages('error').includes('Certificates cannot be read again, those in use stay'));
});

test('certificates that are not there are named', async () => {
  const tlsSection = '{cert_file: /nowhere/cert.pem, key_file: /nowhere/key.pem}';
  const yaml = `protocols: {http: {endpoint: "127.0.0.1:0", tls: ${tlsSection}}}`;
  const outputs = { for: () => new SinkConsumer(), pipelines: new Map() };
  const receiver = new OtlpReceiver(testSettings({ id: 'otlp' }), readYaml(config, yaml), outputs);
  await assert.rejects(async () => receiver.start(new NopHost()), /failed to load TLS .*\/nowhere\/cert\.pem/);
});

test('certificates are swapped under load without a failed request', async () => {
  const { grpcPort, httpPort, files, settings, sink } = await start('reload_interval: 1s');
  const both = Buffer.concat([ca, readFileSync(others('server.crt'))]);
  const pairs = [
    [certificates('server.pem'), certificates('server-key.pem')],
    [others('server.crt'), others('server.key')],
  ] as const;
  let running = true;
  let sent = 0;
  const failures: unknown[] = [];
  const load = async (request: () => Promise<unknown>) => {
    while (running) {
      await request().then(
        () => sent++,
        (error) => failures.push(error),
      );
    }
  };
  const kept = new grpc.Client(`localhost:${grpcPort}`, grpc.credentials.createSsl(both));
  cleanups.push(() => kept.close());
  const senders = [
    // a connection for each request, and connections that live through the swaps
    load(() => post(httpPort, { ca: both, agent: false })),
    load(() => post(httpPort, { ca: both, agent: false })),
    load(() => exportOverGrpc(grpcPort, grpc.credentials.createSsl(both))),
    load(() => unary(kept)),
  ];
  for (let swap = 1; swap <= 20; swap++) {
    const [cert, key] = pairs[swap % 2]!;
    copyFileSync(cert, files.cert);
    // for a moment certificate and key do not belong together
    settings.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 10));
    copyFileSync(key, files.key);
    settings.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  running = false;
  await Promise.all(senders);
  assert.deepEqual(failures, []);
  assert.ok(sent > 20, `${sent} requests`);
  assert.equal(sink.items, sent);
  const mismatches = settings.logger.messages('error').filter((message) => message.startsWith('Certificates cannot'));
  assert.equal(mismatches.length, 20 * 2, 'each half of a swap is refused, by both servers');
});

test('the authority of clients is read again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-otlp-ca-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const clients = join(directory, 'clients.pem');
  copyFileSync(certificates('ca.pem'), clients);
  const { grpcPort, httpPort, settings } = await start(`client_ca_file: ${clients}`, 'client_ca_file_reload: true');
  const [cert, key] = [readFileSync(others('server.crt')), readFileSync(others('server.key'))];
  const refused = async () => {
    await assert.rejects(post(httpPort, { ca, cert, key, agent: false }));
    await assert.rejects(exportOverGrpc(grpcPort, grpc.credentials.createSsl(ca, key, cert)));
  };
  await refused();
  copyFileSync(others('server.crt'), clients);
  settings.clock.advance(10_000);
  assert.equal(await post(httpPort, { ca, cert, key, agent: false }), 200);
  await exportOverGrpc(grpcPort, grpc.credentials.createSsl(ca, key, cert));
  copyFileSync(certificates('ca.pem'), clients);
  settings.clock.advance(10_000);
  await refused();
});
