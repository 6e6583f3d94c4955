import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { StatusCode } from '../status-code.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { GrpcClient } from './client.ts';
import { GrpcError } from './grpc-error.ts';
import { GrpcServer } from './server.ts';
import type { GrpcClientOptions, GrpcServerOptions, UnaryCall, UnaryHandler } from './types.ts';

const PATH = '/weir.test.Echo/Call';

/** Answers with the request's bytes. */
function echo(call: UnaryCall): void {
  const { buffer, start, end, slab } = call.message;
  const copy = Buffer.from(buffer.subarray(start, end));
  slab?.release();
  call.reply(copy);
}

function range(bytes: Buffer): ByteRange[] {
  return [{ buffer: bytes, start: 0, end: bytes.length }];
}

interface Pair {
  readonly server: GrpcServer;
  readonly client: GrpcClient;
  call(bytes: Buffer, options?: Parameters<GrpcClient['unary']>[3]): Promise<Buffer>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function pair(
  handler: UnaryHandler,
  serverOptions: Partial<GrpcServerOptions> = {},
  clientOptions: Partial<GrpcClientOptions> = {},
): Promise<Pair> {
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: new Map([[PATH, handler]]), ...serverOptions });
  const address = await server.listen();
  const port = (address as AddressInfo).port;
  const target = typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port };
  const client = new GrpcClient({ endpoint: target, ...clientOptions });
  return {
    server,
    client,
    call: async (bytes, options) => (await client.unary(PATH, range(bytes), bytes.length, options)).message,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close(0);
    },
  };
}

const gzip = {
  decompressors: new Map([
    [
      'gzip',
      (message: ByteRange, maxOutputLength: number): ByteRange => {
        const plain = gunzipSync(message.buffer.subarray(message.start, message.end), { maxOutputLength });
        return { buffer: plain, start: 0, end: plain.length };
      },
    ],
  ]),
};

test('messages of every size come back, also beyond the windows', async () => {
  await using p = await pair(echo, { maxReceiveMessageBytes: 64 << 20 }, { maxReceiveMessageBytes: 64 << 20 });
  for (const size of [0, 1, 11, 16_379, 16_380, 65_535, 300_000, 4 << 20, 40 << 20]) {
    const bytes = Buffer.alloc(size, 'weir');
    assert.equal((await p.call(bytes)).equals(bytes), true, `${size} bytes`);
  }
});

test('a message in many ranges is sent as one', async () => {
  await using p = await pair(echo);
  const parts = Array.from({ length: 1000 }, (_, i) => Buffer.alloc(i % 90, `${i}`));
  const message = parts.map((buffer) => ({ buffer, start: 0, end: buffer.length }));
  const all = Buffer.concat(parts);
  assert.deepEqual((await p.client.unary(PATH, message, all.length)).message, all);
});

test('many calls at once on one connection keep their answers apart', async () => {
  await using p = await pair(echo, { maxConcurrentStreams: 10 });
  const calls = Array.from({ length: 2000 }, (_, i) => p.call(Buffer.alloc(i * 10, `${i}`)));
  for (const [i, answer] of (await Promise.all(calls)).entries()) {
    assert.equal(answer.equals(Buffer.alloc(i * 10, `${i}`)), true, `call ${i}`);
  }
});

test('short answers that differ each time are not mixed up', async () => {
  await using p = await pair(echo);
  const texts = Array.from({ length: 500 }, (_, i) => `${(i * 7919) % 1000}`);
  const answers = await Promise.all(texts.map((text) => p.call(Buffer.from(text))));
  assert.deepEqual(answers.map(String), texts);
});

test('a call that answers later does not hold up others', async () => {
  const held: UnaryCall[] = [];
  await using p = await pair((call) => {
    call.message.slab?.release();
    if (held.length === 0) held.push(call);
    else call.reply(Buffer.from('second'));
  });
  const first = p.call(Buffer.from('1'));
  assert.equal((await p.call(Buffer.from('2'))).toString(), 'second');
  held[0]!.reply(Buffer.from('first'));
  held[0]!.reply(Buffer.from('never sent'));
  assert.equal((await first).toString(), 'first');
});

