import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ErrorCode, Flag, FrameType, Setting } from '../http2/frames.ts';
import {
  REQUEST_TIMEOUT_MS,
  type ServerLimit,
  SLOW_READER_MS,
  START_TIMEOUT_MS,
  SWEEP_MS,
} from '../http2/server-limits.ts';
import { frame, headers, message, RawPeer, setting, uint32 } from '../http2/testing/raw-peer.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { GrpcServer } from './server.ts';
import { ServerConnection } from './server-connection.ts';
import { ServerSettings } from './server-settings.ts';
import type { GrpcServerOptions, UnaryCall } from './types.ts';

const PATH = '/weir.test.Echo/Call';
const HEAD = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', PATH],
  ['content-type', 'application/grpc'],
] as const;
const EMPTY = frame(FrameType.DATA, Flag.END_STREAM, 1, message(Buffer.alloc(0)));

/** Lets what was written travel to the other end and back. */
const travel = (): Promise<void> => sleep(40);

interface Bench {
  readonly peer: RawPeer;
  readonly port: number;
  readonly clock: FakeClock;
  readonly limits: ServerLimit[];
  readonly calls: UnaryCall[];
}

/** A server that keeps its calls, and a client. */
async function bench(t: TestContext, options: Partial<GrpcServerOptions> = {}, first?: Buffer): Promise<Bench> {
  const clock = new FakeClock();
  const limits: ServerLimit[] = [];
  const calls: UnaryCall[] = [];
  const server = new GrpcServer({
    endpoint: { host: '127.0.0.1', port: 0 },
    methods: new Map([[PATH, (call: UnaryCall) => calls.push(call)]]),
    clock,
    onLimit: (limit) => limits.push(limit),
    ...options,
  });
  const { port } = (await server.listen()) as AddressInfo;
  const peer = await RawPeer.connect(port, first);
  t.after(async () => {
    await peer.end();
    const closed = server.close(0);
    await clock.advanceAsync(5000);
    await closed;
  });
  await travel();
  return { peer, port, clock, limits, calls };
}

test('a client that does not say hello is not waited for', async (t) => {
  const { peer, clock, limits } = await bench(t, {}, Buffer.from('PRI * HTTP/2.0'));
  clock.advance(START_TIMEOUT_MS - SWEEP_MS);
  assert.deepEqual(limits, []);
  clock.advance(2 * SWEEP_MS);
  assert.deepEqual(limits, ['start_timeout']);
  assert.equal(await peer.takeError(FrameType.GOAWAY), ErrorCode.ENHANCE_YOUR_CALM);
});

test('a header block has to end in time, and one after the other may come', async (t) => {
  const { peer, clock, limits } = await bench(t);
  for (const id of [1, 3, 5]) {
    peer.send(headers(id, HEAD, 0));
    await travel();
    clock.advance(REQUEST_TIMEOUT_MS - SWEEP_MS);
    peer.send(frame(FrameType.CONTINUATION, Flag.END_HEADERS, id));
    await travel();
    peer.send(frame(FrameType.RST_STREAM, 0, id, uint32(ErrorCode.CANCEL)));
  }
  assert.deepEqual(limits, []);
  peer.send(headers(7, HEAD, 0));
  await travel();
  clock.advance(REQUEST_TIMEOUT_MS + 2 * SWEEP_MS);
  assert.deepEqual(limits, ['request_timeout']);
  assert.equal(await peer.takeError(FrameType.GOAWAY), ErrorCode.ENHANCE_YOUR_CALM);
});

test('a message that comes octet by octet is given up, and the connection goes on', async (t) => {
  const { peer, clock, limits, calls } = await bench(t);
  peer.send(headers(1, HEAD), frame(FrameType.DATA, 0, 1, message(Buffer.alloc(1), 1000)));
  for (let ms = 0; ms <= REQUEST_TIMEOUT_MS; ms += 10_000) {
    peer.send(frame(FrameType.DATA, 0, 1, Buffer.alloc(1)));
    await travel();
    clock.advance(10_000);
  }
  assert.equal((await peer.takeHeaders(1))['grpc-status'], '4');
  assert.deepEqual(limits, ['request_timeout']);
  peer.send(headers(3, HEAD), frame(FrameType.DATA, Flag.END_STREAM, 3, message(Buffer.alloc(0))));
  await travel();
  assert.equal(calls.length, 1);
});

