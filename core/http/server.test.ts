import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { systemClock } from '../clock.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { HttpResponse } from './response.ts';
import { HttpServer } from './server.ts';
import type { HttpHandler, HttpRequest, HttpServerOptions, HttpTimeouts } from './types.ts';

const NO_TIMEOUTS: HttpTimeouts = { readHeaderMs: 0, readMs: 0, writeMs: 0, idleMs: 0 };
const LIMIT = 1 << 20;
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Answers with method, path, length of the body and the body. */
const echo: HttpHandler = (request) => {
  const { buffer, start, end, slab } = request.body;
  const text = buffer.toString('latin1', start, end);
  slab?.release();
  const size = request.bodyTooLarge ? 'too large' : text.length;
  const answer = `${request.method} ${request.path} ${size} ${text.slice(0, 40)}`;
  request.respond(new HttpResponse(200, [['Content-Type', 'text/plain']], answer));
};

async function start(handler: HttpHandler, options: Partial<HttpServerOptions> = {}) {
  const server = new HttpServer({
    address: { endpoint: '127.0.0.1:0' },
    handler,
    maxBodyBytes: LIMIT,
    timeouts: NO_TIMEOUTS,
    keepAlive: true,
    clock: systemClock,
    ...options,
  });
  const { host, port } = await server.listen();
  cleanups.push(() => server.close(0));
  return { server, host, port };
}

/** A raw connection that collects what comes back. */
async function dial(where: number | string) {
  const socket = typeof where === 'number' ? net.connect(where, '127.0.0.1') : net.connect(where);
  cleanups.push(() => socket.destroy());
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const until = async (condition: (text: string) => boolean): Promise<string> => {
    while (!condition(received)) {
      if (socket.destroyed || socket.readableEnded) throw new Error(`closed after ${JSON.stringify(received)}`);
      await Promise.race([once(socket, 'data'), once(socket, 'close'), once(socket, 'end')]);
    }
    return received;
  };
  const end = async (): Promise<string> => {
    if (!socket.readableEnded && !socket.destroyed) await Promise.race([once(socket, 'end'), once(socket, 'close')]);
    return received;
  };
  return { socket, until, end, text: () => received };
}

const answers = (text: string): number => text.split('HTTP/1.1 200 OK').length - 1;
const post = (body: string, headers = '') =>
  `POST /p HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (body: string) => `POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;

test('the same requests are read from any cut of the bytes', async () => {
  const { port } = await start(echo);
  const stream =
    `${post('hello')}\r\nGET /g?q HTTP/1.1\r\nHost: x\r\n\r\n` +
    `${chunked('5\r\nhello\r\n1;ext=1\r\n \r\n00A\r\n0123456789\r\n0;last\r\nTrailer: t\r\n\r\n')}` +
    `${post('')}${chunked('0\r\n\r\n')}${post('x'.repeat(300))}`;
  const expected = [
    'POST /p 5 hello',
    'GET /g 0 ',
    'POST /c 16 hello 0123456789',
    'POST /p 0 ',
    'POST /c 0 ',
    'POST /p 300 x',
  ];
  for (const step of [1, 2, 3, 7, 64, stream.length]) {
    const client = await dial(port);
    for (let at = 0; at < stream.length; at += step) {
      client.socket.write(stream.slice(at, at + step));
      if (step < 64) await new Promise((resolve) => setImmediate(resolve));
    }
    const text = await client.until((t) => answers(t) === 6);
    let from = 0;
    for (const part of expected) {
      from = text.indexOf(part, from);
      assert.ok(from >= 0, `${part} with steps of ${step}`);
    }
    client.socket.destroy();
  }
});

test('requests are answered in order, also where answers come later', async () => {
  const waiting: HttpRequest[] = [];
  const { port } = await start((request) => waiting.push(request));
  const client = await dial(port);
  client.socket.write(`GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n${post('late')}`);
  for (let i = 0; i < 3; i++) {
    while (waiting.length <= i) await settle();
    assert.equal(waiting.length, i + 1, 'one at a time');
    if (i === 0) client.socket.write('GET /4 HTTP/1.1\r\nHost: x\r\n\r\n');
    waiting[i]?.respond(new HttpResponse(200, [], `answer ${i}`));
    waiting[i]?.respond(new HttpResponse(500, [], 'a second answer is ignored'));
  }
  while (waiting.length < 4) await settle();
  assert.equal(waiting[3]?.path, '/4');
  waiting[3]?.respond(new HttpResponse(200, [], 'answer 3'));
  const text = await client.until((t) => t.includes('answer 3'));
  assert.deepEqual(text.match(/answer \d/g), ['answer 0', 'answer 1', 'answer 2', 'answer 3']);
});

