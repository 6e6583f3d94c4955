/** Clients that mean harm, against a real process over HTTP/1.1: memory, counters, who is served. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RECEIVE_MEMORY } from '../../core/http/limits.ts';
import { Lab } from '../support/lab.ts';
import { Victim } from '../support/victim.ts';

const MIB = 1 << 20;
/** What requests that are not complete may take together, and half as much that is not collected yet. */
const RECEIVE_MIB = (RECEIVE_MEMORY / MIB) * 1.5;
const PASSWORD = 'auth: { authenticator: basicauth }';
const BASIC = 'extensions: { basicauth: { htpasswd: { inline: "ann:secret" } } }';
const CREDENTIALS = `Basic ${Buffer.from('ann:secret').toString('base64')}`;

const lab = new Lab();
let victim: Victim;
const fresh = async (): Promise<void> => {
  (victim as Victim | undefined)?.daemon.process.kill('SIGKILL');
  victim = await Victim.start(lab, { http: 'max_connections: 1100' });
  await victim.serves();
};
before(fresh);
after(() => lab[Symbol.asyncDispose]());

/** A connection that keeps what comes back. */
class Raw {
  readonly socket: Socket;
  received = '';
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket
      .on('error', () => {})
      .on('data', (bytes: Buffer) => {
        this.received += bytes.toString('latin1');
        this.#wake();
      })
      .on('end', () => this.#wake())
      .on('close', () => this.#wake());
  }

  static async open(port = victim.http): Promise<Raw> {
    const socket = connect(port, '127.0.0.1');
    const raw = new Raw(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    return raw;
  }

  /** Until that holds, or the connection is closed. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.socket.destroyed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  get answers(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  }

  close(): void {
    this.socket.destroy();
  }
}

async function crowd(count: number, each: (raw: Raw) => unknown, meanwhile?: () => Promise<unknown>): Promise<void> {
  const descriptors = victim.descriptors;
  const all: Raw[] = [];
  while (all.length < count) {
    const some = await Promise.all(Array.from({ length: Math.min(50, count - all.length) }, () => Raw.open()));
    all.push(...some);
    await Promise.all(some.map(each));
  }
  await meanwhile?.();
  for (const raw of all) raw.close();
  await victim.daemon.until('the connections to be gone', () => victim.descriptors <= descriptors);
}

const head = (more: string): string =>
  `POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n${more}\r\n`;
const REQUEST = `${head('Content-Length: 0\r\n')}`;

test('1,000 connections with a request each; those beyond the limit are closed', async () => {
  await victim.attack(48, ['http connections'], () =>
    crowd(
      1000,
      async (raw) => {
        raw.socket.write(REQUEST);
        await raw.until(() => raw.answers.length === 1);
      },
      async () => {
        const others = await Promise.all(Array.from({ length: 200 }, () => Raw.open()));
        await sleep(100);
        assert.equal(others.filter(({ socket }) => !socket.destroyed && !socket.readableEnded).length, 100);
        for (const raw of others) raw.close();
      },
    ),
  );
});

test('100,000 requests on one connection, 500 at a time without waiting', async () => {
  await fresh();
  await victim.attack(24, [], async () => {
    const raw = await Raw.open();
    for (let round = 0; round < 200; round++) {
      raw.received = '';
      raw.socket.write(REQUEST.repeat(500));
      await raw.until(() => raw.answers.length === 500);
    }
    raw.close();
  });
});

test('1,000 clients that never end their headers', async () => {
  await fresh();
  await victim.attack(80, [], () =>
    crowd(1000, (raw) => raw.socket.write(head(`X: ${'a'.repeat(60_000)}`).slice(0, -4))),
  );
});

test('1,000 clients that never end their body: those that wait longest make room', async () => {
  for (const kind of [`Content-Length: ${10 * MIB}\r\n`, 'Transfer-Encoding: chunked\r\n']) {
    await fresh();
    const size = kind.startsWith('T') ? '1000000\r\n' : '';
    const part = Buffer.alloc(640_000);
    await victim.attack(RECEIVE_MIB, ['http receive_memory'], () =>
      crowd(
        1000,
        async (raw) => {
          raw.socket.write(head(kind) + size);
          raw.socket.write(part);
          await sleep(1);
        },
        async () => {
          await sleep(1500);
          const honest = await Raw.open();
          honest.socket.write(head(`Content-Length: ${3 * MIB}\r\n`));
          honest.socket.write(Buffer.alloc(3 * MIB));
          await honest.until(() => honest.answers.length === 1);
          // zeros are no OTLP; they were read to their end
          assert.deepEqual(honest.answers, [400]);
          honest.close();
        },
      ),
    );
  }
});

test('3 clients that send 300,000 requests each and never read', async () => {
  await fresh();
  const requests = Buffer.from(REQUEST.repeat(300_000));
  const each = (raw: Raw): void => {
    raw.socket.pause();
    raw.socket.write(requests);
  };
  // what the kernel holds is soon full
  await victim.attack(32, [], () => crowd(3, each, () => sleep(5000)));
});

test('half-closed and broken off in the middle', async () => {
  await victim.attack(16, [], () => crowd(500, (raw) => raw.socket.end(`${head(`Content-Length: ${MIB}\r\n`)}half`)));
});

const MALFORMED = ['http malformed'];
const refused: readonly (readonly [string, readonly string[], number, string])[] = [
  [
    'Content-Length beside Transfer-Encoding',
    MALFORMED,
    400,
    `${head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')}0\r\n\r\n`,
  ],
  ['two Content-Length', MALFORMED, 400, head('Content-Length: 5\r\nContent-Length: 5\r\n')],
  ['two Content-Length in one', MALFORMED, 400, head('Content-Length: 5, 5\r\n')],
  ['a signed Content-Length', MALFORMED, 400, head('Content-Length: +5\r\n')],
  ['a folded line', MALFORMED, 400, head('X: a\r\n b\r\n')],
  ['a bare LF', MALFORMED, 400, 'POST / HTTP/1.1\nHost: a\r\n\r\n'],
  ['a bare CR', MALFORMED, 400, head('X: a\rb\r\n')],
  ['a space before the colon', MALFORMED, 400, head('Transfer-Encoding : chunked\r\n')],
  ['Transfer-Encoding: xchunked', MALFORMED, 501, head('Transfer-Encoding: xchunked\r\n')],
  ['Transfer-Encoding: chunked, chunked', MALFORMED, 501, head('Transfer-Encoding: chunked, chunked\r\n')],
  ['Transfer-Encoding twice', MALFORMED, 400, head('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n')],
  ['a vertical tab before chunked', MALFORMED, 400, head('Transfer-Encoding: \vchunked\r\n')],
  ['two Host', MALFORMED, 400, head('Host: b\r\n')],
  [
    'a chunk extension of 1 KiB',
    MALFORMED,
    400,
    `${head('Transfer-Encoding: chunked\r\n')}1;${'x'.repeat(1024)}\r\na\r\n0\r\n\r\n`,
  ],
  ['a chunk longer than it says', MALFORMED, 400, `${head('Transfer-Encoding: chunked\r\n')}1\r\naa\r\n0\r\n\r\n`],
  ['a negative chunk', MALFORMED, 400, `${head('Transfer-Encoding: chunked\r\n')}-1\r\n\r\n`],
  [
    'trailers of 100 KiB',
    MALFORMED,
    400,
    `${head('Transfer-Encoding: chunked\r\n')}0\r\n${`X: ${'y'.repeat(200)}\r\n`.repeat(500)}\r\n`,
  ],
  ['headers of 100 KiB', ['http header_size'], 431, head(`X: ${'a'.repeat(100_000)}\r\n`)],
  ['10,000 headers', ['http header_size'], 431, head('X: a\r\n'.repeat(20_000))],
  ['a body over the limit', ['http body_size'], 400, head(`Content-Length: ${1e12}\r\n`)],
  ['a chunk over the limit', ['http body_size'], 400, `${head('Transfer-Encoding: chunked\r\n')}7fffffff\r\n`],
];
for (const [name, limits, status, text] of refused) {
  test(`refused, and the connection is closed: ${name}`, async () => {
    await victim.attack(8, limits, async () => {
      const raw = await Raw.open();
      // what comes behind must not be taken for a request
      raw.socket.write(`${text}${REQUEST}`, 'latin1');
      await raw.until(() => raw.socket.readableEnded || raw.socket.destroyed);
      assert.deepEqual(raw.answers, [status]);
      raw.close();
    });
  });
}

test('read_header_timeout, read_timeout and idle_timeout end slow clients', async () => {
  const slow = await Victim.start(lab, {
    http: 'read_header_timeout: 300ms, read_timeout: 600ms, idle_timeout: 300ms',
  });
  await slow.attack(8, ['http timeout'], async () => {
    const [header, body, idle] = [await Raw.open(slow.http), await Raw.open(slow.http), await Raw.open(slow.http)];
    header.socket.write('POST /v1/traces HT');
    body.socket.write(`${head('Content-Length: 100\r\n')}a`);
    idle.socket.write(REQUEST);
    // an octet now and then does not help
    const drip = setInterval(() => body.socket.write('a'), 50);
    for (const raw of [header, body, idle]) await raw.until(() => raw.socket.readableEnded || raw.socket.destroyed);
    clearInterval(drip);
    assert.deepEqual([header.answers, body.answers, idle.answers], [[408], [408], [200]]);
  });
  assert.equal(await slow.daemon.stop(), 0);
});

test('who is not authenticated is told so before the body, and cannot make the process hold any', async () => {
  const guarded = await Victim.start(lab, { http: PASSWORD, extensions: BASIC });
  const before = guarded.rss();
  const large = head(`Content-Length: ${20 * MIB}\r\n`);
  const all = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const raw = await Raw.open(guarded.http);
      raw.socket.write(large);
      await raw.until(() => raw.answers.length > 0);
      return raw;
    }),
  );
  assert.ok(all.every((raw) => raw.answers[0] === 401));
  for (const raw of all) {
    raw.socket.write(Buffer.alloc(MIB));
    raw.close();
  }
  await sleep(300);
  assert.ok(guarded.rss() - before < 40 * MIB, 'memory');
  const expecting = await Raw.open(guarded.http);
  expecting.socket.write(head(`Content-Length: 5\r\nExpect: 100-continue\r\nAuthorization: ${CREDENTIALS}\r\n`));
  await expecting.until(() => expecting.answers.length > 0);
  assert.deepEqual(expecting.answers, [100]);
  expecting.close();
  await guarded.serves({ authorization: CREDENTIALS });
  assert.equal(await guarded.daemon.stop(), 0);
});