test('a failure carries code, message and details', async () => {
  const details = Buffer.from([8, 14, 18, 1, 0xff]);
  await using p = await pair((call) => {
    call.message.slab?.release();
    call.fail({ code: StatusCode.UNAVAILABLE, message: 'no: 100% "ö"\n', details });
  });
  await assert.rejects(p.call(Buffer.from('x')), (error: GrpcError) => {
    assert.deepEqual([error.code, error.message], [StatusCode.UNAVAILABLE, 'no: 100% "ö"\n']);
    assert.deepEqual(Buffer.from(error.details!), details);
    return true;
  });
});

test('what a handler throws is INTERNAL, and the connection goes on', async () => {
  let calls = 0;
  await using p = await pair((call) => {
    if (calls++ === 0) throw new Error('broken handler');
    echo(call);
  });
  await assert.rejects(p.call(Buffer.from('x')), { code: StatusCode.INTERNAL, message: 'broken handler' });
  assert.equal((await p.call(Buffer.from('y'))).toString(), 'y');
});

test('the handler sees headers, metadata, peer and deadline', async () => {
  let seen: UnaryCall | undefined;
  const metadata = [['X-Tenant', 'a']] as const;
  await using p = await pair(
    (call) => {
      seen = call;
      echo(call);
    },
    {},
    { metadata, authority: 'otel.example', userAgent: 'test/1' },
  );
  const before = performance.now();
  await p.call(Buffer.from('x'), { timeoutMs: 5000, metadata: [['x-tenant', 'b']] });
  assert.equal(seen!.path, PATH);
  assert.equal(seen!.header('user-agent'), 'test/1');
  assert.equal(seen!.header('nothing'), undefined);
  assert.deepEqual(
    [...seen!.headers()],
    [
      [':authority', ['otel.example']],
      ['content-type', ['application/grpc']],
      ['user-agent', ['test/1']],
      ['x-tenant', ['a', 'b']],
    ],
  );
  assert.equal(seen!.peer.address, '127.0.0.1');
  assert.ok(seen!.deadline! >= before + 4999 && seen!.deadline! <= performance.now() + 5001);
});

test('unknown services and methods are UNIMPLEMENTED', async () => {
  await using p = await pair(echo);
  const unary = (path: string): Promise<unknown> => p.client.unary(path, [], 0);
  const code = StatusCode.UNIMPLEMENTED;
  await assert.rejects(unary('/a.B/C'), { code, message: 'unknown service a.B' });
  await assert.rejects(unary('/weir.test.Echo/No'), { code, message: 'unknown method No for service weir.test.Echo' });
  await assert.rejects(unary('/nothing'), { code, message: 'malformed method name: "/nothing"' });
});

test('a message over the limit is RESOURCE_EXHAUSTED on either side, without reading it all', async () => {
  await using p = await pair(echo, { maxReceiveMessageBytes: 100_000 }, { maxReceiveMessageBytes: 50_000 });
  const code = StatusCode.RESOURCE_EXHAUSTED;
  await assert.rejects(p.call(Buffer.alloc(30 << 20)), {
    code,
    message: 'grpc: received message larger than max (31457280 vs. 100000)',
  });
  await assert.rejects(p.call(Buffer.alloc(60_000)), {
    code,
    message: 'grpc: received message larger than max (60000 vs. 50000)',
  });
  assert.equal((await p.call(Buffer.alloc(50_000))).length, 50_000);
});

test('compressed messages are decompressed, within the limit', async () => {
  await using p = await pair(echo, { ...gzip, maxReceiveMessageBytes: 1000 });
  const send = (plain: Buffer, encoding: string): Promise<Buffer> => p.call(gzipSync(plain), { encoding });
  assert.equal((await send(Buffer.alloc(1000, 'z'), 'gzip')).length, 1000);
  await assert.rejects(send(Buffer.alloc(1001, 'z'), 'gzip'), { code: StatusCode.INTERNAL });
  await assert.rejects(send(Buffer.alloc(1), 'br'), {
    code: StatusCode.UNIMPLEMENTED,
    message: 'grpc: Decompressor is not installed for grpc-encoding "br"',
  });
  await assert.rejects(send(Buffer.alloc(1), 'identity'), { code: StatusCode.INTERNAL });
});

