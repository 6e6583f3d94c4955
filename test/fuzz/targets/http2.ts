import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { ErrorCode, Flag, FRAME_HEADER_SIZE, FrameType, PREFACE } from '../../../core/http2/frames.ts';
import {
  frame,
  headers,
  message,
  SETTINGS,
  SETTINGS_ACK,
  setting,
  uint32,
} from '../../../core/http2/testing/raw-peer.ts';
import { Random } from '../../differential/random.ts';
import type { Target } from '../engine.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { PATH, type Serve } from './http2-servers.ts';

const HEAD: readonly (readonly [string, string])[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', PATH],
  [':authority', 'a'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
];
const END = Flag.END_HEADERS | Flag.END_STREAM;

const call = (id: number, body: Buffer, head = HEAD): Buffer[] => [
  headers(id, head),
  frame(FrameType.DATA, Flag.END_STREAM, id, message(body)),
];

/** What clients say after their greeting; every type of frame is in it. */
const CONVERSATIONS: readonly (readonly Buffer[])[] = [
  [...call(1, Buffer.from('one')), ...call(3, Buffer.alloc(300, 1)), ...call(5, Buffer.alloc(0))],
  [
    frame(FrameType.SETTINGS, 0, 0, Buffer.concat([setting(3, 10), setting(4, 100), setting(1, 0)])),
    headers(1, HEAD),
    frame(FrameType.DATA, 0, 1, message(Buffer.alloc(100)).subarray(0, 40)),
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(10)),
    frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1000)),
    frame(FrameType.DATA, Flag.END_STREAM, 1, message(Buffer.alloc(100)).subarray(40)),
  ],
  [
    headers(1, HEAD, 0),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, Buffer.from([0x40, 1, 0x61, 1, 0x62])),
    frame(FrameType.DATA, Flag.PADDED | Flag.END_STREAM, 1, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0])),
    frame(FrameType.PRIORITY, 0, 3, Buffer.from([0, 0, 0, 1, 5])),
    frame(FrameType.PING, 0, 0, Buffer.alloc(8)),
  ],
  [
    headers(1, HEAD),
    frame(FrameType.RST_STREAM, 0, 1, uint32(8)),
    headers(3, HEAD),
    frame(FrameType.DATA, 0, 3, message(Buffer.from('x'))),
    headers(3, [['x', 'y']], END),
    frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(8)),
    SETTINGS_ACK,
  ],
  [
    ...call(1, Buffer.from('x'), [...HEAD, ['grpc-timeout', '1S'], ['content-length', '6']]),
    headers(3, HEAD.slice(0, 4), END),
  ],
];

/** Cuts an input into frames, for those who change them; what is no whole frame is the last one. */
function frames(input: Buffer): Buffer[] {
  const list: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const end = at + FRAME_HEADER_SIZE > input.length ? input.length : at + FRAME_HEADER_SIZE + input.readUIntBE(at, 3);
    list.push(input.subarray(at, end));
    at = end;
  }
  return list;
}

function mutate(input: Buffer, random: Random, pool: readonly Buffer[]): Buffer {
  if (random.chance(0.2)) return mutateBytes(input, random, pool);
  const list = frames(input);
  for (let n = 1 + random.below(3); n > 0; n--) changeFrames(list, random, pool);
  return Buffer.concat(list);
}

/** The same bytes in pieces must mean the same. */
function check(serve: Serve, input: Buffer): boolean {
  const whole = converse(serve, [PREFACE, SETTINGS, input]);
  const random = new Random(input.length);
  const pieces: Buffer[] = [];
  const all = Buffer.concat([PREFACE, SETTINGS, input]);
  for (let at = 0; at < all.length; at += (pieces.at(-1) as Buffer).length) {
    pieces.push(Buffer.from(all.subarray(at, at + 1 + random.below(30))));
  }
  assert.deepEqual(converse(serve, pieces), whole, 'in pieces');
  return whole.calls.length > 0;
}

/** The server's end of a connection, of gRPC or of HTTP. */
export function http2Target(name: string, serve: Serve): Target {
  const seeds = () => CONVERSATIONS.map((list) => Buffer.concat(list));
  return { name, seeds, mutate, check: (input) => check(serve, input) };
}

