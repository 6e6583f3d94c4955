import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_WINDOW, ErrorCode, Flag, FrameType, PREFACE, Setting } from '../http2/frames.ts';
import { frame, headers, message, RawPeer, SETTINGS, setting, uint32 } from '../http2/testing/raw-peer.ts';
import { GrpcServer } from './server.ts';
import type { GrpcServerOptions, UnaryCall } from './types.ts';

const PATH = '/weir.test.Echo/Call';
const HEAD = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', PATH],
  ['content-type', 'application/grpc'],
] as const;
const DATA_END = Flag.END_STREAM;

function echo(call: UnaryCall): void {
  const { buffer, start, end, slab } = call.message;
  const copy = Buffer.from(buffer.subarray(start, end));
  slab?.release();
  call.reply(copy);
}

async function serve(t: TestContext, options: Partial<GrpcServerOptions> = {}, handler = echo): Promise<number> {
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: new Map([[PATH, handler]]), ...options });
  const { port } = (await server.listen()) as AddressInfo;
  t.after(() => server.close(0));
  return port;
}

async function connect(t: TestContext, options?: Partial<GrpcServerOptions>, handler = echo): Promise<RawPeer> {
  const peer = await RawPeer.connect(await serve(t, options, handler));
  t.after(() => peer.end());
  return peer;
}

function call(streamId: number, body: Buffer): Buffer {
  return Buffer.concat([headers(streamId, HEAD), frame(FrameType.DATA, DATA_END, streamId, message(body))]);
}

test('a call cut into single octets is the same call', async (t) => {
  const peer = await connect(t);
  for (const octet of call(1, Buffer.from('hello'))) peer.send(Buffer.from([octet]));
  assert.equal((await peer.takeHeaders(1))[':status'], '200');
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.subarray(5).toString(), 'hello');
  assert.deepEqual(await peer.takeHeaders(1), { 'grpc-status': '0' });
});

test('padding, priority, CONTINUATION and unknown frames are understood', async (t) => {
  const peer = await connect(t);
  const block = headers(1, HEAD).subarray(9);
  const flags = Flag.PADDED | Flag.PRIORITY;
  const padded = Buffer.concat([Buffer.from([3]), uint32(0), Buffer.from([9]), block.subarray(0, 4), Buffer.alloc(3)]);
  peer.send(
    frame(0xbe, 0xff, 1, Buffer.from('unknown')),
    frame(FrameType.HEADERS, flags, 1, padded),
    frame(FrameType.CONTINUATION, 0, 1, block.subarray(4, 9)),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, block.subarray(9)),
    frame(
      FrameType.DATA,
      Flag.PADDED,
      1,
      Buffer.concat([Buffer.from([2]), message(Buffer.from('hi')), Buffer.alloc(2)]),
    ),
    frame(FrameType.DATA, DATA_END, 1),
  );
  await peer.takeHeaders(1);
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.subarray(5).toString(), 'hi');
});

