/** Clients that mean harm, against a real process over gRPC: what it costs in memory, what is counted, who is served. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_WINDOW, ErrorCode, Flag, FrameType, PREFACE, Setting } from '../../core/http2/frames.ts';
import { encodeHeaders } from '../../core/http2/hpack-encoder.ts';
import { RECEIVE_MEMORY } from '../../core/http2/server-limits.ts';
import { frame, headers, message, RawPeer, SETTINGS, setting, uint32 } from '../../core/http2/testing/raw-peer.ts';
import { Lab } from '../support/lab.ts';
import { Victim } from '../support/victim.ts';

const HEAD = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/opentelemetry.proto.collector.trace.v1.TraceService/Export'],
  ['content-type', 'application/grpc'],
] as const;
const EMPTY = message(Buffer.alloc(0));
const MIB = 1 << 20;
/** What requests that are not complete may take together, and half as much that is not collected yet. */
const RECEIVE_MIB = (RECEIVE_MEMORY / MIB) * 1.5;

const lab = new Lab();
let victim: Victim;
const fresh = async (): Promise<void> => {
  (victim as Victim | undefined)?.daemon.process.kill('SIGKILL');
  victim = await Victim.start(lab, { grpc: 'max_connections: 1100' });
  await victim.serves();
};
before(fresh);
after(() => lab[Symbol.asyncDispose]());

const connect = (first?: Buffer): Promise<RawPeer> => RawPeer.connect(victim.grpc, first);
const call = (id: number, body = EMPTY): Buffer =>
  Buffer.concat([headers(id, HEAD), frame(FrameType.DATA, Flag.END_STREAM, id, body)]);
const streams = (count: number, first = 1) => Array.from({ length: count }, (_, i) => first + 2 * i);
const repeat = (count: number, bytes: Buffer) => Buffer.concat(Array.from({ length: count }, () => bytes));

/** So many clients do the same; all connections are closed afterwards, and the server has let go of them. */
async function crowd(count: number, each: (peer: RawPeer) => unknown, meanwhile?: () => Promise<unknown>) {
  const descriptors = victim.descriptors;
  const peers: RawPeer[] = [];
  while (peers.length < count) {
    const some = await Promise.all(Array.from({ length: Math.min(50, count - peers.length) }, () => connect()));
    peers.push(...some);
    await Promise.all(some.map(each));
  }
  await meanwhile?.();
  await Promise.all(peers.map((peer) => peer.end()));
  await victim.daemon.until('the connections to be gone', () => victim.descriptors <= descriptors);
}

test('HTTP/1 on the gRPC port', async () => {
  await victim.attack(1, ['grpc not_http2'], async () => {
    for (let i = 0; i < 100; i++) {
      const peer = await connect(Buffer.from('POST /v1/traces HTTP/1.1\r\nHost: a\r\n\r\n'));
      assert.equal(await peer.takeError(FrameType.GOAWAY), ErrorCode.PROTOCOL_ERROR);
      await peer.end();
    }
  });
});

test('1,000 connections, each with a call; those beyond the limit are closed', async () => {
  await fresh();
  await victim.attack(48, ['grpc connections'], () =>
    crowd(
      1000,
      async (peer) => {
        peer.send(call(1));
        await peer.takeHeaders(1);
      },
      async () => {
        const others = await Promise.all(Array.from({ length: 200 }, () => connect()));
        const open = await Promise.all(
          others.map((peer) =>
            peer.take(FrameType.SETTINGS).then(
              () => true,
              () => false,
            ),
          ),
        );
        assert.equal(open.filter((is) => is).length, 100);
        await Promise.all(others.map((peer) => peer.end()));
      },
    ),
  );
});

test('100,000 calls on one connection', async () => {
  await fresh();
  await victim.attack(24, [], async () => {
    const peer = await connect();
    for (let id = 1; id < 200_000; id += 1000) {
      peer.send(...streams(500, id).map((each) => call(each)), frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(10_000)));
      await peer.takeHeaders(id + 998);
      peer.frames.length = 0;
    }
    await peer.end();
  });
});

test('1,000 clients that never finish a message: those that wait longest make room', async () => {
  await fresh();
  const part = frame(FrameType.DATA, 0, 1, Buffer.alloc(16_000));
  await victim.attack(RECEIVE_MIB, ['grpc receive_memory'], async () => {
    await crowd(
      1000,
      async (peer) => {
        peer.send(headers(1, HEAD), frame(FrameType.DATA, 0, 1, message(Buffer.alloc(0), 4 * MIB)), repeat(40, part));
        await sleep(1);
      },
      async () => {
        await sleep(2500);
        const honest = await connect();
        honest.send(headers(1, HEAD));
        const body = message(Buffer.alloc(0), 3 * MIB);
        honest.send(frame(FrameType.DATA, 0, 1, body), ...streams(196).map(() => part));
        // what is wrong with it is that it is no OTLP: it was read to its end
        honest.send(frame(FrameType.DATA, Flag.END_STREAM, 1, Buffer.alloc(3 * MIB - 196 * 16_000)));
        assert.equal((await honest.takeHeaders(1))['grpc-status'], '3');
        await honest.end();
      },
    );
  });
});

test('1,000 clients that never finish a header block, or send one octet of it', async () => {
  await fresh();
  await victim.attack(80, [], () =>
    crowd(1000, (peer) =>
      peer.send(headers(1, HEAD, 0), repeat(3, frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_000)))),
    ),
  );
  const cut = frame(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.alloc(16_000)).subarray(0, 10);
  await victim.attack(48, [], () => crowd(1000, (peer) => peer.send(cut)));
});