test('a call that its handler takes long for is no slow request', async (t) => {
  const { peer, clock, limits, calls } = await bench(t);
  peer.send(headers(1, HEAD));
  await travel();
  clock.advance(5 * SWEEP_MS);
  peer.send(EMPTY);
  while (calls.length === 0) await travel();
  clock.advance(2 * REQUEST_TIMEOUT_MS);
  calls[0]!.reply(Buffer.from('at last'));
  assert.equal((await peer.takeHeaders(1))[':status'], '200');
  assert.deepEqual(limits, []);
});

test('a client that does not read its answers loses its connection', async (t) => {
  const large = Buffer.alloc(16_000);
  const handler = (call: UnaryCall): void => call.reply(large);
  const { peer, clock, limits } = await bench(t, { methods: new Map([[PATH, handler]]), maxConcurrentStreams: 4096 });
  peer.send(
    frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 0x7fffffff)),
    frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x7fff0000)),
  );
  await travel();
  peer.socket.pause();
  for (let id = 1; id < 4000; id += 2) {
    peer.send(headers(id, HEAD), frame(FrameType.DATA, Flag.END_STREAM, id, message(Buffer.alloc(0))));
  }
  await sleep(200);
  clock.advance(SLOW_READER_MS - SWEEP_MS);
  assert.deepEqual(limits, []);
  clock.advance(2 * SWEEP_MS);
  assert.deepEqual(limits, ['slow_reader']);
});

test('who is refused has not sent us a message', async (t) => {
  const refuse = (): never => {
    throw new Error('who are you?');
  };
  const { peer, clock, calls } = await bench(t, { authenticate: refuse });
  peer.send(headers(1, HEAD));
  const answer = await peer.takeHeaders(1);
  assert.deepEqual([answer['grpc-status'], answer['grpc-message']], ['16', 'who are you?']);
  assert.equal(await peer.takeError(FrameType.RST_STREAM, 1), ErrorCode.NO_ERROR);
  peer.send(EMPTY);
  await travel();
  clock.advance(1);
  assert.equal(calls.length, 0);
});

test('while an authenticator thinks, no more than a read is taken of the message', async (t) => {
  const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, string>>();
  const authenticate = (call: UnaryCall) => (call.header('x-late') === undefined ? new Map() : promise);
  const before = process.memoryUsage().arrayBuffers;
  const late = [...HEAD, ['x-late', '1']] as const;
  const { peer, calls } = await bench(t, { authenticate, maxReceiveMessageBytes: 64 << 20 });
  const part = frame(FrameType.DATA, 0, 1, Buffer.alloc(16_000));
  peer.send(headers(1, late), frame(FrameType.DATA, 0, 1, message(Buffer.alloc(0), 15 << 20)));
  for (let sent = 0; sent < 15 << 20; sent += 16_000) peer.send(part);
  await sleep(200);
  const held = (process.memoryUsage().arrayBuffers - before) / 1024;
  assert.ok(held < 18 * 1024, `${held} KiB`);
  assert.ok(peer.socket.writableLength > 4 << 20, 'the rest is still with the client');
  if (calls.length === 0) reject(new Error('no'));
  resolve(new Map());
  assert.equal((await peer.takeHeaders(1))['grpc-status'], '16');
  // and the connection is read on
  peer.send(headers(3, HEAD), frame(FrameType.DATA, Flag.END_STREAM, 3, message(Buffer.alloc(0))));
  while (calls.length === 0) await travel();
});

test('an authenticator that says yes later: the message that is there by then is served', async (t) => {
  const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, string>>();
  const { peer, calls } = await bench(t, { authenticate: () => promise });
  peer.send(headers(1, HEAD), EMPTY);
  await travel();
  assert.equal(calls.length, 0);
  resolve(new Map([['user', 'ann']]));
  await travel();
  assert.deepEqual(
    calls.map((call) => call.auth?.get('user')),
    ['ann'],
  );
});

test('work goes on after a reset, and counts as a stream until it is done', async (t) => {
  const { peer, calls, limits } = await bench(t, { maxConcurrentStreams: 2 });
  const run = (id: number): Buffer =>
    Buffer.concat([headers(id, HEAD), frame(FrameType.DATA, Flag.END_STREAM, id, message(Buffer.alloc(0)))]);
  const cancel = (id: number): Buffer => frame(FrameType.RST_STREAM, 0, id, uint32(ErrorCode.CANCEL));
  peer.send(run(1), cancel(1), run(3), cancel(3), run(5));
  assert.equal(await peer.takeError(FrameType.RST_STREAM, 5), ErrorCode.REFUSED_STREAM);
  assert.deepEqual([calls.length, limits], [2, ['concurrent_streams']]);
  for (const call of calls.slice(0, 2)) call.reply(Buffer.alloc(0));
  peer.send(run(7), run(9));
  await travel();
  assert.equal(calls.length, 4);
});