test('the memory of a compressed message is given back, whether it can be read or not', async () => {
  let releases = 0;
  const decompressors = new Map([
    [
      'gzip',
      ({ buffer, start, end, slab }: ByteRange): ByteRange => {
        const release = slab!.release.bind(slab);
        slab!.release = () => {
          releases++;
          release();
        };
        const plain = gunzipSync(buffer.subarray(start, end));
        return { buffer: plain, start: 0, end: plain.length };
      },
    ],
  ]);
  // the client takes from the same pool, so what counts is what happened before the answer
  let releasedBefore = 0;
  const handler = (call: UnaryCall): void => {
    releasedBefore = releases;
    echo(call);
  };
  await using p = await pair(handler, { decompressors });
  await p.call(gzipSync('ok'), { encoding: 'gzip' });
  assert.equal(releasedBefore, 1);
  releases = 0;
  await assert.rejects(p.call(Buffer.from('not gzip'), { encoding: 'gzip' }), { code: StatusCode.INTERNAL });
  assert.ok(releases > 0);
});

test('an asynchronous authenticator refuses or adds to the call', async () => {
  let auth: unknown;
  await using p = await pair(
    (call) => {
      auth = call.auth;
      echo(call);
    },
    {
      async authenticate(call) {
        const token = call.header('authorization');
        if (token === undefined) throw new Error('missing credentials');
        if (token !== 'Bearer ok') throw new GrpcError(StatusCode.PERMISSION_DENIED, 'not you');
        return new Map([['subject', 'me']]);
      },
    },
  );
  const as = (token: string): Promise<Buffer> => p.call(Buffer.from('x'), { metadata: [['authorization', token]] });
  await assert.rejects(p.call(Buffer.from('x')), { code: StatusCode.UNAUTHENTICATED, message: 'missing credentials' });
  await assert.rejects(as('Bearer no'), { code: StatusCode.PERMISSION_DENIED, message: 'not you' });
  await as('Bearer ok');
  assert.deepEqual(auth, new Map([['subject', 'me']]));
});

test('a deadline ends the call at both ends', async () => {
  const held: UnaryCall[] = [];
  await using p = await pair((call) => {
    call.message.slab?.release();
    held.push(call);
  });
  // on a busy machine a short time may be over before the call is there
  for (let timeoutMs = 50; held.length === 0; timeoutMs *= 2) {
    await assert.rejects(p.call(Buffer.from('x'), { timeoutMs }), { code: StatusCode.DEADLINE_EXCEEDED });
  }
  while (!held[0]!.cancelled) await sleep(5);
  held[0]!.reply(Buffer.from('too late'));
});

test('a Unix socket serves too', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-grpc-')), 'sock');
  await using p = await pair(echo, { endpoint: { path } });
  assert.equal((await p.call(Buffer.from('x'))).toString(), 'x');
});

test('IPv6 serves too', async () => {
  const server = new GrpcServer({ endpoint: { host: '::1', port: 0 }, methods: new Map([[PATH, echo]]) });
  const { port } = (await server.listen()) as AddressInfo;
  const client = new GrpcClient({ endpoint: { host: '::1', port } });
  await client.unary(PATH, [], 0);
  await client.close();
  await server.close(0);
});

test('closing waits for calls in flight, refuses new ones, and is repeatable', async () => {
  const held: UnaryCall[] = [];
  await using p = await pair((call) => {
    call.message.slab?.release();
    held.push(call);
  });
  const inFlight = p.call(Buffer.from('x'));
  while (held.length === 0) await sleep(5);
  let closed = false;
  const closing = p.server.close(5000).then(() => {
    closed = true;
  });
  await sleep(50);
  assert.equal(closed, false);
  await assert.rejects(p.call(Buffer.from('y')), { code: StatusCode.UNAVAILABLE });
  held[0]!.reply(Buffer.from('done'));
  assert.equal((await inFlight).toString(), 'done');
  await closing;
  await p.server.close(0);
});

test('closing ends what does not finish in time', async () => {
  await using p = await pair((call) => call.message.slab?.release());
  const stuck = p.call(Buffer.from('x'));
  stuck.catch(() => {});
  await sleep(30);
  await p.server.close(50);
  await assert.rejects(stuck, { code: StatusCode.UNAVAILABLE });
});
