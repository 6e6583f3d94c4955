import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, Flag, FrameType } from '../http2/frames.ts';
import { REQUEST_TIMEOUT_MS } from '../http2/server-limits.ts';
import { frame, headers, RawPeer, uint32 } from '../http2/testing/raw-peer.ts';
import { ReceiveMemory } from '../net/receive-memory.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Http2Connection, http2Settings } from './http2-connection.ts';
import type { HttpLimit } from './limits.ts';
import { HttpResponse } from './response.ts';
import type { HttpRequest, HttpServerOptions, HttpTimeouts } from './types.ts';

const ROOM = 2 << 20;
const NO_TIMEOUTS: HttpTimeouts = { readHeaderMs: 0, readMs: 0, writeMs: 0, idleMs: 0 };
const ANSWER = new HttpResponse(200, []);
const PSEUDO = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':path', '/'],
] as const;
const KEEP = [...PSEUDO.slice(0, 2), [':path', '/keep']] as const;
const OPEN = headers(1, PSEUDO);
const GET = Flag.END_HEADERS | Flag.END_STREAM;

const travel = (): Promise<void> => sleep(30);
const data = (id: number, length: number, flags = 0): Buffer => frame(FrameType.DATA, flags, id, Buffer.alloc(length));
const withLength = (id: number, length: number): Buffer => headers(id, [...PSEUDO, ['content-length', String(length)]]);
const parts = (id: number, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => data(id, 16_000)));

/** Connections with little memory and without TLS; requests to /keep are not answered. */
async function bench(t: TestContext, options: Partial<HttpServerOptions> = {}) {
  const memory = new ReceiveMemory(ROOM);
  const clock = new FakeClock();
  const limits: HttpLimit[] = [];
  const kept: HttpRequest[] = [];
  const served: HttpRequest[] = [];
  const settings = http2Settings(
    {
      address: { endpoint: '' },
      handler: (request) => {
        request.body.slab?.release();
        served.push(request);
        if (request.path === '/keep') kept.push(request);
        else request.respond(ANSWER);
      },
      maxBodyBytes: 4 * ROOM,
      timeouts: NO_TIMEOUTS,
      keepAlive: true,
      clock,
      onLimit: (limit) => limits.push(limit),
      ...options,
    },
    memory,
  );
  const connections = new Set<Http2Connection>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    const connection = new Http2Connection(settings, { address: '', port: 0 }, () => connections.delete(connection));
    connections.add(connection);
    connection.start(socket.on('data', (bytes) => connection.receive(bytes, bytes.length)));
  });
  server.listen(0, '127.0.0.1');
  await sleep(10);
  const { port } = server.address() as AddressInfo;
  const peers: RawPeer[] = [];
  const connect = async (...first: Buffer[]): Promise<RawPeer> => {
    const peer = await RawPeer.connect(port);
    peers.push(peer);
    peer.send(...first);
    await travel();
    return peer;
  };
  /** Time goes by, with a look at the connections each second. */
  const pass = (ms: number): void => {
    for (let at = 0; at < ms; at += 1000) {
      clock.advance(1000);
      for (const connection of [...connections]) connection.sweep(clock.monotonic());
    }
  };
  t.after(async () => {
    for (const peer of peers) await peer.end();
    server.close();
  });
  return { memory, limits, kept, served, connections, connect, pass };
}

test('bodies that are not as long as content-length says are malformed', async (t) => {
  const { connect, served } = await bench(t);
  const peer = await connect();
  const wrong = [
    [withLength(1, 5), data(1, 4, Flag.END_STREAM)],
    [withLength(3, 5), data(3, 6)],
    [headers(5, [...PSEUDO, ['content-length', '5']], GET)],
    [withLength(7, 5), data(7, 4), headers(7, [['x-trailer', 'y']], GET)],
    [headers(9, [...PSEUDO, ['content-length', '5'], ['content-length', '6']])],
    [headers(11, [...PSEUDO, ['content-length', '+5']])],
  ];
  for (const [i, frames] of wrong.entries()) {
    peer.send(...frames);
    assert.equal(await peer.takeError(FrameType.RST_STREAM, 2 * i + 1), ErrorCode.PROTOCOL_ERROR);
  }
  assert.equal(served.length, 0);
  peer.send(withLength(21, 5), data(21, 5), headers(21, [['x-trailer', 'y']], GET));
  assert.equal((await peer.takeHeaders(21))[':status'], '200');
});