const connectionErrors: readonly (readonly [string, number, ...Buffer[]])[] = [
  ['a frame over the size limit', ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385))],
  ['DATA on stream 0', ErrorCode.PROTOCOL_ERROR, frame(FrameType.DATA, 0, 0)],
  ['DATA on an idle stream', ErrorCode.PROTOCOL_ERROR, frame(FrameType.DATA, 0, 1)],
  ['HEADERS with an even number', ErrorCode.PROTOCOL_ERROR, headers(2, HEAD)],
  ['HEADERS with a lower number', ErrorCode.STREAM_CLOSED, call(3, Buffer.from('')), headers(1, HEAD)],
  ['a block interrupted', ErrorCode.PROTOCOL_ERROR, headers(1, HEAD, 0), frame(FrameType.PING, 0, 0, Buffer.alloc(8))],
  ['CONTINUATION alone', ErrorCode.PROTOCOL_ERROR, frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1)],
  ['PUSH_PROMISE', ErrorCode.PROTOCOL_ERROR, frame(FrameType.PUSH_PROMISE, 0, 1, Buffer.alloc(4))],
  [
    'padding longer than the frame',
    ErrorCode.PROTOCOL_ERROR,
    headers(1, HEAD),
    frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([9])),
  ],
  ['PING of 7 octets', ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.PING, 0, 0, Buffer.alloc(7))],
  ['SETTINGS of 5 octets', ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))],
  ['a window over 2^31-1', ErrorCode.FLOW_CONTROL_ERROR, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x7fffffff))],
  ['WINDOW_UPDATE by 0', ErrorCode.PROTOCOL_ERROR, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0))],
  ['ENABLE_PUSH 2', ErrorCode.PROTOCOL_ERROR, frame(FrameType.SETTINGS, 0, 0, setting(Setting.ENABLE_PUSH, 2))],
  [
    'INITIAL_WINDOW_SIZE 2^31',
    ErrorCode.FLOW_CONTROL_ERROR,
    frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 2 ** 31)),
  ],
  ['a broken header block', ErrorCode.COMPRESSION_ERROR, frame(FrameType.HEADERS, 4, 1, Buffer.from([0x80]))],
  ['RST_STREAM on an idle stream', ErrorCode.PROTOCOL_ERROR, frame(FrameType.RST_STREAM, 0, 1, uint32(0))],
  [
    'a header block without end',
    ErrorCode.ENHANCE_YOUR_CALM,
    headers(1, HEAD, 0),
    ...Array.from({ length: 5 }, () => frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_384))),
  ],
  [
    'a header block in empty frames',
    ErrorCode.ENHANCE_YOUR_CALM,
    headers(1, HEAD, 0),
    ...Array.from({ length: 65 }, () => frame(FrameType.CONTINUATION, 0, 1)),
  ],
];
for (const [name, code, ...bytes] of connectionErrors) {
  test(`ends the connection with GOAWAY: ${name}`, async (t) => {
    const peer = await connect(t);
    peer.send(...bytes);
    assert.equal(await peer.takeError(FrameType.GOAWAY), code);
    while (!peer.closed) await sleep(2);
  });
}

test('ends the connection when the preface or the first frame is wrong', async (t) => {
  const port = await serve(t);
  for (const first of [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    `${PREFACE}${frame(FrameType.PING, 0, 0, Buffer.alloc(8))}`,
  ]) {
    const peer = await RawPeer.connect(port, Buffer.from(first, 'latin1'));
    assert.equal(await peer.takeError(FrameType.GOAWAY), ErrorCode.PROTOCOL_ERROR);
    await peer.end();
  }
});

test('the windows are opened again as data is taken', async (t) => {
  const peer = await connect(t, { maxReceiveMessageBytes: 64 << 20 }, () => {});
  assert.equal((await peer.take(FrameType.WINDOW_UPDATE, 0)).payload.readUInt32BE(0), (16 << 20) - DEFAULT_WINDOW);
  peer.send(headers(1, HEAD), frame(FrameType.DATA, 0, 1, message(Buffer.alloc(0), 32 << 20)));
  const data = frame(FrameType.DATA, 0, 1, Buffer.alloc(16_384));
  for (let i = 0; i < 256; i++) peer.send(data);
  for (const stream of [0, 1]) {
    assert.equal((await peer.take(FrameType.WINDOW_UPDATE, stream)).payload.readUInt32BE(0), (4 << 20) + 5);
  }
});

