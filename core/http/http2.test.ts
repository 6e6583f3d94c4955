import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { systemClock } from '../clock.ts';
import { HttpResponse } from './response.ts';
import { HttpServer } from './server.ts';
import type { HttpHandler, HttpRequest, HttpServerOptions } from './types.ts';
import { withCors } from './with-cors.ts';

const certificate = (name: string) => readFileSync(new URL(`../grpc/testdata/${name}`, import.meta.url));
const CA = certificate('ca.pem');
const TLS = { cert: certificate('server.pem'), key: certificate('server-key.pem') };
const LIMIT = 1 << 20;
const NO_TIMEOUTS = { readHeaderMs: 0, readMs: 0, writeMs: 0, idleMs: 0 };

/** Answers with what it was asked, the body last. */
const echo: HttpHandler = (request) => {
  const { buffer, start, end, slab } = request.body;
  const body = buffer.toString('latin1', start, end);
  slab?.release();
  const asked = [request.version, request.method, request.path, request.query, request.bodyTooLarge, body.length];
  request.respond(new HttpResponse(200, [['X-Own', 'yes\r\nno']], `${asked.join(' ')} ${body.slice(0, 40)}`));
};

async function start(t: TestContext, handler: HttpHandler, options: Partial<HttpServerOptions> = {}) {
  const server = new HttpServer({
    address: { endpoint: '127.0.0.1:0' },
    tls: TLS,
    handler,
    maxBodyBytes: LIMIT,
    timeouts: NO_TIMEOUTS,
    keepAlive: true,
    clock: systemClock,
    ...options,
  });
  const { port } = await server.listen();
  const session = http2.connect(`https://localhost:${port}`, { ca: CA });
  session.on('error', () => {});
  t.after(() => {
    session.destroy();
    return server.close(0);
  });
  await once(session, 'connect');
  return { server, port, session };
}

interface Answer {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly body: string;
}

/** One request; rejects with the stream's error. */
async function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body: string | Buffer = '',
): Promise<Answer> {
  const stream = session.request({ ':method': 'POST', ':path': '/', ...headers }, { endStream: body.length === 0 });
  if (body.length > 0) stream.end(body);
  let text = '';
  stream.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  let answer: Answer['headers'] = {};
  stream.on('response', (found) => {
    answer = found;
  });
  await once(stream, 'close');
  return { headers: answer, body: text };
}

test('requests arrive as over HTTP/1.1, with and without a length, and are answered', async (t) => {
  const { session, port } = await start(t, echo);
  const { headers, body } = await ask(session, { ':path': '/a%20b?c=d' }, 'hello');
  assert.equal(body, '2.0 POST /a%20b c=d false 5 hello');
  assert.equal(headers[':status'], 200);
  assert.equal(headers['x-own'], 'yes  no');
  assert.equal(headers['content-length'], String(body.length));
  assert.ok(Math.abs(Date.parse(headers.date as string) - Date.now()) < 5000);
  assert.equal((await ask(session, { 'content-length': 5 }, 'hello')).body, '2.0 POST /  false 5 hello');
  assert.equal((await ask(session, { ':method': 'GET' })).body, '2.0 GET /  false 0 ');
  const large = 'x'.repeat(LIMIT);
  assert.match((await ask(session, {}, large)).body, / false 1048576 x/);
  assert.match((await ask(session, { 'content-length': LIMIT }, large)).body, / false 1048576 x/);
  // the same port for who does not ask for HTTP/2
  const old = https.request({ ca: CA, host: 'localhost', port, method: 'POST', agent: false });
  old.end('hello');
  const [response] = await once(old, 'response');
  assert.equal(String(await response.toArray()), '1.1 POST /  false 5 hello');
});

