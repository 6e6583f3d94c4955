import { DecompressError } from './error.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { lz4Bound, lz4DecodeBlock, lz4EncodeBlock } from './lz4-block.ts';
import { xxhash32 } from './xxhash32.ts';

/**
 * LZ4 frame format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md (numbers little-endian)
 *
 *   frame  = magic 0x184d2204, FLG, BD, [content size 8], [dictionary id 4], HC, block*, end mark 0 (4), [checksum 4]
 *   FLG    = version 01 in bits 6-7, blocks independent 5, block checksums 4, content size 3, content checksum 2,
 *            dictionary id 0
 *   BD     = block maximum size in bits 4-6: 4 is 64 KiB, 5 256 KiB, 6 1 MiB, 7 4 MiB
 *   HC     = second byte of xxh32 of the descriptor from FLG on
 *   block  = size (4; the highest bit set: stored as it is), data, [xxh32 of the data as stored]
 *   0x184d2a50..5f, size (4), that many bytes: a frame to skip
 */
const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;
const STORED = 0x80000000;
const INDEPENDENT = 1 << 5;
const BLOCK_CHECKSUM = 1 << 4;
const CONTENT_SIZE = 1 << 3;
const CONTENT_CHECKSUM = 1 << 2;
const DICTIONARY = 1;

const corrupt = (): DecompressError => new DecompressError('lz4: corrupt input');
const need = (b: Buffer, at: number, size: number): void => {
  if (at + size > b.length) throw new DecompressError('lz4: unexpected end of input');
};

/** Expands the frames in `b`, one after another. */
export function lz4Decode(b: Buffer, limit: number): Buffer {
  const out = new GrowingBuffer(limit);
  let at = 0;
  while (at < b.length) {
    need(b, at, 8);
    const magic = b.readUInt32LE(at);
    if (magic === MAGIC) {
      at = decodeFrame(b, at + 4, out);
    } else if ((magic & ~15) === SKIPPABLE) {
      const size = b.readUInt32LE(at + 4);
      need(b, at + 8, size);
      at += 8 + size;
    } else {
      throw new DecompressError('lz4: bad magic number');
    }
  }
  return out.bytes();
}

function decodeFrame(b: Buffer, start: number, out: GrowingBuffer): number {
  const flags = b[start] as number;
  const descriptor = b[start + 1] as number;
  if (flags >>> 6 !== 1 || (flags & DICTIONARY) !== 0) throw new DecompressError('lz4: unsupported frame');
  const maxBlock = (descriptor >>> 4) & 7;
  if (maxBlock < 4) throw corrupt();
  const blockLimit = 2 ** (8 + 2 * maxBlock);
  let at = start + 2 + ((flags & CONTENT_SIZE) !== 0 ? 8 : 0);
  need(b, at, 1);
  if (((xxhash32(b, start, at) >>> 8) & 255) !== b[at]) throw new DecompressError('lz4: header checksum mismatch');
  at++;

  const frameStart = out.length;
  for (;;) {
    need(b, at, 4);
    const head = b.readUInt32LE(at);
    at += 4;
    if (head === 0) break;
    const size = head >= STORED ? head - STORED : head;
    if (size > blockLimit) throw corrupt();
    need(b, at, size + ((flags & BLOCK_CHECKSUM) !== 0 ? 4 : 0));
    const blockStart = out.length;
    if (head >= STORED) out.append(b, at, at + size);
    else lz4DecodeBlock(b, at, at + size, out, (flags & INDEPENDENT) !== 0 ? blockStart : frameStart);
    if (out.length - blockStart > blockLimit) throw corrupt();
    const from = at;
    at += size;
    if ((flags & BLOCK_CHECKSUM) !== 0) at = verify(b, at, xxhash32(b, from, from + size));
  }
  if ((flags & CONTENT_CHECKSUM) === 0) return at;
  need(b, at, 4);
  return verify(b, at, xxhash32(out.buffer, frameStart, out.length));
}

function verify(b: Buffer, at: number, hash: number): number {
  if (b.readUInt32LE(at) !== hash) throw new DecompressError('lz4: checksum mismatch');
  return at + 4;
}

/** Of the blocks we write; the largest there is, as a body is rarely more than one. */
const BLOCK_SIZE = 4 << 20;
const BLOCK_SIZE_CODE = 7;

/** One frame with independent blocks and a content checksum. */
export function lz4Encode(input: Buffer): Buffer {
  const blocks = Math.ceil(input.length / BLOCK_SIZE);
  const out = Buffer.allocUnsafe(lz4Bound(input.length) + 32 + blocks * 20);
  out.writeUInt32LE(MAGIC, 0);
  out[4] = (1 << 6) | INDEPENDENT | CONTENT_CHECKSUM;
  out[5] = BLOCK_SIZE_CODE << 4;
  out[6] = (xxhash32(out, 4, 6) >>> 8) & 255;
  let at = 7;
  for (let start = 0; start < input.length; start += BLOCK_SIZE) {
    const stop = Math.min(input.length, start + BLOCK_SIZE);
    const end = lz4EncodeBlock(input, start, stop, out, at + 4);
    const size = end - at - 4;
    if (size < stop - start) {
      out.writeUInt32LE(size, at);
      at = end;
    } else {
      out.writeUInt32LE(STORED + stop - start, at);
      at += 4 + input.copy(out, at + 4, start, stop);
    }
  }
  at = out.writeUInt32LE(0, at);
  at = out.writeUInt32LE(xxhash32(input, 0, input.length), at);
  return out.subarray(0, at);
}