const malformed: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ['upper case', [...HEAD, ['X-A', 'b']]],
  ['connection header', [...HEAD, ['connection', 'close']]],
  ['te other than trailers', [...HEAD, ['te', 'gzip']]],
  ['pseudo-header after a field', [...HEAD, [':authority', 'a']]],
  ['pseudo-header twice', [HEAD[0], ...HEAD]],
  ['unknown pseudo-header', [[':status', '200'], ...HEAD]],
  ['no path', [HEAD[0], HEAD[1], HEAD[3]]],
  ['line break in a value', [...HEAD, ['x-a', 'b\r\nc']]],
];
for (const [name, fields] of malformed) {
  test(`resets the stream of a malformed request: ${name}`, async (t) => {
    const peer = await connect(t);
    peer.send(
      headers(1, fields),
      frame(FrameType.DATA, DATA_END, 1, message(Buffer.alloc(1))),
      call(3, Buffer.alloc(1)),
    );
    assert.equal(await peer.takeError(FrameType.RST_STREAM, 1), ErrorCode.PROTOCOL_ERROR);
    assert.equal((await peer.takeHeaders(3))[':status'], '200');
  });
}

test('a body that is not as long as content-length says is malformed', async (t) => {
  const peer = await connect(t);
  for (const [id, length] of [
    [1, '5'],
    [3, '7'],
    [5, 'x'],
  ] as const) {
    const body = message(Buffer.from('x'));
    peer.send(headers(id, [...HEAD, ['content-length', length]]), frame(FrameType.DATA, DATA_END, id, body));
    assert.equal(await peer.takeError(FrameType.RST_STREAM, id), ErrorCode.PROTOCOL_ERROR);
  }
  peer.send(headers(7, [...HEAD, ['content-length', '6']]));
  peer.send(frame(FrameType.DATA, DATA_END, 7, message(Buffer.from('x'))));
  assert.equal((await peer.takeHeaders(7))[':status'], '200');
});

test('streams over the limit are refused', async (t) => {
  const peer = await connect(t, { maxConcurrentStreams: 2 });
  peer.send(headers(1, HEAD), headers(3, HEAD), headers(5, HEAD));
  assert.equal(await peer.takeError(FrameType.RST_STREAM, 5), ErrorCode.REFUSED_STREAM);
  peer.send(frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode.CANCEL)), call(7, Buffer.from('x')));
  assert.equal((await peer.takeHeaders(7))[':status'], '200');
});

test('an answer waits for the windows of stream and connection', async (t) => {
  const port = await serve(t, { maxReceiveMessageBytes: 1 << 20 });
  const small = frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 3));
  const peer = await RawPeer.connect(port, Buffer.concat([PREFACE, small]));
  t.after(() => peer.end());
  peer.send(call(1, Buffer.from('abcd')));
  await peer.takeHeaders(1);
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.length, 3);
  peer.send(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1)));
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.length, 1);
  peer.send(frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 5)));
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.toString(), '\x04a');
  peer.send(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(100)));
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.toString(), 'bcd');
  assert.deepEqual(await peer.takeHeaders(1), { 'grpc-status': '0' });
  // the connection's window is 65,535 and 9 of them are used
  peer.send(frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 1 << 20)));
  const sent = Buffer.alloc(DEFAULT_WINDOW);
  const parts = [0, 16_384, 32_768, 49_152].map((at) => sent.subarray(at, at + 16_384));
  peer.send(headers(3, HEAD), frame(FrameType.DATA, 0, 3, message(Buffer.alloc(0), sent.length)));
  for (const part of parts) peer.send(frame(FrameType.DATA, part === parts.at(-1) ? DATA_END : 0, 3, part));
  let got = 0;
  while (got < DEFAULT_WINDOW - 9) got += (await peer.take(FrameType.DATA, 3)).payload.length;
  assert.equal(got, DEFAULT_WINDOW - 9);
  peer.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(14)));
  assert.equal((await peer.take(FrameType.DATA, 3)).payload.length, 14);
});

test('a length alone costs little memory, and the sum over a connection has a limit', async (t) => {
  const peer = await connect(t, { maxConcurrentStreams: 1000 });
  const before = process.memoryUsage().arrayBuffers;
  // 600 streams that announce 4 MiB and send one octet: 2.4 GB if it were believed
  for (let i = 0; i < 600; i++) {
    const id = 2 * i + 1;
    peer.send(headers(id, HEAD), frame(FrameType.DATA, 0, id, message(Buffer.alloc(1), 4 << 20)));
  }
  const refused = await peer.takeHeaders(2 * 599 + 1);
  assert.equal(refused['grpc-status'], '14');
  assert.ok(process.memoryUsage().arrayBuffers - before < 100 << 20);
  for (let i = 0; i < 600; i++) peer.send(frame(FrameType.RST_STREAM, 0, 2 * i + 1, uint32(ErrorCode.CANCEL)));
  peer.send(call(1201, Buffer.from('x')));
  assert.equal((await peer.takeHeaders(1201))['grpc-status'], undefined);
});

