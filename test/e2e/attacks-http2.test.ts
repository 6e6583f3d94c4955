/** Clients that mean harm, against a real process over HTTP/2: what it costs in memory, what is counted, who is served. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_WINDOW, ErrorCode, Flag, FrameType, PREFACE, Setting } from '../../core/http2/frames.ts';
import { encodeHeaders } from '../../core/http2/hpack-encoder.ts';
import { RECEIVE_MEMORY } from '../../core/http2/server-limits.ts';
import { frame, headers, type RawPeer, SETTINGS, setting, uint32 } from '../../core/http2/testing/raw-peer.ts';
import { DIALECTS, type Dialect, Target } from '../support/http2-target.ts';
import { Lab } from '../support/lab.ts';

const MIB = 1 << 20;
/** What requests that are not complete may take together, and half as much that is not collected yet. */
const RECEIVE_MIB = (RECEIVE_MEMORY / MIB) * 1.5;

const lab = new Lab();
after(() => lab[Symbol.asyncDispose]());

const targets = DIALECTS.map((dialect) => new Target(lab, dialect));

/** The same attack on each port; `fresh` where it needs a process that has done nothing before. */
function attack(name: string, run: (target: Target) => Promise<unknown>, fresh: 'fresh' | 'used' = 'used'): void {
  for (const target of targets) {
    test(`${target.dialect.transport}: ${name}`, async () => {
      if (fresh === 'fresh' || !target.started) await target.fresh();
      await run(target);
    });
  }
}

/** What was sent is read before the clients go. */
const arrive = (): Promise<void> => sleep(3000);
const streams = (count: number, first = 1) => Array.from({ length: count }, (_, i) => first + 2 * i);
const repeat = (count: number, bytes: Buffer) => Buffer.concat(Array.from({ length: count }, () => bytes));

attack('HTTP/1 where HTTP/2 was agreed on', async (target) => {
  await target.attack(1, ['not_http2'], async () => {
    for (let i = 0; i < 100; i++) {
      const peer = await target.connect(Buffer.from('POST /v1/traces HTTP/1.1\r\nHost: a\r\n\r\n'));
      assert.equal(await peer.takeError(FrameType.GOAWAY), ErrorCode.PROTOCOL_ERROR);
      await peer.end();
    }
  });
});

attack(
  'many connections that do nothing',
  async (target) => {
    const { many } = target.dialect;
    await target.attack((20 * many) >> 10, [], () => target.crowd(many, () => {}), many);
  },
  'fresh',
);

attack(
  'many connections, each with a call; those beyond the limit are closed',
  async (target) => {
    await target.attack(
      48,
      ['connections'],
      () =>
        target.crowd(
          target.dialect.many,
          async (peer) => {
            peer.send(target.call(1));
            await peer.takeHeaders(1);
          },
          async () => {
            const others = await Promise.all(Array.from({ length: 200 }, () => target.connect()));
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
      target.dialect.many,
    );
  },
  'fresh',
);

attack(
  '100,000 calls on one connection',
  async (target) => {
    await target.attack(24, [], async () => {
      const peer = await target.connect();
      for (let id = 1; id < 200_000; id += 1000) {
        peer.send(
          ...streams(500, id).map((each) => target.call(each)),
          frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(20_000)),
        );
        await peer.takeHeaders(id + 998);
        peer.frames.length = 0;
      }
      await peer.end();
    });
  },
  'fresh',
);

attack(
  'many clients that never finish a message: those that wait longest make room',
  async (target) => {
    const part = frame(FrameType.DATA, 0, 1, Buffer.alloc(16_000));
    await target.attack(
      RECEIVE_MIB,
      ['receive_memory'],
      async () => {
        await target.crowd(
          target.dialect.many,
          async (peer) => {
            peer.send(target.dialect.begin(1, 4 * MIB), repeat(40, part));
            await sleep(1);
          },
          async () => {
            await sleep(2500);
            const honest = await target.connect();
            honest.send(target.dialect.begin(1, 3 * MIB), repeat(196, part));
            // what is wrong with it is that it is no OTLP: it was read to its end
            honest.send(frame(FrameType.DATA, Flag.END_STREAM, 1, Buffer.alloc(3 * MIB - 196 * 16_000)));
            assert.equal(await target.outcome(honest, 1), target.dialect.outcomes.zeros);
            await honest.end();
          },
        );
      },
      target.dialect.many,
    );
  },
  'fresh',
);

attack(
  'many clients that never finish a header block, or send one octet of it',
  async (target) => {
    const { head } = target.dialect;
    const part = frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_000));
    await target.attack(
      80,
      [],
      () => target.crowd(target.dialect.many, (peer) => peer.send(headers(1, head, 0), repeat(3, part)), arrive),
      target.dialect.many,
    );
    const cut = frame(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.alloc(16_000)).subarray(0, 10);
    await target.attack(
      48,
      [],
      () => target.crowd(target.dialect.many, (peer) => peer.send(cut), arrive),
      target.dialect.many,
    );
  },
  'fresh',
);

