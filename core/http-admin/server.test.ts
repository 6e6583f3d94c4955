import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Component } from '../component.ts';
import { Secret } from '../config/secret.ts';
import { tlsServerSection } from '../config/sections/tls.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { NopHost } from '../testing/nop-host.ts';
import { TestLogger } from '../testing/settings.ts';
import { type AdminHandler, AdminServer, type AdminServerConfig, text } from './server.ts';

const servers: AdminServer[] = [];
after(() => Promise.all(servers.map((server) => server.close())));

const HELLO: AdminHandler = (_request, { path, query }) => {
  if (path === '/throw') throw new Error('broken');
  return text(200, `${path} ${query.get('q')}`);
};

async function start(config: Partial<AdminServerConfig> = {}, host?: NopHost, handler = HELLO): Promise<AdminServer> {
  const server = await AdminServer.start({ endpoint: '127.0.0.1:0', ...config }, handler, host && { host });
  servers.push(server);
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

function ask(server: AdminServer, path: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: server.port, path, agent: false, ...options },
      (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      },
    );
    request.on('error', reject);
    request.end();
  });
}

test('path and query reach the handler, fixed headers the client', async () => {
  const server = await start({ response_headers: new Map([['X-A', new Secret('b')]]) });
  const answer = await ask(server, '/p%20q?q=1%20?2');
  assert.equal(answer.body, '/p%20q 1 ?2\n');
  assert.equal(answer.headers['x-a'], 'b');
  assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
});

test('an exception of the handler is a 500', async () => {
  const answer = await ask(await start(), '/throw');
  assert.deepEqual([answer.status, answer.body], [500, 'broken\n']);
});

test('a port in use is named', async () => {
  const first = await start();
  await assert.rejects(start({ endpoint: `127.0.0.1:${first.port}` }), {
    message: `listen tcp 127.0.0.1:${first.port}: bind: address already in use`,
  });
  await assert.rejects(start({ endpoint: 'nonsense' }), /listen tcp: address nonsense: missing port in address/);
  await assert.rejects(start({ endpoint: '1.2.3.4:5' }), /listen tcp 1.2.3.4:5: bind: cannot assign requested address/);
});

test('localhost is 127.0.0.1', async () => {
  const server = await start({ endpoint: 'localhost:0' });
  assert.equal((await ask(server, '/x')).status, 200);
});

test('authentication', async () => {
  const host = new NopHost();
  const authenticator = {
    start() {},
    shutdown() {},
    async authenticate(headers: ReadonlyMap<string, readonly string[]>) {
      if (headers.get('authorization')?.[0] !== 'Bearer t') throw new Error('who are you?');
      return new Map();
    },
  } satisfies Component & Record<string, unknown>;
  host.extensions.set('bearertokenauth', authenticator);
  host.extensions.set('other', { start() {}, shutdown() {} });
  const server = await start({ auth: { authenticator: 'bearertokenauth' } }, host);
  const refused = await ask(server, '/x');
  assert.deepEqual([refused.status, refused.body], [401, 'who are you?\n']);
  assert.equal((await ask(server, '/x', { headers: { authorization: 'Bearer t' } })).status, 200);
  await assert.rejects(
    start({ auth: { authenticator: 'nobody' } }, host),
    /failed to resolve authenticator "nobody": authenticator not found/,
  );
  await assert.rejects(start({ auth: { authenticator: 'other' } }, host), /is not a server authenticator/);
});

test('cross-origin requests', async () => {
  const cors = {
    allowed_origins: ['https://*.a.test'],
    allowed_headers: ['X-Own'],
    exposed_headers: ['X-B'],
    max_age: 9,
  };
  const server = await start({ cors });
  const preflight = (origin: string, headers: string) =>
    ask(server, '/x', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': headers },
    });
  const good = await preflight('https://ui.a.test', 'x-own');
  assert.equal(good.status, 204);
  assert.equal(good.headers['access-control-allow-origin'], 'https://ui.a.test');
  assert.equal(good.headers['access-control-allow-headers'], 'x-own');
  assert.equal(good.headers['access-control-max-age'], '9');
  assert.equal((await preflight('https://ui.a.test', 'x-foreign')).headers['access-control-allow-origin'], undefined);
  assert.equal((await preflight('https://a.test.evil', '')).headers['access-control-allow-origin'], undefined);
  const simple = await ask(server, '/x', { headers: { origin: 'https://ui.a.test' } });
  assert.equal(simple.headers['access-control-allow-credentials'], 'true');
  assert.equal(simple.headers['access-control-expose-headers'], 'X-B');
});

test('without keep-alive a connection closes after the answer', async () => {
  const server = await start({ keep_alives_enabled: false });
  assert.equal((await ask(server, '/x', { headers: { connection: 'keep-alive' } })).headers.connection, 'close');
});

test('certificates are read again after the interval', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-admin-'));
  const file = (name: string): string => fileURLToPath(new URL(`../../test/support/tls/${name}`, import.meta.url));
  const [cert_file, key_file] = ['server.crt', 'server.key'].map((name) => {
    copyFileSync(file(name), join(directory, name));
    return join(directory, name);
  }) as [string, string];
  const clock = new FakeClock();
  const logger = new TestLogger();
  const tls = { ...tlsServerSection.absent(), cert_file, key_file, reload_interval: 1000 };
  const server = await AdminServer.start({ endpoint: '127.0.0.1:0', tls }, HELLO, { clock, logger });
  clock.advance(1000);
  assert.equal(logger.lines.length, 0);
  rmSync(directory, { recursive: true });
  clock.advance(1000);
  assert.match(String(logger.lines[0]?.fields.error), /failed to load TLS cert/);
  await server.close();
  assert.equal(clock.pending, 0);
});

test('close cuts off a request that does not end, and may be repeated', async () => {
  const server = await start({}, undefined, () => new Promise(() => {}));
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await new Promise((resolve) => setTimeout(resolve, 20));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await server.close();
  await closed;
  await server.close();
});
