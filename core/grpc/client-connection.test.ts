import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../clock.ts';
import { ErrorCode, Flag, FrameType, Setting } from '../http2/frames.ts';
import { frame, headers, message, RawListener, type RawPeer, setting, uint32 } from '../http2/testing/raw-peer.ts';
import { StatusCode } from '../status-code.ts';
import { GrpcClient } from './client.ts';
import type { GrpcClientOptions, UnaryOptions } from './types.ts';

const OK_HEAD = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const;
const END = Flag.END_HEADERS | Flag.END_STREAM;

function answer(streamId: number, body = ''): Buffer {
  return Buffer.concat([
    headers(streamId, OK_HEAD),
    frame(FrameType.DATA, 0, streamId, message(Buffer.from(body))),
    headers(streamId, [['grpc-status', '0']], END),
  ]);
}

async function setup(t: TestContext, options: Partial<GrpcClientOptions> = {}) {
  const listener = await RawListener.listen();
  const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port: listener.port }, ...options });
  const peers: RawPeer[] = [];
  t.after(async () => {
    await client.close();
    for (const peer of peers) await peer.end();
    listener.close();
  });
  return {
    client,
    async accept(): Promise<RawPeer> {
      const peer = await listener.accept();
      peers.push(peer);
      return peer;
    },
    async call(text: string, callOptions?: UnaryOptions): Promise<string> {
      const buffer = Buffer.from(text);
      const ranges = [{ buffer, start: 0, end: buffer.length }];
      return (await client.unary('/a.B/C', ranges, buffer.length, callOptions)).message.toString();
    },
  };
}