test('HEAD, 204 and an empty answer have headers only; long answers come whole', async (t) => {
  const long = 'y'.repeat(300_000);
  const answers = new Map([
    ['/none', new HttpResponse(204, [], 'not sent')],
    ['/empty', new HttpResponse(202, [])],
    ['/long', new HttpResponse(200, [], long)],
  ]);
  const { session } = await start(t, (request) => request.respond(answers.get(request.path) as HttpResponse));
  const head = await ask(session, { ':method': 'HEAD', ':path': '/long' });
  assert.deepEqual([head.headers['content-length'], head.body], ['300000', '']);
  const none = await ask(session, { ':path': '/none' });
  assert.deepEqual([none.headers[':status'], none.headers['content-length'], none.body], [204, undefined, '']);
  const empty = await ask(session, { ':path': '/empty' });
  assert.deepEqual([empty.headers[':status'], empty.headers['content-length'], empty.body], [202, '0', '']);
  assert.equal((await ask(session, { ':path': '/long' })).body, long);
});

test('headers have the names that HTTP/1.1 gives them', async (t) => {
  let seen: HttpRequest | undefined;
  const { session, port } = await start(t, (request) => {
    seen = request;
    request.respond(new HttpResponse(200, []));
  });
  await ask(session, { cookie: ['a=1', 'b=2'], 'x-two': ['1', '2'] });
  const headers = Object.fromEntries(seen?.headers() ?? []);
  assert.deepEqual(headers, { host: [`localhost:${port}`], cookie: ['a=1; b=2'], 'x-two': ['1', '2'] });
  assert.equal(seen?.header('host'), `localhost:${port}`);
  assert.equal(seen?.header(':path'), undefined);
  assert.equal(seen?.peer.address, '127.0.0.1');
});

test('pages of other origins are answered as over HTTP/1.1', async (t) => {
  const cors = { allowed_origins: ['https://*.example.com'], allowed_headers: [], exposed_headers: [], max_age: 5 };
  const { session } = await start(t, withCors(cors, [['X-Fixed', '1']], echo));
  const origin = { origin: 'https://a.example.com' };
  const preflight = await ask(session, { ':method': 'OPTIONS', ...origin, 'access-control-request-method': 'POST' });
  assert.equal(preflight.headers[':status'], 204);
  assert.equal(preflight.headers['access-control-allow-origin'], origin.origin);
  assert.equal(preflight.headers['x-fixed'], '1');
  assert.equal((await ask(session, origin, 'x')).headers['access-control-allow-origin'], origin.origin);
});

test('a body over the limit is refused, said or sent; the connection goes on', async (t) => {
  const limits: string[] = [];
  const { session } = await start(t, echo, { onLimit: (limit) => limits.push(limit) });
  const body = Buffer.alloc(LIMIT + 1);
  assert.match((await ask(session, { 'content-length': body.length }, body)).body, / true 0 /);
  assert.match((await ask(session, {}, body)).body, / true 0 /);
  assert.deepEqual(limits, ['body_size', 'body_size']);
  assert.match((await ask(session, {}, 'x')).body, / false 1 x/);
});

test('who it is is asked before the body; a slow answer to that does not lose it', async (t) => {
  const gates: (() => void)[] = [];
  const { session } = await start(
    t,
    (request) => {
      if (request.denied === undefined) echo(request);
      else request.respond(new HttpResponse(401, [], String(request.denied.error)));
    },
    {
      authenticate: (request) => {
        const name = request.header('x-name');
        if (name === 'eve') throw new Error('no');
        if (name === 'bob') return new Map();
        return new Promise((resolve, reject) => {
          gates.push(() => (name === 'ann' ? resolve(new Map([['name', name]])) : reject(new Error('late'))));
        });
      },
    },
  );
  const eve = session.request({ ':method': 'POST', 'x-name': 'eve', 'content-length': 1000 }, { endStream: false });
  const [headers] = await once(eve, 'response');
  assert.equal(headers[':status'], 401);
  eve.destroy();
  assert.match((await ask(session, { 'x-name': 'bob' }, 'b')).body, /1 b$/);
  const slow = [ask(session, { 'x-name': 'ann' }, 'a'.repeat(100_000)), ask(session, { 'x-name': 'joe' }, 'j')];
  const large = ask(session, { 'x-name': 'ann' }, Buffer.alloc(LIMIT + 1));
  while (gates.length < 3) await sleep(5);
  await sleep(50);
  for (const open of gates) open();
  const [ann, joe] = await Promise.all(slow);
  assert.match(ann!.body, /100000 a/);
  assert.deepEqual([joe!.headers[':status'], joe!.body], [401, 'Error: late']);
  assert.match((await large).body, / true 0 /);
});

