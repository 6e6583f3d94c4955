import { copyMatch } from './copy-match.ts';
import { DecompressError } from './error.ts';

/**
 * Snappy block format, https://github.com/google/snappy/blob/main/format_description.txt
 *
 *   block   = varint uncompressed length (at most 2^32-1), element*
 *   element = tag byte, its low two bits:
 *     00 literal: length-1 in the upper six bits, or 60..63 and the length-1 in the next 1..4 bytes, little-endian
 *     01 copy:    length-4 in bits 2..4, offset in bits 5..7 (high) and the next byte
 *     10 copy:    length-1 in the upper six bits, offset in the next 2 bytes, little-endian
 *     11 copy:    as 10 with an offset of 4 bytes
 */

/** A copy of 64 bytes takes 3 bytes at least, so no honest block expands by more. */
const MAX_EXPANSION = 64 / 3;

const corrupt = (): DecompressError => new DecompressError('snappy: corrupt input');

/** The uncompressed length a block claims and where its elements begin. */
function readLength(b: Buffer): { readonly length: number; readonly at: number } {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = b[at];
    if (byte === undefined) throw corrupt();
    length += (byte & 127) * 2 ** (7 * at);
    if (byte < 128) {
      if (length > 0xffffffff) throw corrupt();
      return { length, at: at + 1 };
    }
  }
  throw corrupt();
}

/** Expands a block; throws a DecompressError. The claimed length is checked before memory is taken for it. */
export function snappyDecode(b: Buffer, limit: number): Buffer {
  const { length, at } = readLength(b);
  if (length > limit) throw DecompressError.tooLarge(limit);
  if (length > (b.length - at) * MAX_EXPANSION) throw corrupt();
  const out = Buffer.allocUnsafe(length);
  if (decodeElements(b, at, out) !== length) throw corrupt();
  return out;
}

function decodeElements(b: Buffer, start: number, out: Buffer): number {
  let at = start;
  let end = 0;
  while (at < b.length) {
    const tag = b[at++] as number;
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) {
        const extra = length - 60;
        if (at + extra > b.length) throw corrupt();
        length = b.readUIntLE(at, extra) + 1;
        at += extra;
      }
      if (length > b.length - at || length > out.length - end) throw corrupt();
      b.copy(out, end, at, at + length);
      at += length;
      end += length;
      continue;
    }
    const width = kind === 3 ? 4 : kind;
    if (at + width > b.length) throw corrupt();
    let distance = b.readUIntLE(at, width);
    at += width;
    if (kind === 1) {
      length = ((tag >>> 2) & 7) + 4;
      distance |= (tag >>> 5) << 8;
    }
    if (distance === 0 || distance > end || length > out.length - end) throw corrupt();
    end = copyMatch(out, end, distance, length);
  }
  return end;
}

/** Matches are looked for inside pieces of this size, so that an offset always fits two bytes. */
const PIECE = 65536;
const HASH_BITS = 14;
/** Positions by hash, of the piece being searched. One is enough: encoding is not interrupted. */
const TABLE = new Int32Array(1 << HASH_BITS);
/** Below this a piece is not worth searching. */
const MIN_SEARCH = 16;

/** Upper bound of the block for `length` bytes: the varint, and one literal tag (up to 5 bytes) a piece. */
const snappyBound = (length: number): number => 32 + length + Math.ceil(length / 6);

/** One block holding `input`. */
export function snappyEncode(input: Buffer): Buffer {
  const out = Buffer.allocUnsafe(snappyBound(input.length));
  let end = 0;
  let rest = input.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) out[end++] = (rest & 127) | 128;
  out[end++] = rest;
  for (let start = 0; start < input.length; start += PIECE) {
    end = encodePiece(input, start, Math.min(input.length, start + PIECE), out, end);
  }
  return out.subarray(0, end);
}

function encodePiece(b: Buffer, start: number, stop: number, out: Buffer, outAt: number): number {
  let end = outAt;
  let literal = start;
  if (stop - start >= MIN_SEARCH) {
    // positions are kept relative to the piece plus one, so that zero means empty
    TABLE.fill(0);
    // four bytes at once, without the checks of Buffer's methods
    const words = new DataView(b.buffer, b.byteOffset, b.length);
    const last = stop - 4;
    let skip = 32;
    for (let at = start; at <= last; ) {
      const word = words.getInt32(at, true);
      const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
      const candidate = start + (TABLE[slot] as number) - 1;
      TABLE[slot] = at - start + 1;
      if (candidate < start || words.getInt32(candidate, true) !== word) {
        // the longer nothing matches, the larger the steps: incompressible data passes quickly
        at += skip++ >>> 5;
        continue;
      }
      let length = 4;
      while (at + length <= last && words.getInt32(candidate + length, true) === words.getInt32(at + length, true))
        length += 4;
      while (at + length < stop && b[candidate + length] === b[at + length]) length++;
      end = putLiteral(b, literal, at, out, end);
      end = putCopy(out, end, at - candidate, length);
      at += length;
      literal = at;
      skip = 32;
    }
  }
  return putLiteral(b, literal, stop, out, end);
}

function putLiteral(b: Buffer, start: number, stop: number, out: Buffer, outAt: number): number {
  let end = outAt;
  const n = stop - start - 1;
  if (n < 0) return end;
  if (n < 60) {
    out[end++] = n << 2;
  } else if (n < 256) {
    out[end++] = 60 << 2;
    out[end++] = n;
  } else {
    out[end++] = 61 << 2;
    out[end++] = n & 255;
    out[end++] = n >>> 8;
  }
  b.copy(out, end, start, stop);
  return end + n + 1;
}

function putCopy(out: Buffer, outAt: number, distance: number, matched: number): number {
  let end = outAt;
  let left = matched;
  while (left > 0) {
    const length = Math.min(left, 64);
    out[end++] = ((length - 1) << 2) | 2;
    out[end++] = distance & 255;
    out[end++] = distance >>> 8;
    left -= length;
  }
  return end;
}