test('requests that could be read in two ways are malformed', async (t) => {
  const { connect, served, limits } = await bench(t);
  const peer = await connect();
  const [method, scheme] = PSEUDO;
  const wrong: (readonly (readonly [string, string])[])[] = [
    [method, scheme, [':path', 'http://a/']],
    [method, scheme, [':path', '*']],
    [method, scheme, [':path', '/a b']],
    [[':method', 'PO ST'], scheme, [':path', '/']],
    [...PSEUDO, [':authority', 'a'], ['host', 'b']],
    [...PSEUDO, ['host', 'a'], ['host', 'a']],
    [...PSEUDO, ['transfer-encoding', 'chunked']],
    [...PSEUDO, ['connection', 'close']],
  ];
  for (const [i, fields] of wrong.entries()) {
    peer.send(headers(2 * i + 1, fields, GET));
    assert.equal(await peer.takeError(FrameType.RST_STREAM, 2 * i + 1), ErrorCode.PROTOCOL_ERROR, fields.join());
  }
  assert.equal(served.length, 0);
  assert.deepEqual(new Set(limits), new Set(['protocol']));
});

test('a header section over the limit is 431', async (t) => {
  const { limits, served, connect } = await bench(t);
  // put into the table once, then named again and again
  const entry = Buffer.concat([Buffer.from([0x40, 1, 120, 127, 0xa1, 0x1d]), Buffer.alloc(3872, 'a')]);
  const block = Buffer.concat([OPEN.subarray(9), entry, Buffer.alloc(20, 0x80 | 62)]);
  const peer = await connect(frame(FrameType.HEADERS, Flag.END_HEADERS, 1, block), data(1, 5, Flag.END_STREAM));
  assert.equal((await peer.takeHeaders(1))[':status'], '431');
  peer.send(headers(3, PSEUDO, GET));
  assert.equal((await peer.takeHeaders(3))[':status'], '200');
  assert.equal(served.length, 1);
  assert.deepEqual(limits, ['header_size']);
});

test('all memory is given back, whatever becomes of a request', async (t) => {
  const { memory, connections, kept, connect, pass } = await bench(t, {
    authenticate: async (request) => {
      await sleep(5);
      if (request.header('x-refuse') !== undefined) throw new Error('no');
      return undefined;
    },
  });
  const cases: Buffer[][] = [
    [OPEN],
    [headers(1, PSEUDO, 0)],
    [OPEN, data(1, 5)],
    [OPEN, parts(1, 20), data(1, 5, Flag.END_STREAM)],
    [withLength(1, 300_000), parts(1, 10)],
    [withLength(1, 160_000), parts(1, 10), data(1, 0, Flag.END_STREAM)],
    [withLength(1, 160_000), parts(1, 11)],
    [withLength(1, 9_000_000), parts(1, 3)],
    [headers(1, [...PSEUDO, ['x-refuse', '1']]), parts(1, 3)],
    [OPEN, parts(1, 3), frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode.CANCEL))],
    [headers(1, KEEP), parts(1, 3), data(1, 0, Flag.END_STREAM)],
    [OPEN, parts(1, 3), frame(FrameType.PING, 0, 0)],
    [OPEN, parts(1, 140)],
  ];
  for (const [i, frames] of cases.entries()) {
    const peer = await connect(...frames);
    pass(2000);
    await travel();
    await peer.end();
    for (const request of kept.splice(0)) request.respond(ANSWER);
    while (connections.size > 0) await sleep(5);
    await sleep(10);
    assert.equal(memory.left, ROOM, `case ${i}`);
  }
});

test('without memory 503; who has waited longest makes room', async (t) => {
  const { limits, connect, pass } = await bench(t);
  const slow = await connect(OPEN, parts(1, 30), headers(3, PSEUDO), parts(3, 10));
  pass(2000);
  const honest = await connect(withLength(1, 900_000), parts(1, 56), data(1, 4000, Flag.END_STREAM));
  assert.equal((await honest.takeHeaders(1))[':status'], '200');
  assert.equal((await slow.takeHeaders(1))[':status'], '503');
  assert.deepEqual(limits, ['receive_memory']);
  const greedy = await connect(OPEN, parts(1, 140));
  assert.equal((await greedy.takeHeaders(1))[':status'], '503');
  assert.equal((await slow.takeHeaders(3))[':status'], '503');
  assert.equal(limits.length, 3);
});

