import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock } from '../../clock.ts';
import { configOf } from '../../testing/discovery.ts';
import { BodyTooLarge } from './body.ts';
import { type GetOptions, PrometheusHttpClient, RequestTimeout } from './client.ts';
import { httpClientConfig } from './config.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(t: TestContext, handler: Handler): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function clientOf(t: TestContext, yaml: string): PrometheusHttpClient {
  const client = new PrometheusHttpClient(configOf(httpClientConfig, yaml), {
    clock: systemClock,
    userAgent: 'test/1',
  });
  client.start();
  t.after(() => client.close());
  return client;
}

async function read(client: PrometheusHttpClient, url: string, options: GetOptions = {}): Promise<string> {
  const answer = await client.get(url, options);
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return `${answer.status} ${Buffer.concat(chunks)}`;
}

/** The other way of reading. */
async function drain(client: PrometheusHttpClient, url: string, options: GetOptions = {}): Promise<string> {
  const answer = await client.get(url, options);
  const chunks: Buffer[] = [];
  await answer.body.drain((chunk) => void chunks.push(Buffer.from(chunk)));
  return `${answer.status} ${Buffer.concat(chunks)}`;
}

/** Answers with the headers of the request. */
const echo: Handler = (request, response) => response.end(JSON.stringify(request.headers));
const headersOf = async (client: PrometheusHttpClient, url: string): Promise<Record<string, string>> =>
  JSON.parse((await read(client, url)).slice(4));

test('connections are kept from one request to the next, and one that was closed meanwhile is replaced', async (t) => {
  let connections = 0;
  const { url, server } = await serve(t, (_request, response) => response.end('ok'));
  server.on('connection', () => connections++);
  const client = clientOf(t, '{}');
  for (let i = 0; i < 5; i++) assert.equal(await read(client, url), '200 ok');
  assert.equal(connections, 1);
  server.closeAllConnections();
  assert.equal(await read(client, url), '200 ok');
});

test('a gzip body comes in pieces, decoded, and the limit is for what is decoded', async (t) => {
  const page = 'metric 1\n'.repeat(100_000);
  const { url } = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.end(gzipSync(page));
  });
  const client = clientOf(t, '{}');
  let pieces = 0;
  let length = 0;
  for await (const piece of (await client.get(url)).body) {
    pieces++;
    length += piece.length;
  }
  assert.equal(length, page.length);
  assert.ok(pieces > 5, `${pieces} pieces`);
  for (const way of [read, drain]) {
    assert.equal(await way(client, url, { maxBytes: page.length }), `200 ${page}`);
    await assert.rejects(way(client, url, { maxBytes: page.length - 1 }), BodyTooLarge);
  }
});

test('a page that is drained needs the memory of a piece, and others have their turns meanwhile', async (t) => {
  const page = Buffer.alloc(24 << 20, 'metric 1\n');
  const { url } = await serve(t, (request, response) => {
    // with no length each piece is a chunk of its own
    if (request.url === '/length') response.setHeader('content-length', page.length);
    else response.write(page.subarray(0, 1 << 20));
    response.end(request.url === '/length' ? page : page.subarray(1 << 20));
  });
  const client = clientOf(t, '{}');
  for (const path of ['/length', '/']) {
    const answer = await client.get(`${url}${path}`);
    const before = process.memoryUsage().arrayBuffers;
    let length = 0;
    let most = 0;
    let turns = 0;
    const turn = setInterval(() => turns++, 0);
    await answer.body.drain((chunk) => {
      assert.deepEqual(chunk, page.subarray(length, length + chunk.length));
      length += chunk.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    });
    clearInterval(turn);
    assert.equal(length, page.length);
    assert.ok(most < 8 << 20, `${most} bytes`);
    assert.ok(turns > 10, `${turns} turns`);
  }
});

test('a piece that is refused ends the exchange, and nothing comes after it', async (t) => {
  let closed = 0;
  const { url } = await serve(t, (request, response) => {
    request.socket.on('close', () => closed++);
    // several pieces that are read at once
    for (let i = 0; i < 5; i++) response.write('some');
  });
  const client = clientOf(t, '{}');
  let calls = 0;
  const answer = await client.get(url);
  const refused = answer.body.drain(() => {
    calls++;
    throw new Error('malformed');
  });
  await assert.rejects(refused, /^Error: malformed$/);
  for (let i = 0; i < 100 && closed === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([calls, closed], [1, 1]);
});

test('a broken gzip body and a body that breaks off are failures', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/gzip') {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      return response.end(gzipSync('x'.repeat(1000)).subarray(0, 20));
    }
    response.writeHead(200, { 'content-length': '100' });
    response.write('some');
    setTimeout(() => response.destroy(), 20);
    return undefined;
  });
  const client = clientOf(t, '{}');
  for (const way of [read, drain]) {
    await assert.rejects(way(client, `${url}/gzip`), /unexpected end of file/);
    await assert.rejects(way(client, url), /aborted/);
  }
});

test('the time limit is for head and body together', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/body') response.write('begin');
  });
  const client = clientOf(t, '{}');
  const isTimeout = (error: unknown): boolean =>
    error instanceof RequestTimeout && error.message === 'context deadline exceeded';
  await assert.rejects(read(client, url, { timeoutMs: 50 }), isTimeout);
  await assert.rejects(read(client, `${url}/body`, { timeoutMs: 50 }), isTimeout);
  await assert.rejects(drain(client, `${url}/body`, { timeoutMs: 50 }), isTimeout);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 30);
  await assert.rejects(read(client, `${url}/body`, { abort: abort.signal }), /context canceled/);
});