test('a client that sends but never reads cannot make answers pile up', async (t) => {
  let calls = 0;
  const peer = await connect(t, {}, (c) => {
    calls++;
    echo(c);
  });
  const unlimited = 0x7fffffff;
  peer.send(
    frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, unlimited)),
    frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(unlimited - DEFAULT_WINDOW)),
  );
  await peer.take(FrameType.SETTINGS);
  peer.socket.pause();
  for (let i = 0; i < 4000; i++) peer.send(call(2 * i + 1, Buffer.alloc(16_000)));
  for (let before = -1; calls > before || calls === 0; ) {
    before = calls;
    await sleep(300);
  }
  // 64 MB were sent; the sockets' buffers hold some 10 MB
  assert.ok(calls > 0 && calls < 3000, `${calls} calls`);
  peer.socket.resume();
  await peer.take(FrameType.DATA, 7999);
});

test('requests behind long answers wait for those to be read, and are served then', async (t) => {
  let calls = 0;
  const count = 2000;
  const peer = await connect(t, {}, (c) => {
    calls++;
    c.message.slab?.release();
    c.fail({ code: 3, message: '%'.repeat(4000) });
  });
  await peer.take(FrameType.SETTINGS);
  peer.socket.pause();
  peer.send(...Array.from({ length: count }, (_, i) => call(2 * i + 1, Buffer.alloc(1))));
  for (let before = -1; calls > before || calls === 0; ) {
    before = calls;
    await sleep(300);
  }
  // 24 MB of answers to 200 KB; the sockets' buffers hold some 10 MB
  assert.ok(calls < 1500, `${calls} calls`);
  peer.socket.resume();
  for (let i = 0; i < count; i++) assert.equal((await peer.takeHeaders(2 * i + 1))['grpc-status'], '3');
  assert.equal(calls, count);
});

test('two GOAWAY frame a graceful end: calls under way are served', async (t) => {
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: new Map([[PATH, echo]]) });
  const { port } = (await server.listen()) as AddressInfo;
  const peer = await RawPeer.connect(port);
  t.after(() => peer.end());
  await peer.take(FrameType.SETTINGS);
  const closing = server.close(5000);
  assert.equal((await peer.take(FrameType.GOAWAY)).payload.readUInt32BE(0), 0x7fffffff);
  const ping = await peer.take(FrameType.PING);
  peer.send(call(1, Buffer.from('late')), frame(FrameType.PING, Flag.ACK, 0, ping.payload), call(3, Buffer.from('x')));
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.subarray(5).toString(), 'late');
  assert.equal((await peer.take(FrameType.GOAWAY)).payload.readUInt32BE(0), 1);
  await closing;
  assert.equal(
    peer.frames.some((f) => f.streamId === 3),
    false,
  );
});

test('after the second GOAWAY new streams are ignored, older ones finished', async (t) => {
  const held: UnaryCall[] = [];
  const handler = (c: UnaryCall): void => {
    c.message.slab?.release();
    held.push(c);
  };
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: new Map([[PATH, handler]]) });
  const peer = await RawPeer.connect(((await server.listen()) as AddressInfo).port);
  t.after(() => peer.end());
  peer.send(call(1, Buffer.from('x')));
  while (held.length === 0) await sleep(2);
  const closing = server.close(5000);
  const ping = await peer.take(FrameType.PING);
  peer.send(frame(FrameType.PING, Flag.ACK, 0, ping.payload), call(3, Buffer.from('y')));
  for (const last of [0x7fffffff, 1]) {
    assert.equal((await peer.take(FrameType.GOAWAY)).payload.readUInt32BE(0), last);
  }
  await sleep(20);
  held[0]!.reply(Buffer.alloc(0));
  await closing;
  assert.equal(held.length, 1);
});