function changeFrames(list: Buffer[], random: Random, pool: readonly Buffer[]): void {
  const at = random.below(list.length);
  const one = Buffer.from(list[at] ?? SETTINGS);
  const header = Math.min(FRAME_HEADER_SIZE, one.length);
  const changes: readonly (() => void)[] = [
    () => list.splice(at, 1),
    () => list.splice(random.below(list.length + 1), 0, ...list.splice(at, 1)),
    () => list.splice(at, 0, ...Array.from({ length: random.below(20) }, () => one)),
    () => list.splice(at, 0, random.pick(frames(random.pick(pool)))),
    () => list.splice(at, 1, one.subarray(0, random.below(one.length + 1))),
    () => {
      if (header > 0) one[random.below(header)] = random.pick([0, 1, 2, 3, 4, 5, 8, 9, 0x20, 0x24, 0x7f, 0x80, 0xff]);
      list[at] = one;
    },
    () => {
      if (one.length >= FRAME_HEADER_SIZE) one[3] = random.below(12);
      list[at] = one;
    },
    () => {
      // the payload changes, and the length in the header with it
      const payload = mutateBytes(one.subarray(header), random, pool).subarray(0, 20_000);
      list[at] = frame(one[3] ?? 0, one[4] ?? 0, one.length >= FRAME_HEADER_SIZE ? one.readUInt32BE(5) : 0, payload);
    },
    () => {
      if (one.length >= FRAME_HEADER_SIZE) one.writeUInt32BE(random.pick([0, 1, 2, 3, 5, 7, 2 ** 31 - 1, 2 ** 31]), 5);
      list[at] = one;
    },
  ];
  random.pick(changes)();
}

interface Said {
  /** Messages that came to the handler. */
  readonly calls: readonly string[];
  /** Answers in the order of their streams: kinds of frames, and codes of those that reset. */
  readonly streams: readonly string[];
  /** Of GOAWAY. */
  readonly errors: readonly number[];
}

/** What a connection does with bytes, until the client hangs up; then all memory is given back. */
function converse(serve: Serve, chunks: readonly Buffer[]): Said {
  const calls: string[] = [];
  const socket = new FakeSocket();
  let ended = false;
  const { memory, connection } = serve(
    (body) => calls.push(body),
    () => {
      ended = true;
    },
  );
  const { left } = memory;
  connection.start(socket as unknown as Socket);
  for (const chunk of chunks) connection.receive(chunk, chunk.length);
  const said = { calls, ...answers(socket.written) };
  socket.emit('close');
  assert.ok(ended, 'the connection has ended');
  assert.equal(memory.left, left, 'memory given back');
  return said;
}

function answers(written: readonly Buffer[]): Omit<Said, 'calls'> {
  const streams = new Map<number, string[]>();
  const errors: number[] = [];
  for (const one of frames(Buffer.concat(written))) {
    assert.ok(
      one.length >= FRAME_HEADER_SIZE && one.length === FRAME_HEADER_SIZE + one.readUIntBE(0, 3),
      'whole frames',
    );
    const id = one.readUInt32BE(5);
    const type = one[3] as number;
    if (type === FrameType.GOAWAY) {
      const code = one.readUInt32BE(FRAME_HEADER_SIZE + 4);
      assert.notEqual(code, ErrorCode.INTERNAL_ERROR, one.toString('latin1', FRAME_HEADER_SIZE + 8));
      errors.push(code);
    } else if (id > 0 && type !== FrameType.WINDOW_UPDATE) {
      const code = type === FrameType.RST_STREAM ? one.readUInt32BE(FRAME_HEADER_SIZE) : '';
      streams.set(id, [...(streams.get(id) ?? []), `${type}${code}`]);
    }
  }
  const inOrder = [...streams].sort(([a], [b]) => a - b);
  return { errors, streams: inOrder.map(([id, list]) => `${id}: ${list.join(' ')}`) };
}

/** Takes everything at once. */
class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = [];
  readonly writable = true;
  readonly writableLength = 0;
  destroyed = false;

  write(bytes: Buffer, done?: () => void): boolean {
    this.written.push(Buffer.from(bytes));
    done?.();
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {
    this.destroyed = true;
  }
}