test('user and password, tokens and headers, from the configuration and from files that change', async (t) => {
  const { url } = await serve(t, echo);
  const folder = await mkdtemp(join(tmpdir(), 'weir-http-client-'));
  const file = join(folder, 'secret');
  writeFileSync(file, 'one\n');
  const basic = clientOf(t, `basic_auth: {username: me, password_file: ${file}}`);
  assert.equal((await headersOf(basic, url)).authorization, `Basic ${btoa('me:one')}`);
  writeFileSync(file, 'two\n');
  assert.equal((await headersOf(basic, url)).authorization, `Basic ${btoa('me:two')}`);
  const token = clientOf(t, `authorization: {type: Token, credentials_file: ${file}}`);
  assert.equal((await headersOf(token, url)).authorization, 'Token two');
  const bearer = clientOf(t, 'bearer_token: 12345');
  assert.equal((await headersOf(bearer, url)).authorization, 'Bearer 12345');
  const headers = clientOf(t, `http_headers: {X-Tenant: {values: [a, b], secrets: [c], files: [${file}]}}`);
  const seen = await headersOf(headers, url);
  assert.equal(seen['x-tenant'], 'a, b, c, two');
  assert.equal(seen['user-agent'], 'test/1');
  const missing = clientOf(t, 'basic_auth: {username: me, password_file: /nowhere/x}');
  await assert.rejects(
    read(missing, url),
    /unable to read basic auth password: unable to read file \/nowhere\/x: open \/nowhere\/x: no such file/,
  );
});

test('redirects are followed, but credentials stay with the host they are for', async (t) => {
  const other = await serve(t, echo);
  const first = await serve(t, (request, response) => {
    const target = { '/same': '/echo', '/other': other.url.replace('127.0.0.1', 'localhost'), '/loop': '/loop' };
    const location = target[request.url as '/same'];
    if (location === undefined) return echo(request, response);
    response.writeHead(302, { location });
    return response.end();
  });
  const client = clientOf(t, '{bearer_token: secret, http_headers: {Cookie: {values: [a]}, X-A: {values: [b]}}}');
  const same = await headersOf(client, `${first.url}/same`);
  assert.equal(same.authorization, 'Bearer secret');
  const moved = await headersOf(client, `${first.url}/other`);
  assert.equal(moved.authorization, undefined);
  assert.equal(moved.cookie, undefined);
  assert.equal(moved['x-a'], 'b');
  await assert.rejects(read(client, `${first.url}/loop`), /stopped after 10 redirects/);
  const obedient = clientOf(t, 'follow_redirects: false');
  assert.equal((await obedient.get(`${first.url}/same`)).status, 302);
});

test('OAuth 2: one token for many requests, a new one when it ends or the secret changes', async (t) => {
  const asked: string[] = [];
  let lifetime = 3600;
  const { url } = await serve(t, (request, response) => {
    if (request.url !== '/token') return echo(request, response);
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push(`${request.headers.authorization ?? ''} ${body}`);
      const answer = { access_token: `t${asked.length}`, token_type: 'bearer', expires_in: lifetime };
      response.end(JSON.stringify(answer));
    });
    return undefined;
  });
  const folder = await mkdtemp(join(tmpdir(), 'weir-oauth-'));
  const file = join(folder, 'secret');
  writeFileSync(file, 's3/t');
  const yaml = `oauth2: {client_id: me, client_secret_file: ${file}, token_url: "${url}/token", scopes: [a, b], endpoint_params: {audience: x}}`;
  const client = clientOf(t, yaml);
  const all = await Promise.all([headersOf(client, url), headersOf(client, url)]);
  assert.deepEqual(
    all.map((headers) => headers.authorization),
    ['Bearer t1', 'Bearer t1'],
  );
  const form = 'grant_type=client_credentials&scope=a+b&audience=x';
  assert.deepEqual(asked, [`Basic ${btoa('me:s3%2Ft')} ${form}`]);
  writeFileSync(file, 'other');
  lifetime = 5;
  assert.equal((await headersOf(client, url)).authorization, 'Bearer t2');
  assert.equal((await headersOf(client, url)).authorization, 'Bearer t3', 'a token about to end is not used');
});

test('OAuth 2: servers that want id and secret in the body get them there', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.url !== '/token') return echo(request, response);
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      response.statusCode = body.includes('client_secret=s') ? 200 : 401;
      response.end(JSON.stringify({ access_token: 'good' }));
    });
    return undefined;
  });
  const client = clientOf(t, `oauth2: {client_id: me, client_secret: s, token_url: "${url}/token"}`);
  assert.equal((await headersOf(client, url)).authorization, 'Bearer good');
  const wrong = clientOf(t, `oauth2: {client_id: me, client_secret: wrong, token_url: "${url}/token"}`);
  await assert.rejects(read(wrong, url), /oauth2: cannot fetch token: HTTP status 401/);
});

test('a proxy is used where it is configured, except for what no_proxy names', async (t) => {
  const target = await serve(t, (_request, response) => response.end('direct'));
  const proxy = await serve(t, (request, response) => response.end(`proxied ${request.url}`));
  const through = clientOf(t, `proxy_url: ${proxy.url}`);
  assert.equal(await read(through, 'http://nowhere.test/metrics'), '200 proxied http://nowhere.test/metrics');
  const except = clientOf(t, `{proxy_url: "${proxy.url}", no_proxy: "example.com, 127.0.0.0/8"}`);
  assert.equal(await read(except, target.url), '200 direct');
  assert.equal(await read(except, 'http://nowhere.test/'), '200 proxied http://nowhere.test/');
});
