import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { compressor } from './compress.ts';
import { crc32c } from './crc32c.ts';
import { decompress, ENCODINGS, type Encoding } from './decompress.ts';
import { DecompressError } from './error.ts';
import { xxhash32 } from './xxhash32.ts';

const LIMIT = 1 << 24;
const text = Buffer.from(Array.from({ length: 40 }, (_, i) => `span ${i * i} of service checkout, `).join(''));

/** `text` as other implementations write it: Go's snappy 1.0.0 and pierrec/lz4 4.1.27. */
const FOREIGN: readonly (readonly [Encoding, string])[] = [
  [
    'snappy',
    'qglsc3BhbiAwIG9mIHNlcnZpY2UgY2hlY2tvdXQsIAUcADFqHAAANGocAAA5ahwABDE2ah0ABDI1ah0AADNuOgAANG50AAA2bq0A' +
      'ADhu5gAEMTByIAEAMnI8AAA0bncABDE2brIABDE5bu0AADJyKAEEMjVyPAAAOG54AAQzMm60AAQzNm7wAAA0ciwBBDQ0cjwAADhu' +
      'eAAENTJutAAENTdu8AAANnIsAQA2cjwAADdyeAAAN3K0AAA4cvAAADlyLAEAOXJoAQQxMHKlAQQxMHLiAQQxMXIfAgAxdlwCBDEy' +
      'cpkCBDEzdtYCADR2EwMANV5QAw==',
  ],
  [
    'snappy',
    '/wYAAHNOYVBwWQD4AAC1zaQbqglsc3BhbiAwIG9mIHNlcnZpY2UgY2hlY2tvdXQsIAUcADFqHAAANGocAAA5ahwABDE2ah0ABDI1' +
      'ah0AADNuOgAANG50AAA2bq0AADhu5gAEMTByIAEAMnI8AAA0bncABDE2brIABDE5bu0AADJyKAEEMjVyPAAAOG54AAQzMm60AAQz' +
      'Nm7wAAA0ciwBBDQ0cjwAADhueAAENTJutAAENTdu8AAANnIsAQA2cjwAADdyeAAAN3K0AAA4cvAAADlyLAEAOXJoAQQxMHKlAQQx' +
      'MHLiAQQxMXIfAgAxdlwCBDEycpkCBDEzdtYCADR2EwMANV5QAw==',
  ],
  [
    'x-snappy-framed',
    '/wYAAHNOYVBwWQD4AAC1zaQbqglsc3BhbiAwIG9mIHNlcnZpY2UgY2hlY2tvdXQsIAUcADFqHAAANGocAAA5ahwABDE2ah0ABDI1' +
      'ah0AADNuOgAANG50AAA2bq0AADhu5gAEMTByIAEAMnI8AAA0bncABDE2brIABDE5bu0AADJyKAEEMjVyPAAAOG54AAQzMm60AAQz' +
      'Nm7wAAA0ciwBBDQ0cjwAADhueAAENTJutAAENTdu8AAANnIsAQA2cjwAADdyeAAAN3K0AAA4cvAAADlyLAEAOXJoAQQxMHKlAQQx' +
      'MHLiAQQxMXIfAgAxdlwCBDEycpkCBDEzdtYCADR2EwMANV5QAw==',
  ],
  [
    'lz4',
    'BCJNGGRwuQUBAADxDXNwYW4gMCBvZiBzZXJ2aWNlIGNoZWNrb3V0LCAcAB8xHAAIHzQcAAgfORwACC8xNh0ACC8yNR0ACB8zOgAJ' +
      'HzR0AAkfNq0ACR845gAJLzEwIAEKHzI8AAofNHcACS8xNrIACS8xOe0ACR8yKAEKLzI1PAAKHzh4AAkvMzK0AAkvMzbwAAkfNCwB' +
      'Ci80NDwACh84eAAJLzUytAAJLzU38AAJHzYsAQofNjwACh83eAAKHze0AAofOPAACh85LAEKHzloAQovMTClAQovMTDiAQovMTEf' +
      'AgofMVwCCy8xMpkCCi8xM9YCCx80EwMLEDVQAwCOBACOBMBlIGNoZWNrb3V0LCAAAAAAKHE/Wg==',
  ],
  [
    'lz4',
    'BCJNGHxAqgQAAAAAAAC1BQEAAPENc3BhbiAwIG9mIHNlcnZpY2UgY2hlY2tvdXQsIBwAHzEcAAgfNBwACB85HAAILzE2HQAILzI1' +
      'HQAIHzM6AAkfNHQACR82rQAJHzjmAAkvMTAgAQofMjwACh80dwAJLzE2sgAJLzE57QAJHzIoAQovMjU8AAofOHgACS8zMrQACS8z' +
      'NvAACR80LAEKLzQ0PAAKHzh4AAkvNTK0AAkvNTfwAAkfNiwBCh82PAAKHzd4AAofN7QACh848AAKHzksAQofOWgBCi8xMKUBCi8x' +
      'MOIBCi8xMR8CCh8xXAILLzEymQIKLzEz1gILHzQTAwsQNVADAI4EAI4EwGUgY2hlY2tvdXQsIDEKoMcAAAAAKHE/Wg==',
  ],
];

/** Deterministic bytes; `symbols` says how well they compress. */
function sample(length: number, symbols: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = (state >>> 16) % symbols;
  }
  return bytes;
}