test('node:http understands the answers: keep-alive, HEAD, 204, chunked uploads, large bodies', async () => {
  const { port } = await start((request) => {
    if (request.path === '/none') request.respond(new HttpResponse(204, [['X-A', 'b']]));
    else echo(request);
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  cleanups.push(() => agent.destroy());
  const send = async (method: string, path: string, body?: string | Buffer, headers = {}) => {
    const request = http.request({ port, host: '127.0.0.1', method, path, agent, headers });
    request.end(body);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode, text, headers: response.headers, reused: request.reusedSocket };
  };
  assert.equal((await send('POST', '/a', 'abc')).text, 'POST /a 3 abc');
  const head = await send('HEAD', '/h');
  assert.equal(head.text, '');
  assert.equal(head.headers['content-length'], '10');
  assert.ok(head.reused);
  assert.match(String(head.headers.date), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  const none = await send('DELETE', '/none');
  assert.equal(none.status, 204);
  assert.equal(none.headers['content-length'], undefined);
  assert.equal(
    (await send('POST', '/u', 'z'.repeat(70_000), { 'Transfer-Encoding': 'chunked' })).text.slice(0, 14),
    'POST /u 70000 ',
  );
  assert.equal((await send('POST', '/l', Buffer.alloc(LIMIT, 97))).text.slice(0, 16), 'POST /l 1048576 ');
});

test('a body over the limit reaches the handler without its bytes, and the connection ends', async () => {
  const { port } = await start(echo, { maxBodyBytes: 100 });
  for (const bytes of [
    post('x'.repeat(101)),
    chunked(`64\r\n${'x'.repeat(100)}\r\n1\r\nx\r\n0\r\n\r\n`),
    chunked('65\r\nx'),
  ]) {
    const client = await dial(port);
    client.socket.write(bytes);
    const text = await client.end();
    assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*Connection: close[\s\S]*too large/);
  }
  const client = await dial(port);
  client.socket.write(post('x'.repeat(100)));
  await client.until((t) => t.includes('POST /p 100'));
});

test('100-continue is sent while the body is awaited', async () => {
  const { port } = await start(echo);
  const client = await dial(port);
  client.socket.write('POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  await client.until((t) => t === 'HTTP/1.1 100 Continue\r\n\r\n');
  client.socket.write('ok');
  await client.until((t) => t.includes('POST /e 2 ok'));
});

test('what is not HTTP as it should be is refused and the connection closed', async () => {
  const { port } = await start(echo);
  const refused: readonly (readonly [string, string])[] = [
    ['GET / HTTP/1.1\n\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/3.0\r\nHost: x\r\n\r\n', '505 HTTP Version Not Supported'],
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(70_000)}`, '431 Request Header Fields Too Large'],
    [post('x', 'Transfer-Encoding: chunked\r\n'), '400 Bad Request'],
    [chunked('zz\r\n'), '400 Bad Request'],
    [chunked('5\nhello'), '400 Bad Request'],
    [chunked('5\r\nhelloX\r\n'), '400 Bad Request'],
    [chunked('5\r\nhello\n'), '400 Bad Request'],
    [chunked('0x5\r\nhello\r\n'), '400 Bad Request'],
    [chunked('-1\r\n'), '400 Bad Request'],
    [chunked(' 5\r\n'), '400 Bad Request'],
    [chunked('5 \r\nhello\r\n'), '400 Bad Request'],
    [chunked('\r\n'), '400 Bad Request'],
    [chunked('ffffffffffffffff\r\n'), '400 Bad Request'],
    [chunked(`5;${'e'.repeat(300)}`), '400 Bad Request'],
    [chunked(`0\r\n${'t: t\r\n'.repeat(2000)}`), '400 Bad Request'],
    ['\r\n\r\n\r\n\r\n', '400 Bad Request'],
    ['\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', '400 Bad Request'],
  ];
  for (const [bytes, status] of refused) {
    const client = await dial(port);
    client.socket.write(Buffer.from(bytes, 'latin1'));
    const text = await client.end();
    assert.ok(text.startsWith(`HTTP/1.1 ${status}\r\n`), `${JSON.stringify(bytes.slice(0, 60))}: ${text.slice(0, 60)}`);
    assert.ok(text.includes('Connection: close\r\n'));
    assert.equal(text.split('HTTP/1.1').length, 2, 'one answer only');
  }
});

test('random bytes crash nothing', async () => {
  const { port } = await start(echo);
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  const parts = [
    'GET ',
    '/ ',
    'HTTP/1.1',
    '\r\n',
    '\r\n\r\n',
    'Host: x\r\n',
    'Content-Length: ',
    '5',
    'Transfer-Encoding: chunked\r\n',
    '\n',
    '\0',
    '\xff',
    ':',
    ' ',
    'POST /x HTTP/1.1\r\n',
    '0\r\n\r\n',
  ];
  for (let round = 0; round < 300; round++) {
    const client = await dial(port);
    for (let i = random(30); i >= 0; i--)
      client.socket.write(Buffer.from(parts[random(parts.length)] as string, 'latin1'));
    client.socket.write(Buffer.from(Array.from({ length: random(200) }, () => random(256))));
    if (round % 3 === 0) {
      client.socket.resetAndDestroy();
    } else {
      client.socket.end();
      await client.end();
    }
  }
  const client = await dial(port);
  client.socket.write(post('still there'));
  await client.until((t) => t.includes('still there'));
});

test('an exception of the handler is answered with 500 and reported', async () => {
  const errors: Error[] = [];
  const { port } = await start(
    () => {
      throw new Error('a defect');
    },
    { onError: (error) => errors.push(error) },
  );
  const client = await dial(port);
  client.socket.write(post('x') + post('y'));
  await client.until((t) => t.split('HTTP/1.1 500 Internal Server Error').length === 3);
  assert.equal(errors[0]?.message, 'a defect');
});

test('HTTP/1.0 and keep_alive off close after the answer', async () => {
  const { port } = await start(echo);
  const old = await dial(port);
  old.socket.write('GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  assert.match(await old.until((t) => t.includes('GET /old')), /Connection: keep-alive/);
  old.socket.write('GET /old2 HTTP/1.0\r\n\r\n');
  assert.match(await old.end(), /Connection: close[\s\S]*GET \/old2/);
  const off = await start(echo, { keepAlive: false });
  const client = await dial(off.port);
  client.socket.write(post('a') + post('b'));
  assert.equal(answers(await client.end()), 1);
});

test('a client that ends its side first still gets its answer', async () => {
  const waiting: HttpRequest[] = [];
  const { port } = await start((request) => waiting.push(request));
  const client = await dial(port);
  client.socket.end(post('x'));
  while (waiting.length === 0) await settle();
  await settle();
  waiting[0]?.respond(new HttpResponse(200, [], 'here'));
  assert.match(await client.end(), /here/);
});

test('timeouts', async () => {
  const clock = new FakeClock();
  const waiting: HttpRequest[] = [];
  const { port } = await start(
    (request) => {
      request.body.slab?.release();
      if (request.path === '/p') request.respond(new HttpResponse(200, []));
      else waiting.push(request);
    },
    { clock, timeouts: { readHeaderMs: 1000, readMs: 5000, writeMs: 3000, idleMs: 9000 } },
  );
  const cases: readonly (readonly [string, number, string])[] = [
    ['GET / HT', 1000, 'HTTP/1.1 408 Request Timeout'],
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab', 5000, 'HTTP/1.1 408 Request Timeout'],
    ['GET /slow HTTP/1.1\r\nHost: x\r\n\r\n', 3000, ''],
    [post('x'), 9000, 'HTTP/1.1 200 OK'],
    ['', 1000, ''],
  ];
  for (const [bytes, ms, answer] of cases) {
    const client = await dial(port);
    const before = waiting.length;
    client.socket.write(bytes);
    if (answer.includes('200')) await client.until((t) => t.includes(answer));
    else if (bytes.includes('/slow')) while (waiting.length === before) await settle();
    else for (let i = 0; i < 20; i++) await settle();
    await clock.advanceAsync(ms - 300);
    assert.equal(client.socket.readableEnded || client.socket.destroyed, false, `${bytes} too early`);
    await clock.advanceAsync(600);
    assert.equal((await client.end()).slice(0, answer.length), answer);
    assert.equal(client.text() === '', answer === '');
  }
});

test('closing answers what was received, ends idle connections and waits no longer than told', async () => {
  const clock = new FakeClock();
  const waiting: HttpRequest[] = [];
  const { server, port } = await start((request) => waiting.push(request), { clock });
  const idle = await dial(port);
  const busy = await dial(port);
  const stuck = await dial(port);
  busy.socket.write('GET /busy HTTP/1.1\r\nHost: x\r\n\r\n');
  stuck.socket.write('POST /stuck HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab');
  while (waiting.length === 0) await settle();
  for (let i = 0; i < 20; i++) await settle();
  let closed = false;
  const closing = server.close(5000).then(() => {
    closed = true;
  });
  await idle.end();
  waiting[0]?.respond(new HttpResponse(200, [], 'bye'));
  assert.match(await busy.end(), /Connection: close[\s\S]*bye/);
  busy.socket.destroy();
  await settle();
  assert.equal(closed, false, 'a request is half received');
  clock.advance(5000);
  await closing;
  await server.close(5000);
  await assert.rejects(dial(port));
});

test('Unix sockets', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-http-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const path = join(directory, 'sock');
  const { host } = await start(echo, { address: { endpoint: path, transport: 'unix' } });
  assert.equal(host, path);
  const client = await dial(path);
  client.socket.write(post('u'));
  await client.until((t) => t.includes('POST /p 1 u'));
});