attack('half-closed and broken off in the middle of a message', async (target) => {
  const broken = Buffer.concat([target.dialect.begin(1, 4 * MIB), frame(FrameType.DATA, 0, 1, Buffer.alloc(100))]);
  const breakOff = (peer: RawPeer) => {
    peer.send(broken);
    peer.socket.end();
  };
  await target.attack(16, [], () => target.crowd(500, breakOff), 500);
});

attack(
  '100 clients that send calls and never read',
  async (target) => {
    const calls = Buffer.concat(streams(2000).map((id) => target.call(id)));
    const sendOnly = (peer: RawPeer) => {
      peer.socket.pause();
      peer.send(calls);
    };
    // and what a connection holds anyway
    const unread = Math.ceil((100 * target.dialect.unreadKib) / 1024) + 16;
    await target.attack(unread, [], () => target.crowd(100, sendOnly, arrive));
  },
  'fresh',
);

attack('windows of zero: answers wait and come when there is room; more streams are refused', async (target) => {
  await target.attack(8, ['concurrent_streams'], async () => {
    const peer = await target.connect(
      Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 0))]),
    );
    peer.send(...streams(1200).map((id) => target.call(id)));
    assert.equal(
      await peer.takeError(FrameType.RST_STREAM, 2 * target.dialect.maxStreams + 1),
      ErrorCode.REFUSED_STREAM,
    );
    assert.equal(
      peer.frames.some(({ type }) => type === FrameType.DATA),
      false,
    );
    peer.send(frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)));
    for (const id of streams(target.dialect.maxStreams)) await peer.take(FrameType.DATA, id);
    await peer.end();
  });
});

attack('GOAWAY of the client: calls under way are answered', async (target) => {
  await target.attack(1, [], async () => {
    const peer = await target.connect();
    peer.send(headers(1, target.dialect.head), frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(0)])));
    peer.send(frame(FrameType.DATA, Flag.END_STREAM, 1, target.dialect.body));
    assert.equal((await peer.takeHeaders(1))[':status'], '200');
    await peer.end();
  });
});