test('bytes written by other implementations expand', async () => {
  for (const [encoding, base64] of FOREIGN) {
    const expanded = await decompress(encoding, Buffer.from(base64, 'base64'), text.length);
    assert.equal(expanded.toString(), text.toString(), encoding);
  }
});

test('what is compressed expands to the same bytes, at every edge of the formats', async () => {
  const lengths = [0, 1, 3, 4, 11, 12, 13, 16, 59, 60, 61, 64, 68, 255, 256, 257, 65535, 65536, 65537, 200_000];
  for (const encoding of ENCODINGS) {
    for (const symbols of [1, 3, 256]) {
      for (const length of lengths) {
        const input = sample(length, symbols);
        const expanded = await decompress(encoding, await compressor(encoding)(input), LIMIT);
        assert.ok(expanded.equals(input), `${encoding}, ${length} bytes of ${symbols} symbols`);
      }
    }
  }
});

test('lz4 blocks over 4 MiB are cut', async () => {
  const input = sample((4 << 20) + 1, 2);
  assert.ok((await decompress('lz4', await compressor('lz4')(input), LIMIT)).equals(input));
});

test('expansion stops at the limit', async () => {
  const bomb = Buffer.alloc(1 << 22);
  for (const encoding of ENCODINGS) {
    const small = await compressor(encoding)(bomb);
    await assert.rejects(
      async () => decompress(encoding, small, bomb.length - 1),
      (error) => error instanceof DecompressError && error.tooLarge,
      encoding,
    );
    assert.equal((await decompress(encoding, small, bomb.length)).length, bomb.length);
  }
});

test('a large compressed body is expanded by another thread, with the same limit', async () => {
  const input = sample(200_000, 256);
  for (const encoding of ['gzip', 'zstd', 'zlib'] as const) {
    const small = await compressor(encoding)(input);
    const pending = decompress(encoding, small, LIMIT);
    assert.ok(pending instanceof Promise);
    assert.ok((await pending).equals(input));
    await assert.rejects(async () => decompress(encoding, small, 100_000), { tooLarge: true });
    await assert.rejects(
      async () => decompress(encoding, small.subarray(0, small.length - 20), LIMIT),
      DecompressError,
    );
  }
});

test('a snappy block that claims more than it can hold takes no memory', () => {
  const claims16MiB = Buffer.from([0x80, 0x80, 0x80, 0x08, 0x00, 0x61]);
  assert.throws(() => decompress('snappy', claims16MiB, LIMIT), { message: 'snappy: corrupt input', tooLarge: false });
});

test('cut and damaged input is refused and never crashes', async () => {
  for (const encoding of ENCODINGS) {
    const good = await compressor(encoding)(text);
    for (let cut = 1; cut < good.length; cut++) {
      const expanded = await outcome(encoding, good.subarray(0, cut));
      // the end of a snappy stream is not marked, so a cut between chunks cannot be told
      if (expanded !== undefined) assert.ok(expanded.length < text.length, `${encoding} cut at ${cut}`);
    }
    for (let at = 0; at < good.length; at++) {
      const damaged = Buffer.from(good);
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      await outcome(encoding, damaged);
    }
  }
  for (let round = 0; round < 2000; round++) {
    for (const encoding of ENCODINGS) await outcome(encoding, sample(1 + (round % 97), 256).subarray(round % 13));
  }
});

/** What comes out, or undefined where the input is refused in the proper way. */
async function outcome(encoding: Encoding, input: Buffer): Promise<Buffer | undefined> {
  try {
    return await decompress(encoding, input, LIMIT);
  } catch (error) {
    assert.ok(error instanceof DecompressError, String(error));
    return undefined;
  }
}

test('gzip failures have the words that senders know', () => {
  assert.throws(() => decompress('gzip', Buffer.from('not gzip at all'), LIMIT), { message: 'gzip: invalid header' });
  const cut = zlib.gzipSync(text).subarray(0, 40);
  assert.throws(() => decompress('gzip', cut, LIMIT), { message: 'unexpected EOF' });
});

test('levels reach the compressor', () => {
  const input = sample(8000, 16);
  const gzip = (level: number) => (compressor('gzip', level)(text) as Buffer).length;
  assert.ok(gzip(1) > gzip(9));
  assert.equal(gzip(0), gzip(-1));
  for (const level of [-7, 0, 3, 22, 99]) {
    const packed = compressor('zstd', level)(input) as Buffer;
    assert.ok((decompress('zstd', packed, LIMIT) as Buffer).equals(input), `zstd level ${level}`);
  }
  for (const level of [-2, -1, 0, 1, 9]) {
    for (const encoding of ['gzip', 'zlib', 'deflate'] as const) {
      const packed = compressor(encoding, level)(input) as Buffer;
      assert.ok((decompress(encoding, packed, LIMIT) as Buffer).equals(input), `${encoding} level ${level}`);
    }
  }
});

test('check sums agree with published values', () => {
  const digits = Buffer.from('123456789');
  assert.equal(crc32c(digits, 0, 9), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32), 0, 32), 0x8a9136aa);
  assert.equal(xxhash32(Buffer.alloc(0), 0, 0), 0x02cc5d05);
  assert.equal(xxhash32(Buffer.from('abc'), 0, 3), 0x32d153ff);
  assert.equal(xxhash32(Buffer.from('Nobody inspects the spammish repetition'), 0, 39), 0xe2293b2f);
});
