/** Bodies made to take memory or time, or that are not what they say, against a real process. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import * as zlib from 'node:zlib';
import { compressor } from '../../core/compression/compress.ts';
import { isEncoding } from '../../core/compression/decompress.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { GrpcError } from '../../core/grpc/grpc-error.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { StatusCode } from '../../core/status-code.ts';
import { Lab } from '../support/lab.ts';
import { Victim } from '../support/victim.ts';

const MIB = 1 << 20;
const LIMIT_MIB = 20;
const BOMB = Buffer.alloc(128 * MIB);
const AT_ONCE = 24;
/** Four expand at a time; as much again may not be collected yet. */
const EXPANDING = 4 * 2 * LIMIT_MIB;

const lab = new Lab();
let victim: Victim;
const PROTO = 'application/x-protobuf';
const JSON_TYPE = 'application/json';

before(async () => {
  victim = await Victim.start(lab, { http: `max_request_body_size: ${LIMIT_MIB * MIB}` });
  await victim.serves();
});
after(() => lab[Symbol.asyncDispose]());

async function post(body: Buffer, type: string, encoding?: string): Promise<readonly [number, string]> {
  const headers = { 'content-type': type, ...(encoding === undefined ? {} : { 'content-encoding': encoding }) };
  const answer = await fetch(`http://127.0.0.1:${victim.http}/v1/traces`, { method: 'POST', headers, body });
  return [answer.status, await answer.text()];
}

for (const encoding of ['gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'x-snappy-framed', 'lz4']) {
  test(`bombs in ${encoding} are stopped at the limit`, async () => {
    assert.ok(isEncoding(encoding));
    // of our own compressors less, because they take longer than what is tested
    const bytes = encoding.includes('snappy') || encoding === 'lz4' ? BOMB.subarray(0, 48 * MIB) : BOMB;
    const bomb = encoding === 'zstd' ? zlib.zstdCompressSync(bytes) : await compressor(encoding)(bytes);
    assert.ok(bomb.length < LIMIT_MIB * MIB, `${bomb.length}`);
    await victim.attack(EXPANDING + (AT_ONCE * bomb.length) / MIB, [], async () => {
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => post(bomb, PROTO, encoding)));
      for (const [status, text] of answers) {
        assert.equal(status, 400);
        assert.match(text, /request body too large/);
      }
    });
  });
}

for (const encoding of ['gzip', 'zstd', 'snappy'] as const) {
  test(`bombs in ${encoding} over gRPC`, async () => {
    const bytes = BOMB.subarray(0, 32 * MIB);
    const bomb = encoding === 'zstd' ? zlib.zstdCompressSync(bytes) : await compressor(encoding)(bytes);
    const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port: victim.grpc } });
    await victim.attack(4 * 2 * 4 + (AT_ONCE * bomb.length) / MIB, [], async () => {
      const range = { buffer: bomb, start: 0, end: bomb.length };
      const calls = Array.from({ length: AT_ONCE }, () =>
        client.unary(EXPORT_METHOD.traces, [range], bomb.length, { encoding, timeoutMs: 20_000 }),
      );
      for (const result of await Promise.allSettled(calls)) {
        assert.equal(result.status, 'rejected');
        assert.ok(result.reason instanceof GrpcError);
        assert.equal(result.reason.code, StatusCode.RESOURCE_EXHAUSTED);
      }
    });
    await client.close();
  });
}