/** Rejections are looked at later. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

test('a request is what the protocol says', async (t) => {
  const { call, accept } = await setup(t, { metadata: [['Authorization', 'Bearer x']] });
  const result = call('hello', { timeoutMs: 5000, encoding: 'gzip' });
  const peer = await accept();
  const head = await peer.takeHeaders(1);
  assert.match(head[':authority']!, /^127\.0\.0\.1:\d+$/);
  // waiting for the connection has used up some of the 5 s
  assert.match(head['grpc-timeout']!, /^[45]\d{6}u$/);
  delete head[':authority'];
  delete head['grpc-timeout'];
  assert.deepEqual(head, {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': '/a.B/C',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'weir',
    authorization: 'Bearer x',
    'grpc-encoding': 'gzip',
  });
  const data = await peer.take(FrameType.DATA, 1);
  assert.deepEqual([data.flags, data.payload.toString('latin1')], [Flag.END_STREAM, '\x01\0\0\0\x05hello']);
  peer.send(headers(1, [[':status', '103']]), answer(1, 'hi'));
  assert.equal(await result, 'hi');
});

test('each call has its own timeout, encoding and metadata', async (t) => {
  const { call, accept } = await setup(t);
  const first = call('a');
  const peer = await accept();
  peer.send(answer(1));
  await first;
  const options: UnaryOptions[] = [
    { timeoutMs: 1000 },
    { timeoutMs: 2000 },
    { timeoutMs: 2000, encoding: 'gzip' },
    { timeoutMs: 2000, encoding: 'gzip', metadata: [['X-One', '1']] },
    {},
  ];
  for (const [i, option] of options.entries()) {
    const id = 2 * i + 3;
    const result = call('a', option);
    const head = await peer.takeHeaders(id);
    const timeout = option.timeoutMs === undefined ? undefined : `${option.timeoutMs * 1000}u`;
    assert.equal(head['grpc-timeout'], timeout);
    assert.equal(head['grpc-encoding'], option.encoding);
    assert.equal(head['x-one'], option.metadata === undefined ? undefined : '1');
    assert.equal((await peer.take(FrameType.DATA, id)).payload[0], option.encoding === undefined ? 0 : 1);
    peer.send(answer(id));
    await result;
  }
});

test("the server's limit of streams is kept, and calls wait in order", async (t) => {
  const { call, accept } = await setup(t);
  const results = ['a', 'b', 'c', 'd'].map((text) => call(text));
  const peer = await accept();
  // the first SETTINGS had no limit; a later one has
  for (const id of [1, 3, 5, 7]) await peer.take(FrameType.DATA, id);
  peer.send(frame(FrameType.SETTINGS, 0, 0, setting(Setting.MAX_CONCURRENT_STREAMS, 2)));
  for (const id of [1, 3, 5, 7]) peer.send(answer(id, `${id}`));
  assert.deepEqual(await Promise.all(results), ['1', '3', '5', '7']);
  const more = ['e', 'f', 'g'].map((text) => call(text));
  await peer.take(FrameType.DATA, 9);
  await peer.take(FrameType.DATA, 11);
  await sleep(20);
  assert.equal(
    peer.frames.some((f) => f.streamId === 13),
    false,
  );
  peer.send(answer(11, 'f'));
  assert.equal((await peer.take(FrameType.DATA, 13)).payload.subarray(5).toString(), 'g');
  peer.send(answer(9, 'e'), answer(13, 'g'));
  assert.deepEqual(await Promise.all(more), ['e', 'f', 'g']);
});

test('GOAWAY: calls not processed move to a new connection, others are finished', async (t) => {
  const { call, accept } = await setup(t);
  const [first, second] = [call('a'), call('b')];
  const old = await accept();
  await old.take(FrameType.DATA, 3);
  old.send(frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(1), uint32(0)])));
  const next = await accept();
  assert.equal((await next.take(FrameType.DATA, 1)).payload.subarray(5).toString(), 'b');
  next.send(answer(1, 'from the new one'));
  assert.equal(await second, 'from the new one');
  old.send(answer(1, 'from the old one'));
  assert.equal(await first, 'from the old one');
  while (!old.closed) await sleep(2);
});

test('REFUSED_STREAM is retried, but not for ever', async (t) => {
  const { call, accept } = await setup(t);
  const result = quiet(call('a'));
  const peer = await accept();
  const refuse = (id: number): void => peer.send(frame(FrameType.RST_STREAM, 0, id, uint32(ErrorCode.REFUSED_STREAM)));
  await peer.take(FrameType.DATA, 1);
  refuse(1);
  await peer.take(FrameType.DATA, 3);
  peer.send(answer(3, 'at last'));
  assert.equal(await result, 'at last');
  const never = quiet(call('b'));
  for (let id = 5; id <= 15; id += 2) {
    await peer.take(FrameType.DATA, id);
    refuse(id);
  }
  await assert.rejects(never, { code: StatusCode.UNAVAILABLE });
});

test('RST_STREAM and loss of the connection map to status codes', async (t) => {
  const { call, accept } = await setup(t);
  const results = ['a', 'b', 'c', 'd'].map((text) => quiet(call(text)));
  const peer = await accept();
  await peer.take(FrameType.DATA, 7);
  for (const [id, code] of [
    [1, ErrorCode.INTERNAL_ERROR],
    [3, ErrorCode.CANCEL],
    [5, ErrorCode.ENHANCE_YOUR_CALM],
  ] as const) {
    peer.send(frame(FrameType.RST_STREAM, 0, id, uint32(code)));
  }
  const codes = [StatusCode.INTERNAL, StatusCode.CANCELLED, StatusCode.RESOURCE_EXHAUSTED];
  for (const [i, code] of codes.entries()) await assert.rejects(results[i]!, { code });
  peer.socket.resetAndDestroy();
  await assert.rejects(results[3]!, { code: StatusCode.UNAVAILABLE, message: /^connection lost: .*ECONNRESET/ });
});

test('the next call after a loss connects again at once', async (t) => {
  const { call, accept } = await setup(t);
  for (let i = 0; i < 3; i++) {
    const result = call(`${i}`);
    const peer = await accept();
    await peer.take(FrameType.DATA, 1);
    peer.send(answer(1, `${i}`));
    assert.equal(await result, `${i}`);
    await peer.end();
    await sleep(10);
  }
});

test('a large message is sent as the windows allow, and cut off at its deadline', async (t) => {
  const { call, accept } = await setup(t);
  const result = quiet(call('x'.repeat(100_000), { timeoutMs: 300 }));
  const peer = await accept();
  let got = 0;
  while (got < 65_535) got += (await peer.take(FrameType.DATA, 1)).payload.length;
  assert.equal(got, 65_535);
  await assert.rejects(result, { code: StatusCode.DEADLINE_EXCEEDED, message: 'context deadline exceeded' });
  assert.equal(await peer.takeError(FrameType.RST_STREAM, 1), ErrorCode.CANCEL);
  // the connection's window is used up, and once it is not, the next call goes out
  const next = call('y');
  await peer.takeHeaders(1);
  await peer.take(FrameType.HEADERS, 3);
  peer.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(100)));
  await peer.take(FrameType.DATA, 3);
  peer.send(answer(3, 'z'));
  assert.equal(await next, 'z');
});

test('an answer before the end of the request ends the call', async (t) => {
  const { call, accept } = await setup(t);
  const result = quiet(call('x'.repeat(100_000)));
  const peer = await accept();
  await peer.take(FrameType.DATA, 1);
  peer.send(headers(1, [...OK_HEAD, ['grpc-status', '8'], ['grpc-message', 'too%20large']], END));
  await assert.rejects(result, { code: StatusCode.RESOURCE_EXHAUSTED, message: 'too large' });
  assert.equal(await peer.takeError(FrameType.RST_STREAM, 1), ErrorCode.CANCEL);
});

test('nobody listening is UNAVAILABLE at once, and again until the backoff is over', async (t) => {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  let backoff: (() => void) | undefined;
  const clock: Clock = {
    ...systemClock,
    after(ms, callback) {
      if (ms === 1000) backoff = callback;
      return systemClock.after(ms, callback);
    },
  };
  const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port }, clock, random: () => 0.5 });
  t.after(() => client.close());
  const reason = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
  const message = `connection error: desc = "transport: Error while dialing: ${reason}"`;
  await assert.rejects(client.unary('/a.B/C', [], 0), { code: StatusCode.UNAVAILABLE, message });
  await assert.rejects(client.unary('/a.B/C', [], 0), { code: StatusCode.UNAVAILABLE, message });
  const listener = net.createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  t.after(() => listener.close());
  backoff!();
  await assert.rejects(client.unary('/a.B/C', [], 0), { code: StatusCode.UNAVAILABLE, message: /closed by the peer/ });
});

test('settings that Node refuses fail the calls, not the process', async () => {
  const client = new GrpcClient({ endpoint: { host: 'localhost', port: 4317 }, tls: { ca: 'none', cert: 'none' } });
  await assert.rejects(client.unary('/a.B/C', [], 0), { code: StatusCode.UNAVAILABLE, message: /^connection error/ });
  await client.close();
});

test('with waitForReady calls wait for a server, until their deadline', async (t) => {
  const endpoint = { host: '127.0.0.1', port: 1 };
  const client = new GrpcClient({ endpoint, waitForReady: true });
  t.after(() => client.close());
  await assert.rejects(client.unary('/a.B/C', [], 0, { timeoutMs: 1000 }), {
    code: StatusCode.DEADLINE_EXCEEDED,
    message:
      /^context deadline exceeded: connection error: desc = "transport: Error while dialing: dial tcp 127\.0\.0\.1:1: connect/,
  });
});

test('a server that never says hello fails the connection', async (t) => {
  const server = net.createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port }, connectTimeoutMs: 50 });
  t.after(async () => {
    await client.close();
    server.close();
  });
  await assert.rejects(client.unary('/a.B/C', [], 0), { code: StatusCode.UNAVAILABLE, message: /within 50 ms/ });
});

test('keepalive pings find a dead server', async (t) => {
  const keepalive = { timeMs: 40, timeoutMs: 40, permitWithoutStream: false };
  const { call, accept } = await setup(t, { keepalive });
  const result = quiet(call('a'));
  const peer = await accept();
  const ping = await peer.take(FrameType.PING);
  peer.send(frame(FrameType.PING, Flag.ACK, 0, ping.payload));
  await peer.take(FrameType.PING);
  await assert.rejects(result, { code: StatusCode.UNAVAILABLE, message: /keepalive ping failed/ });
});

test('a deadline on a silent connection asks the server, keepalive or not', async (t) => {
  const { call, accept } = await setup(t);
  const result = quiet(call('a', { timeoutMs: 60 }));
  const peer = await accept();
  await peer.take(FrameType.DATA, 1);
  // what arrived before counts as a sign of life for one deadline
  await assert.rejects(result, { code: StatusCode.DEADLINE_EXCEEDED });
  await assert.rejects(call('b', { timeoutMs: 60 }), { code: StatusCode.DEADLINE_EXCEEDED });
  await peer.take(FrameType.PING);
});

test('a malformed answer is an error of the call, not of the process', async (t) => {
  const bad: Buffer[] = [
    headers(1, [
      [':status', '200'],
      ['Content-Type', 'x'],
    ]),
    Buffer.concat([headers(1, OK_HEAD), headers(1, [['grpc-status', '0']])]),
    Buffer.concat([headers(1, OK_HEAD), headers(1, [[':status', '200']], END)]),
    Buffer.concat([headers(1, OK_HEAD), frame(FrameType.DATA, 0, 1, Buffer.from([7, 0, 0, 0, 0]))]),
    Buffer.concat([headers(1, OK_HEAD), frame(FrameType.DATA, 0, 1, Buffer.from('\0\0\0\0\x01ab'))]),
    Buffer.concat([headers(1, OK_HEAD), headers(1, [['grpc-status', '0']], END)]),
    frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, Buffer.alloc(4)),
    frame(FrameType.DATA, 0, 99, Buffer.alloc(4)),
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  ];
  for (const [i, bytes] of bad.entries()) {
    await t.test(`case ${i}`, async (inner) => {
      const { call, accept } = await setup(inner);
      const result = quiet(call('a'));
      const peer = await accept();
      await peer.take(FrameType.DATA, 1);
      peer.send(bytes);
      await assert.rejects(result, { name: 'GrpcError' });
    });
  }
});

test('closing cancels what is in flight and refuses what comes', async (t) => {
  const { client, call, accept } = await setup(t);
  const result = quiet(call('a'));
  const peer = await accept();
  await peer.take(FrameType.DATA, 1);
  await client.close();
  await assert.rejects(result, { code: StatusCode.CANCELLED });
  await assert.rejects(call('b'), { code: StatusCode.CANCELLED });
  while (!peer.closed) await sleep(2);
});