test('many requests at a time, answered in any order, and 2,000 more on one connection', async (t) => {
  const kept: HttpRequest[] = [];
  const { session } = await start(t, (request) => {
    if (request.path !== '/keep') echo(request);
    else if (kept.push(request) === 200) for (const each of kept.reverse()) echo(each);
  });
  const all = Array.from({ length: 200 }, (_, i) => ask(session, { ':path': '/keep' }, `body ${i}`));
  const answers = await Promise.all(all);
  for (const [i, { body }] of answers.entries()) assert.ok(body.endsWith(` body ${i}`), body);
  for (let round = 0; round < 10; round++) {
    const some = await Promise.all(Array.from({ length: 200 }, () => ask(session, {}, 'x')));
    assert.ok(some.every(({ headers }) => headers[':status'] === 200));
  }
});

test('what a handler throws is 500', async (t) => {
  const errors: string[] = [];
  const fail = () => {
    throw new Error('broken');
  };
  const { session } = await start(t, fail, { onError: ({ message }) => errors.push(message) });
  assert.equal((await ask(session, {}, 'x')).headers[':status'], 500);
  assert.deepEqual(errors, ['broken']);
});

test('closing says so, answers what is under way and ends the connection', async (t) => {
  const kept: HttpRequest[] = [];
  const { session, server } = await start(t, (request) => kept.push(request));
  const answer = ask(session, {}, 'x');
  while (kept.length === 0) await sleep(5);
  const goaway = once(session, 'goaway');
  const closed = server.close(5000);
  await goaway;
  echo(kept[0]!);
  assert.match((await answer).body, /1 x$/);
  await closed;
  if (!session.destroyed) await once(session, 'close');
});

test('keepAlive false: one answer, then the connection is ended', async (t) => {
  const { session } = await start(t, echo, { keepAlive: false });
  const goaway = once(session, 'goaway');
  assert.match((await ask(session, {}, 'x')).body, /1 x$/);
  await goaway;
  if (!session.destroyed) await once(session, 'close');
});

test('idleMs and writeMs', async (t) => {
  const kept: HttpRequest[] = [];
  const { session } = await start(t, (request) => kept.push(request), {
    timeouts: { ...NO_TIMEOUTS, writeMs: 100, idleMs: 300 },
  });
  const stream = session.request({ ':method': 'POST' }, { endStream: true });
  const [error] = await once(stream, 'error').catch((caught) => [caught]);
  assert.match(String(error), /INTERNAL_ERROR/);
  assert.equal(kept[0]?.cancelled, true);
  kept[0]?.respond(new HttpResponse(200, []));
  if (!session.destroyed) await once(session, 'close');
});

test('within the handshake who closes its side is gone; afterwards, over HTTP/1.1, it still gets its answer', async (t) => {
  const { port } = await start(t, (request) => setTimeout(echo, 50, request));
  const plain = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  plain.end();
  plain.resume();
  await once(plain, 'end');
  const socket = tls.connect({ port, host: 'localhost', ca: CA, allowHalfOpen: true } as tls.ConnectionOptions);
  socket.end('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx');
  assert.match(String(await socket.toArray()), /1 x$/);
});

test('a client that sees only protocols that nobody knows is turned away', async (t) => {
  const { port } = await start(t, echo);
  const socket = tls.connect({ port, host: 'localhost', ca: CA, ALPNProtocols: ['spdy/3'] });
  const [error] = await once(socket, 'error').catch((caught) => [caught]);
  assert.match(String(error.code), /ALERT_NO_APPLICATION_PROTOCOL/);
});