const nested = (levels: number): string => `${'{"arrayValue":{"values":['.repeat(levels)}{}${']}}'.repeat(levels)}`;
const spans = (span: string): Buffer => Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[${span}]}]}]}`);
const attribute = (value: string): Buffer => spans(`{"attributes":[{"key":"a","value":${value}}]}`);

const bodies: readonly (readonly [string, number, number, string, () => Buffer])[] = [
  ['JSON 400 lists deep', 200, 8, JSON_TYPE, () => attribute(nested(400))],
  ['JSON 300,000 lists deep', 400, 60, JSON_TYPE, () => attribute(nested(300_000))],
  ['5,000,000 brackets', 400, 60, JSON_TYPE, () => Buffer.from('['.repeat(5_000_000))],
  ['5,000,000 brackets in an unknown key', 400, 60, JSON_TYPE, () => Buffer.from(`{"x":${'['.repeat(5_000_000)}`)],
  ['a string of 15 MiB in JSON', 200, 100, JSON_TYPE, () => spans(`{"name":"${'n'.repeat(15 * MIB)}"}`)],
  ['a string of 15 MiB of escapes', 200, 100, JSON_TYPE, () => spans(`{"name":"${'\\u0041'.repeat(2.5 * MIB)}"}`)],
  [
    '500,000 attributes in JSON',
    200,
    140,
    JSON_TYPE,
    () =>
      spans(`{"attributes":[${Array.from({ length: 500_000 }, () => '{"key":"k","value":{"intValue":1}}').join()}]}`),
  ],
  [
    '1,000,000 attributes in protobuf',
    200,
    60,
    PROTO,
    () => request(Buffer.concat(Array.from({ length: 1e6 }, () => ATTRIBUTE))),
  ],
  ['a string of 15 MiB in protobuf', 200, 60, PROTO, () => request(field(5, Buffer.alloc(15 * MIB, 'n')))],
  ['a trace id of 15 octets', 400, 8, PROTO, () => request(field(1, Buffer.alloc(15, 1)))],
  ['a span id of 9 octets', 400, 8, PROTO, () => request(field(2, Buffer.alloc(9, 1)))],
  ['a trace id of 31 digits in JSON', 400, 8, JSON_TYPE, () => spans(`{"traceId":"${'1'.repeat(31)}"}`)],
  ['a name that is a number', 400, 8, PROTO, () => request(Buffer.from([5 << 3, 1]))],
  ['a length beyond the end', 400, 8, PROTO, () => Buffer.from([10, 255, 255, 255, 255, 7])],
  ['a field of wire type 7', 400, 8, PROTO, () => Buffer.from([15, 1])],
];

/** A length-delimited field. */
function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** An export request with one span of these fields. */
const request = (span: Buffer): Buffer => field(1, field(2, field(2, span)));
const ATTRIBUTE = field(9, Buffer.concat([field(1, Buffer.from('k')), field(2, Buffer.from([24, 1]))]));

for (const [name, status, boundMiB, type, make] of bodies) {
  test(`${status} for ${name}`, async () => {
    const body = make();
    await victim.attack(boundMiB, [], async () => {
      const start = performance.now();
      const [answer, text] = await post(body, type);
      assert.equal(answer, status, text);
      const seconds = (performance.now() - start) / 1000;
      assert.ok(seconds < 5, `${seconds} s`);
    });
  });
}

test('a field nobody knows arrives at the other end', async () => {
  // spans of today end at field 16
  const unknown = Buffer.concat([Buffer.from([0xa2, 0x06]), Buffer.from([15]), Buffer.from('from the future')]);
  const received = Promise.withResolvers<Buffer>();
  const backend = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        received.resolve(Buffer.concat(chunks));
        answer.writeHead(200, { 'content-type': PROTO }).end();
      });
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const { port } = backend.address() as AddressInfo;
  const exporter = `otlp_http: { endpoint: "http://127.0.0.1:${port}", compression: none }`;
  const front = await Victim.start(lab, {
    exporter,
    processors: 'processors: { attributes: { actions: [{ key: a, value: b, action: insert }] } }',
    use: 'attributes',
  });
  const body = request(Buffer.concat([field(5, Buffer.from('name')), unknown]));
  const headers = { 'content-type': PROTO };
  const answer = await fetch(`http://127.0.0.1:${front.http}/v1/traces`, { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
  assert.ok((await received.promise).includes(unknown));
  backend.close();
  assert.equal(await front.daemon.stop(), 0);
});