test('a body that comes octet by octet is 408, after read_timeout or two minutes', async (t) => {
  for (const [readMs, limit] of [
    [0, REQUEST_TIMEOUT_MS],
    [5000, 5000],
  ] as const) {
    const { limits, connect, pass } = await bench(t, { timeouts: { ...NO_TIMEOUTS, readMs } });
    const peer = await connect(OPEN);
    for (let ms = 0; ms < limit; ms += limit / 5) {
      assert.deepEqual(limits, []);
      peer.send(data(1, 1));
      await travel();
      pass(limit / 5);
    }
    pass(3000);
    assert.equal((await peer.takeHeaders(1))[':status'], '408');
    assert.deepEqual(limits, ['request_timeout']);
  }
});

test('a header block has to end within read_header_timeout', async (t) => {
  const { limits, connect, pass } = await bench(t, { timeouts: { ...NO_TIMEOUTS, readHeaderMs: 3000 } });
  const peer = await connect(headers(1, PSEUDO, 0));
  pass(5000);
  assert.equal(await peer.takeError(FrameType.GOAWAY), ErrorCode.ENHANCE_YOUR_CALM);
  assert.deepEqual(limits, ['request_timeout']);
});

test('streams over the limit are refused, those included whose work goes on after a reset', async (t) => {
  const { limits, kept, connect } = await bench(t);
  const peer = await connect();
  const cancel = (id: number) => frame(FrameType.RST_STREAM, 0, id, uint32(ErrorCode.CANCEL));
  for (let i = 0; i < 250; i++) peer.send(headers(2 * i + 1, KEEP, GET), cancel(2 * i + 1));
  peer.send(headers(501, KEEP, GET));
  assert.equal(await peer.takeError(FrameType.RST_STREAM, 501), ErrorCode.REFUSED_STREAM);
  assert.ok(kept.every(({ cancelled }) => cancelled));
  kept[0]?.respond(ANSWER);
  peer.send(headers(503, PSEUDO, GET));
  assert.equal((await peer.takeHeaders(503))[':status'], '200');
  assert.deepEqual(limits, ['concurrent_streams']);
});

test('while an authenticator thinks, no more than a read is taken; who is refused has sent us nothing', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { served, memory, connect } = await bench(t, {
    authenticate: async (request) => {
      await promise;
      if (request.header('x-refuse') !== undefined) throw new Error('no');
      return undefined;
    },
  });
  const peer = await connect(OPEN, parts(1, 40), data(1, 0, Flag.END_STREAM));
  await sleep(50);
  assert.ok(memory.left > ROOM - 400_000, `${memory.left}`);
  resolve();
  assert.equal((await peer.takeHeaders(1))[':status'], '200');
  const refused = await connect(headers(1, [...PSEUDO, ['x-refuse', '1']]), parts(1, 40));
  assert.equal((await refused.takeHeaders(1))[':status'], '200');
  assert.equal(served[1]?.denied !== undefined, true);
  assert.equal(served[1]?.body.end, 0);
  assert.equal(memory.left, ROOM);
});

test('pings are free for who does not flood; an idle connection is closed', async (t) => {
  const { limits, connect, pass } = await bench(t, { timeouts: { ...NO_TIMEOUTS, idleMs: 5000 } });
  const peer = await connect();
  for (let i = 0; i < 100; i++) peer.send(frame(FrameType.PING, 0, 0, Buffer.alloc(8)));
  for (let i = 0; i < 100; i++) await peer.take(FrameType.PING);
  // a request that is given up does not keep the connection
  peer.send(OPEN);
  await travel();
  pass(6000);
  peer.send(frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode.CANCEL)));
  await travel();
  assert.equal(
    peer.frames.some(({ type }) => type === FrameType.GOAWAY),
    false,
  );
  pass(6000);
  assert.equal(await peer.takeError(FrameType.GOAWAY), ErrorCode.NO_ERROR);
  assert.deepEqual(limits, []);
});

test('a request given up while its authenticator thinks is not served', async (t) => {
  for (const outcome of ['yes', 'no']) {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const { served, memory, connect } = await bench(t, { authenticate: () => promise });
    await connect(headers(1, PSEUDO, GET), frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode.CANCEL)));
    if (outcome === 'yes') resolve(undefined);
    else reject(new Error('no'));
    await travel();
    assert.equal(served.length, 0, outcome);
    assert.equal(memory.left, ROOM);
  }
});
