import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import { ReceiveMemory } from '../net/receive-memory.ts';
import { HttpConnection } from './connection.ts';
import type { HttpLimit } from './limits.ts';
import { HttpResponse } from './response.ts';
import type { HttpRequest, HttpServerOptions } from './types.ts';

const ROOM = 2 << 20;
const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n';
const ANSWER = new HttpResponse(200, []);

/** Connections with little memory; requests to /keep are not answered. */
async function bench(t: TestContext, options: Partial<HttpServerOptions> = {}) {
  const memory = new ReceiveMemory(ROOM);
  const limits: HttpLimit[] = [];
  const connections = new Set<HttpConnection>();
  const kept: HttpRequest[] = [];
  const all: HttpServerOptions = {
    address: { endpoint: '127.0.0.1:0' },
    handler: (request) => {
      request.body.slab?.release();
      if (request.path === '/keep') kept.push(request);
      else request.respond(ANSWER);
    },
    maxBodyBytes: 4 * ROOM,
    timeouts: { readHeaderMs: 0, readMs: 0, writeMs: 0, idleMs: 0 },
    keepAlive: true,
    clock: systemClock,
    onLimit: (limit) => limits.push(limit),
    ...options,
  };
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    connections.add(new HttpConnection(socket, all, memory, (closed) => connections.delete(closed)));
  });
  server.listen(0, '127.0.0.1');
  await sleep(10);
  const sockets: net.Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const send = async (...parts: readonly string[]) => {
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    const client = { socket, text: '' };
    socket
      .on('error', () => {})
      .on('data', (bytes) => {
        client.text += bytes.toString('latin1');
      });
    for (const part of parts) {
      socket.write(part);
      await sleep(20);
    }
    return client;
  };
  const sweep = (): void => {
    for (const connection of [...connections]) connection.sweep(performance.now());
  };
  return { memory, limits, connections, kept, send, sweep };
}

test('all memory is given back, whatever becomes of a request', async (t) => {
  const { memory, connections, kept, send, sweep } = await bench(t, {
    authenticate: async (request) => {
      if (request.header('x-refuse') !== undefined) throw new Error('no');
      return undefined;
    },
  });
  const half = `${HEAD}Content-Length: 300000\r\n\r\n${'b'.repeat(100_000)}`;
  const requests = [
    [`${HEAD}\r\n`],
    [HEAD, 'X: '],
    [half],
    [half, 'b'.repeat(100_000), 'b'.repeat(100_000)],
    [`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, '0\r\n\r\n'],
    [`${HEAD}Transfer-Encoding: chunked\r\n\r\n50000\r\n${'b'.repeat(200_000)}`],
    [`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx`],
    [`POST /keep HTTP/1.1\r\nHost: a\r\n\r\n`, `${HEAD}\r\n`.repeat(1000)],
    [`${HEAD}X-Refuse: 1\r\nContent-Length: 300000\r\n\r\n${'b'.repeat(100_000)}`],
    [`${HEAD}Content-Length: 9000000\r\n\r\nb`],
    ['POST / HTTP/1.1\r\n x'],
  ];
  for (const parts of requests) {
    const { socket } = await send(...parts);
    sweep();
    await sleep(20);
    socket.destroy();
    // a connection whose request is being handled is not read, and learns of its end afterwards
    for (const request of kept) request.respond(ANSWER);
    while (connections.size > 0) await sleep(5);
    assert.equal(memory.left, ROOM, parts[0]);
  }
});

test('heads count; who has waited longest makes room for others', async (t) => {
  const { memory, limits, send, sweep } = await bench(t);
  const slow = [];
  const long = `${HEAD}X: ${'a'.repeat(60_000)}`;
  for (let i = 0; i < 20; i++) slow.push(await send(long));
  assert.ok(memory.left < ROOM - 1_200_000, `${memory.left}`);
  sweep();
  const honest = await send(`${HEAD}Content-Length: 700000\r\n\r\n${'b'.repeat(700_000)}`);
  while (!honest.text.startsWith('HTTP/1.1 200')) await sleep(5);
  assert.ok(limits.length > 0 && limits.every((limit) => limit === 'receive_memory'));
  assert.match(slow[0]!.text, /^HTTP\/1\.1 503/);
  assert.equal(slow[19]!.text, '');
});

test('without memory for what was sent behind it, a request is the last of its connection', async (t) => {
  const { memory, kept, send } = await bench(t);
  assert.ok(memory.take(ROOM - 1000));
  const client = await send('POST /keep HTTP/1.1\r\nHost: a\r\n\r\n', `${HEAD}\r\n`.repeat(500));
  kept[0]!.respond(ANSWER);
  while (!client.socket.readableEnded) await sleep(5);
  assert.equal(client.text.split('HTTP/1.1 200').length, 2);
  assert.match(client.text, /Connection: close/);
});
