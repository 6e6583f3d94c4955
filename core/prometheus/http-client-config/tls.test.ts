import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createProxy } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../clock.ts';
import { configOf } from '../../testing/discovery.ts';
import { PrometheusHttpClient } from './client.ts';
import { httpClientConfig } from './config.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../../test/support/tls/${name}`, import.meta.url));
const CERT = file('server.crt');
const KEY = file('server.key');

async function serve(t: TestContext, more: ServerOptions = {}): Promise<string> {
  const options = { cert: readFileSync(CERT), key: readFileSync(KEY), ...more };
  const server = createServer(options, (_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Time that a test can move on. */
let later = 0;
const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later };

function clientOf(t: TestContext, yaml: string): PrometheusHttpClient {
  const client = new PrometheusHttpClient(configOf(httpClientConfig, yaml), { clock, userAgent: 'test/1' });
  client.start();
  t.after(() => client.close());
  return client;
}

async function statusOf(client: PrometheusHttpClient, url: string): Promise<number> {
  const answer = await client.get(url);
  for await (const _ of answer.body) {
  }
  return answer.status;
}

test('whom a client trusts', async (t) => {
  const url = await serve(t);
  await assert.rejects(statusOf(clientOf(t, '{}'), url), /self-signed certificate/);
  assert.equal(await statusOf(clientOf(t, 'tls_config: {insecure_skip_verify: true}'), url), 200);
  assert.equal(await statusOf(clientOf(t, `tls_config: {ca_file: ${CERT}}`), url), 200);
  assert.equal(
    await statusOf(clientOf(t, `tls_config: {ca: ${JSON.stringify(readFileSync(CERT, 'utf8'))}}`), url),
    200,
  );
  const named = clientOf(t, `tls_config: {ca_file: ${CERT}, server_name: other.test}`);
  await assert.rejects(statusOf(named, url), /does not match certificate's altnames/);
});

test('a client shows its certificate', async (t) => {
  const url = await serve(t, { ca: readFileSync(CERT), requestCert: true });
  await assert.rejects(statusOf(clientOf(t, `tls_config: {ca_file: ${CERT}}`), url));
  const yaml = `tls_config: {ca_file: ${CERT}, cert_file: ${CERT}, key_file: ${KEY}}`;
  assert.equal(await statusOf(clientOf(t, yaml), url), 200);
});

test('versions that do not meet', async (t) => {
  const url = await serve(t, { minVersion: 'TLSv1.3' });
  const old = clientOf(t, `tls_config: {ca_file: ${CERT}, max_version: TLS12}`);
  await assert.rejects(statusOf(old, url), /protocol version/);
  assert.equal(await statusOf(clientOf(t, `tls_config: {ca_file: ${CERT}, min_version: TLS13}`), url), 200);
});

test('authorities in a file are replaced while the client runs', async (t) => {
  const url = await serve(t);
  const path = join(mkdtempSync(join(tmpdir(), 'weir-ca-')), 'ca.crt');
  writeFileSync(path, rootCertificates[0] ?? '');
  const client = clientOf(t, `tls_config: {ca_file: ${path}}`);
  await assert.rejects(statusOf(client, url), /self-signed certificate/);
  writeFileSync(path, readFileSync(CERT));
  later += 2000;
  assert.equal(await statusOf(client, url), 200);
});

test('files that are missing or wrong are named', () => {
  const start = (yaml: string) => {
    const config = configOf(httpClientConfig, yaml);
    new PrometheusHttpClient(config, { clock, userAgent: 'test/1' }).start();
  };
  assert.throws(
    () => start('tls_config: {ca_file: /nowhere/ca.crt}'),
    /unable to read CA cert: unable to read file \/nowhere/,
  );
  assert.throws(() => start(`tls_config: {ca_file: ${KEY}}`), /failed to parse cert/);
});

test('TLS through a proxy', async (t) => {
  const url = await serve(t);
  const asked: string[] = [];
  const proxy = createProxy();
  proxy.on('connect', (request, socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization']}`);
    const { port } = new URL(url);
    const upstream = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const proxyUrl = `http://me:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const client = clientOf(t, `{proxy_url: "${proxyUrl}", tls_config: {ca_file: ${CERT}}}`);
  assert.equal(await statusOf(client, url), 200);
  assert.deepEqual(asked, [`${new URL(url).host} Basic ${btoa('me:secret')}`]);
});