test('a call that fails before its end is told to stop, and what still comes is dropped', async (t) => {
  const peer = await connect(t, { maxReceiveMessageBytes: 10 });
  peer.send(headers(1, HEAD), frame(FrameType.DATA, 0, 1, message(Buffer.alloc(1), 11)));
  assert.equal((await peer.takeHeaders(1))['grpc-status'], '8');
  assert.equal(await peer.takeError(FrameType.RST_STREAM, 1), ErrorCode.NO_ERROR);
  peer.send(frame(FrameType.DATA, DATA_END, 1, Buffer.alloc(10)), call(3, Buffer.from('x')));
  await peer.takeHeaders(3);
  assert.equal(
    peer.frames.some((f) => f.type === FrameType.RST_STREAM || f.type === FrameType.GOAWAY),
    false,
  );
});

test('pings too often are answered with GOAWAY, and permitted ones are not', async (t) => {
  const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8));
  const strict = await connect(t);
  strict.send(ping, ping, ping, ping);
  assert.equal(await strict.takeError(FrameType.GOAWAY), ErrorCode.ENHANCE_YOUR_CALM);
  const lax = await connect(t, { enforcement: { minTimeMs: 0.001, permitWithoutStream: true } });
  for (let i = 0; i < 5; i++) {
    lax.send(ping);
    await lax.take(FrameType.PING);
  }
  lax.send(call(1, Buffer.from('x')));
  await lax.take(FrameType.HEADERS, 1);
});

test('idle, old and dead connections are closed', async (t) => {
  const idle = await connect(t, { keepalive: { maxConnectionIdleMs: 30 } });
  assert.equal(await idle.takeError(FrameType.GOAWAY), ErrorCode.NO_ERROR);
  const old = await connect(t, { keepalive: { maxConnectionAgeMs: 30, maxConnectionAgeGraceMs: 30 } }, () => {});
  old.send(call(1, Buffer.from('never answered')));
  assert.equal(await old.takeError(FrameType.GOAWAY), ErrorCode.NO_ERROR);
  while (!old.closed) await sleep(2);
  const dead = await connect(t, { keepalive: { timeMs: 30, timeoutMs: 30 } });
  await dead.take(FrameType.PING);
  while (!dead.closed) await sleep(2);
});

test('a call under way when the connection is too old is answered within the grace', async (t) => {
  const late = Promise.withResolvers<void>();
  const keepalive = { maxConnectionAgeMs: 30, maxConnectionAgeGraceMs: 60_000 };
  const peer = await connect(t, { keepalive }, (c) => void late.promise.then(() => echo(c)));
  peer.send(call(1, Buffer.from('x')));
  const first = await peer.take(FrameType.GOAWAY);
  assert.equal(first.payload.readUInt32BE(0), 0x7fffffff, 'the first names no stream');
  const ping = await peer.take(FrameType.PING);
  peer.send(frame(FrameType.PING, Flag.ACK, 0, ping.payload));
  const second = await peer.take(FrameType.GOAWAY);
  assert.deepEqual([second.payload.readUInt32BE(0), second.payload.readUInt32BE(4)], [1, ErrorCode.NO_ERROR]);
  late.resolve();
  assert.equal((await peer.take(FrameType.DATA, 1)).payload.subarray(5).toString(), 'x');
  while (!peer.closed) await sleep(2);
});

test('settings are acknowledged and pings answered', async (t) => {
  const peer = await connect(t);
  peer.send(frame(FrameType.PING, 0, 0, Buffer.from('12345678')), SETTINGS);
  const pong = await peer.take(FrameType.PING);
  assert.deepEqual([pong.flags, pong.payload.toString()], [Flag.ACK, '12345678']);
});