test('messages that never end do not keep the memory of others', async (t) => {
  const { port, peer, clock } = await bench(t, {
    methods: new Map([
      [
        PATH,
        (call: UnaryCall) => {
          call.message.slab?.release();
          call.reply(Buffer.alloc(0));
        },
      ],
    ]),
  });
  const slow = await RawPeer.connect(port);
  t.after(() => slow.end());
  const before = process.memoryUsage().arrayBuffers;
  const body = message(Buffer.alloc(100_000));
  let id = 1;
  for (let round = 0; round < 120; round++, id += 2) {
    // each time a few octets in the middle of what fills more than a slab
    slow.send(headers(id, HEAD), frame(FrameType.DATA, 0, id, message(Buffer.alloc(10), 20)));
    for (let i = 0; i < 12; i++) {
      const stream = id * 24 + 2 * i + 1;
      const parts = Array.from({ length: 7 }, (_, k) => body.subarray(k * 16_000, (k + 1) * 16_000));
      peer.send(headers(stream, HEAD));
      for (const [k, part] of parts.entries()) {
        peer.send(frame(FrameType.DATA, k === 6 ? Flag.END_STREAM : 0, stream, part));
      }
      await peer.takeHeaders(stream);
    }
    await sleep(1);
    clock.advance(SWEEP_MS);
  }
  peer.frames.length = 0;
  setFlagsFromString('--expose-gc');
  for (let i = 0; i < 3; i++) {
    (runInNewContext('gc') as () => void)();
    // buffers are freed behind a collection
    await sleep(100);
  }
  const grown = (process.memoryUsage().arrayBuffers - before) / (1 << 20);
  assert.ok(grown < 80, `${grown.toFixed(0)} MiB are held by 1200 octets`);
});

test('all memory is given back, whatever becomes of a request', async (t) => {
  const handler = (call: UnaryCall): void => {
    call.message.slab?.release();
    if (call.header('x-keep') === undefined) call.reply(Buffer.alloc(0));
  };
  const authenticate = (call: UnaryCall) => {
    if (call.header('x-refuse') !== undefined) throw new Error('no');
    return undefined;
  };
  const methods = new Map([[PATH, handler]]);
  const endpoint = { host: '127.0.0.1', port: 0 };
  const settings = new ServerSettings({ endpoint, methods, authenticate, maxReceiveMessageBytes: 1 << 20 });
  const before = settings.memory.left;
  const connections: ServerConnection[] = [];
  let open = 0;
  const server = net.createServer((socket) => {
    open++;
    const connection = new ServerConnection(settings, { address: '', port: 0 }, () => open--);
    connections.push(connection);
    socket.on('data', (bytes: Buffer) => connection.receive(bytes, bytes.length));
    connection.start(socket);
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await sleep(10);
  const { port } = server.address() as AddressInfo;
  const end = frame(FrameType.DATA, Flag.END_STREAM, 1, message(Buffer.alloc(300_000)).subarray(0, 16_000));
  const half = frame(FrameType.DATA, 0, 1, message(Buffer.alloc(10_000), 400_000));
  const reset = frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode.CANCEL));
  const keep = headers(1, [...HEAD, ['x-keep', '1']]);
  const requests: readonly (readonly Buffer[])[] = [
    [headers(1, HEAD), EMPTY],
    [headers(1, HEAD), end],
    [headers(1, HEAD), half],
    [headers(1, HEAD), half, reset],
    [keep, EMPTY],
    [keep, EMPTY, reset],
    [headers(1, [...HEAD, ['x-refuse', '1']]), half],
    [headers(1, [...HEAD, ['Malformed', '1']]), half],
    [headers(1, [HEAD[0], HEAD[1], [':path', '/other'], HEAD[3]]), half],
    [headers(1, HEAD), frame(FrameType.DATA, 0, 1, message(Buffer.alloc(10), 2 << 20))],
    [headers(1, HEAD, 0)],
    [headers(1, HEAD, 0), frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(1000)), half],
    [headers(1, HEAD), half, frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(0))],
    [headers(1, HEAD), half, frame(FrameType.PUSH_PROMISE, 0, 1)],
  ];
  for (const bytes of requests) {
    const peer = await RawPeer.connect(port);
    peer.send(...bytes);
    await travel();
    for (const connection of connections) connection.sweep(performance.now());
    await peer.end();
    while (open > 0) await sleep(5);
    assert.equal(settings.memory.left, before, `${requests.indexOf(bytes)}`);
  }
});