const CONTROL = ['control_frames'];
const floods = ({ head, pings }: Dialect): readonly (readonly [string, readonly string[], number, Buffer])[] => [
  [
    'rapid reset',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat(
      streams(20_000).flatMap((id) => [
        headers(id, head),
        frame(FrameType.RST_STREAM, 0, id, uint32(ErrorCode.CANCEL)),
      ]),
    ),
  ],
  [
    'streams that the server has to reset',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat(
      streams(20_000).flatMap((id) => [headers(id, head), frame(FrameType.WINDOW_UPDATE, 0, id, uint32(0))]),
    ),
  ],
  ['SETTINGS', CONTROL, ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, SETTINGS)],
  ['PRIORITY', CONTROL, ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5)))],
  ['frames of unknown type', CONTROL, ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, frame(0xbe, 0, 0))],
  ['PING', [pings], ErrorCode.ENHANCE_YOUR_CALM, repeat(20_000, frame(FrameType.PING, 0, 0, Buffer.alloc(8)))],
  [
    'WINDOW_UPDATE by 1',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    repeat(20_000, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1))),
  ],
  ['WINDOW_UPDATE by 0', ['protocol'], ErrorCode.PROTOCOL_ERROR, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0))],
  [
    'empty DATA',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([headers(1, head), repeat(20_000, frame(FrameType.DATA, 0, 1))]),
  ],
  [
    'DATA that is all padding',
    CONTROL,
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([headers(1, head), repeat(20_000, frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([0])))]),
  ],
  [
    'empty CONTINUATION',
    ['header_size'],
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([headers(1, head, 0), repeat(20_000, frame(FrameType.CONTINUATION, 0, 1))]),
  ],
  [
    'CONTINUATION without end',
    ['header_size'],
    ErrorCode.ENHANCE_YOUR_CALM,
    Buffer.concat([headers(1, head, 0), repeat(10, frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_000)))]),
  ],
];
for (const target of targets) {
  for (const [name, limits, code, bytes] of floods(target.dialect)) {
    test(`${target.dialect.transport}: a flood of ${name} ends the connection`, async () => {
      await target.attack(8, limits, async () => {
        const peer = await target.connect();
        peer.send(bytes);
        assert.equal(await peer.takeError(FrameType.GOAWAY), code);
        await peer.end();
      });
    });
  }
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

attack('header bombs: an entry of the table named 10,000 times, Huffman codes of 5 bits', async (target) => {
  await target.attack(16, ['header_size'], async () => {
    const peer = await target.connect();
    const large = indexed('x', Buffer.alloc(3900, 'a'));
    const bomb = Buffer.concat([encodeHeaders(target.dialect.head), large, Buffer.alloc(10_000, 0x80 | 62)]);
    peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, bomb));
    assert.equal((await peer.takeHeaders(1))[':status'], '431');
    const length = 15_000 - 127;
    const huffman = Buffer.concat([
      encodeHeaders(target.dialect.head),
      Buffer.from([0, 1, 120, 255, (length & 127) | 128, length >> 7]),
      // '0' is the code 00000
      Buffer.alloc(15_000),
    ]);
    for (const id of streams(500, 3))
      peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, huffman));
    assert.equal(await target.outcome(peer, 1001), target.dialect.outcomes.empty);
    await peer.end();
  });
});

attack(
  'requests of some octets each for an answer of kilobytes, from clients that never read',
  async (target) => {
    const { echo } = target.dialect;
    const request = (id: number) => {
      const value = id === 1 ? indexed(echo.name, Buffer.from(echo.value)) : Buffer.from([0x80 | 62]);
      const block = Buffer.concat([encodeHeaders(echo.before), value, encodeHeaders(echo.after)]);
      return frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, block);
    };
    const requests = Buffer.concat(streams(5000).map(request));
    const unlimited = 0x7fffffff;
    const hello = Buffer.concat([
      PREFACE,
      frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, unlimited)),
      frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(unlimited - DEFAULT_WINDOW)),
    ]);
    await target.attack(56, echo.limits, async () => {
      const peers = await Promise.all(Array.from({ length: 20 }, () => target.connect(hello)));
      for (const peer of peers) {
        peer.socket.pause();
        peer.send(requests);
      }
      await arrive();
      await Promise.all(peers.map((peer) => peer.end()));
    });
  },
  'fresh',
);

attack('oversized messages are refused by their length', async (target) => {
  await target.attack(4, [target.dialect.sizeLimit], async () => {
    const peer = await target.connect();
    for (const id of streams(500)) {
      peer.send(target.dialect.begin(id, 0xffffffff));
      assert.equal(await target.outcome(peer, id), target.dialect.outcomes.oversized);
    }
    await peer.end();
  });
});