test('half-closed and broken off in the middle of a message', async () => {
  await victim.attack(16, [], () =>
    crowd(500, (peer) => {
      peer.send(headers(1, HEAD), frame(FrameType.DATA, 0, 1, message(Buffer.alloc(100), 4 * MIB)));
      peer.socket.end();
    }),
  );
});

test('100 clients that send calls and never read', async () => {
  await fresh();
  const calls = Buffer.concat(streams(2000).map((id) => call(id)));
  await victim.attack(48, [], () =>
    crowd(100, (peer) => {
      peer.socket.pause();
      peer.send(calls);
    }),
  );
});

test('windows of zero: answers wait and come when there is room; more streams are refused', async () => {
  await victim.attack(8, ['grpc concurrent_streams'], async () => {
    const peer = await connect(
      Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 0))]),
    );
    peer.send(...streams(1200).map((id) => call(id)));
    assert.equal(await peer.takeError(FrameType.RST_STREAM, 2 * 1024 + 1), ErrorCode.REFUSED_STREAM);
    assert.equal(
      peer.frames.some(({ type }) => type === FrameType.DATA),
      false,
    );
    peer.send(frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)));
    for (const id of streams(1024)) await peer.take(FrameType.DATA, id);
    await peer.end();
  });
});

test('GOAWAY of the client: calls under way are answered', async () => {
  await victim.attack(1, [], async () => {
    const peer = await connect();
    peer.send(headers(1, HEAD), frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(0)])));
    peer.send(frame(FrameType.DATA, Flag.END_STREAM, 1, EMPTY));
    assert.equal((await peer.takeHeaders(1))[':status'], '200');
    await peer.end();
  });
});

const CONTROL = ['grpc control_frames'];
const open = headers(1, HEAD);
const floods: readonly (readonly [string, readonly string[], number, Buffer])[] = [
  [
    'rapid reset',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat(
      streams(20_000).flatMap((id) => [
        headers(id, HEAD),
        frame(FrameType.RST_STREAM, 0, id, uint32(ErrorCode.CANCEL)),
      ]),
    ),
  ],
  [
    'streams that the server has to reset',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat(
      streams(20_000).flatMap((id) => [headers(id, HEAD), frame(FrameType.WINDOW_UPDATE, 0, id, uint32(0))]),
    ),
  ],
  ['SETTINGS', CONTROL, ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, SETTINGS)],
  ['PRIORITY', CONTROL, ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5)))],
  ['frames of unknown type', CONTROL, ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, frame(0xbe, 0, 0))],
  ['PING', ['grpc pings'], ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, frame(FrameType.PING, 0, 0, Buffer.alloc(8)))],
  [
    'WINDOW_UPDATE by 1',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    repeat(20_000, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1))),
  ],
  ['WINDOW_UPDATE by 0', ['grpc protocol'], ErrorCode.PROTOCOL_ERROR, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0))],
  [
    'empty DATA',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([open, repeat(20_000, frame(FrameType.DATA, 0, 1))]),
  ],
  [
    'DATA that is all padding',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([open, repeat(20_000, frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([0])))]),
  ],
  [
    'empty CONTINUATION',
    ['grpc header_size'],
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([headers(1, HEAD, 0), repeat(20_000, frame(FrameType.CONTINUATION, 0, 1))]),
  ],
  [
    'CONTINUATION without end',
    ['grpc header_size'],
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([headers(1, HEAD, 0), repeat(10, frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_000)))]),
  ],
];
for (const [name, limits, code, bytes] of floods) {
  test(`a flood of ${name} ends the connection`, async () => {
    await victim.attack(8, limits, async () => {
      const peer = await connect();
      peer.send(bytes);
      assert.equal(await peer.takeError(FrameType.GOAWAY), code);
      await peer.end();
    });
  });
}

/** A literal with incremental indexing: name and value as they are. */
function indexed(name: string, value: Buffer): Buffer {
  assert.ok(name.length < 127 && value.length > 127 + 127);
  const rest = value.length - 127;
  return Buffer.concat([
    Buffer.from([0x40, name.length]),
    Buffer.from(name),
    Buffer.from([127, (rest & 127) | 128, rest >> 7]),
    value,
  ]);
}

test('header bombs: an entry of the table named 10,000 times, Huffman codes of 5 bits', async () => {
  await victim.attack(16, ['grpc header_size'], async () => {
    const peer = await connect();
    const large = indexed('x', Buffer.alloc(3900, 'a'));
    const bomb = Buffer.concat([encodeHeaders(HEAD), large, Buffer.alloc(10_000, 0x80 | 62)]);
    peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, bomb));
    assert.equal((await peer.takeHeaders(1))[':status'], '431');
    const length = 15_000 - 127;
    const huffman = Buffer.concat([
      encodeHeaders(HEAD),
      Buffer.from([0, 1, 120, 255, (length & 127) | 128, length >> 7]),
      // '0' is the code 00000
      Buffer.alloc(15_000),
    ]);
    for (const id of streams(500, 3))
      peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, huffman));
    assert.equal((await peer.takeHeaders(1001))['grpc-status'], '12');
    await peer.end();
  });
});

test('oversized messages are refused by their length', async () => {
  await victim.attack(4, ['grpc message_size'], async () => {
    const peer = await connect();
    for (const id of streams(500)) {
      peer.send(headers(id, HEAD), frame(FrameType.DATA, 0, id, message(Buffer.alloc(0), 0xffffffff)));
      assert.equal((await peer.takeHeaders(id))['grpc-status'], '8');
    }
    await peer.end();
  });
});
