import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ErrorCode, Flag, FRAME_HEADER_SIZE, FrameType, PREFACE } from '../http2/frames.ts';
import {
  frame,
  headers,
  message,
  RawPeer,
  SETTINGS,
  SETTINGS_ACK,
  setting,
  uint32,
} from '../http2/testing/raw-peer.ts';
import { GrpcClient } from './client.ts';
import { GrpcServer } from './server.ts';
import type { UnaryCall } from './types.ts';

const PATH = '/weir.test.Echo/Call';
const ROUNDS = 400;

/** A small generator with a seed (mulberry32), so that a failure can be seen again. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function randomBytes(random: (below: number) => number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

/** Valid traffic to break: every type of frame is in it. */
function conversation(head: readonly (readonly [string, string])[]): Buffer[] {
  return [
    frame(FrameType.SETTINGS, 0, 0, Buffer.concat([setting(3, 10), setting(4, 100), setting(1, 0)])),
    headers(1, head),
    frame(FrameType.DATA, 0, 1, message(Buffer.alloc(100))),
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(10)),
    frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1000)),
    headers(1, [['grpc-status', '0']], Flag.END_HEADERS | Flag.END_STREAM),
    headers(3, head, 0),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, Buffer.from([0x40, 1, 0x61, 1, 0x62])),
    frame(FrameType.DATA, Flag.PADDED | Flag.END_STREAM, 3, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0])),
    frame(FrameType.PRIORITY, 0, 3, Buffer.from([0, 0, 0, 1, 5])),
    frame(FrameType.PING, 0, 0, Buffer.alloc(8)),
    headers(5, head),
    frame(FrameType.RST_STREAM, 0, 5, uint32(8)),
    frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(8)),
    SETTINGS_ACK,
  ];
}

/** Drops, repeats and swaps frames and changes octets, mostly in headers. */
function mutate(frames: readonly Buffer[], random: (below: number) => number): Buffer {
  const list = frames.map((f) => Buffer.from(f));
  for (let i = random(4); i > 0; i--) list.splice(random(list.length), random(2), list[random(list.length)]!);
  const bytes = list.map((f) => {
    if (random(3) > 0) return f;
    const at = random(2) === 0 ? random(FRAME_HEADER_SIZE) : random(f.length);
    if (at < f.length) f[at] = random(2) === 0 ? random(256) : f[at]! ^ (1 << random(8));
    return f;
  });
  const all = Buffer.concat(bytes);
  return random(5) === 0 ? all.subarray(0, random(all.length)) : all;
}

/** An exception that is not about the peer's bytes is a defect of ours, and is told as INTERNAL_ERROR. */
function assertNoDefect(peer: RawPeer): void {
  for (const { type, payload } of peer.frames) {
    if (type !== FrameType.GOAWAY) continue;
    assert.notEqual(payload.readUInt32BE(4), ErrorCode.INTERNAL_ERROR, payload.toString('latin1', 8));
  }
}

test('no bytes of a client crash the server or stop it serving', async () => {
  const handler = (call: UnaryCall): void => {
    call.message.slab?.release();
    call.reply(Buffer.alloc(200));
  };
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: new Map([[PATH, handler]]) });
  const { port } = (await server.listen()) as AddressInfo;
  const random = generator(20_260_101);
  const head = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', PATH],
    ['content-type', 'application/grpc'],
    ['grpc-timeout', '1S'],
  ] as const;
  for (let round = 0; round < ROUNDS; round++) {
    const socket = net.connect(port, '127.0.0.1');
    const peer = new RawPeer(socket);
    const body = random(4) === 0 ? randomBytes(random, random(300)) : mutate(conversation(head), random);
    socket.end(random(10) === 0 ? body : Buffer.concat([PREFACE, SETTINGS, body]));
    await once(socket, 'close');
    assertNoDefect(peer);
  }
  const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port } });
  assert.equal((await client.unary(PATH, [], 0)).message.length, 200);
  await client.close();
  await server.close(0);
});

test('no bytes of a server crash the client, and every call ends', async () => {
  const random = generator(20_260_102);
  const head = [
    [':status', '200'],
    ['content-type', 'application/grpc'],
  ] as const;
  const peers: RawPeer[] = [];
  const server = net.createServer((socket) => {
    peers.push(new RawPeer(socket, PREFACE.length));
    const body = random(4) === 0 ? randomBytes(random, random(300)) : mutate(conversation(head), random);
    socket.once('data', () => socket.end(random(10) === 0 ? body : Buffer.concat([SETTINGS, body])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  for (let round = 0; round < ROUNDS; round++) {
    const client = new GrpcClient({ endpoint });
    const buffer = Buffer.alloc(300);
    const call = (): Promise<unknown> =>
      client.unary(PATH, [{ buffer, start: 0, end: 300 }], 300, { timeoutMs: 2000 }).then(
        () => 'answered',
        (error: Error) => error.name,
      );
    for (const outcome of await Promise.all([call(), call()])) assert.match(String(outcome), /^answered|GrpcError$/);
    await client.close();
  }
  server.close();
  await once(server, 'close');
  for (const peer of peers) assertNoDefect(peer);
});
