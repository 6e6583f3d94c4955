import { copyMatch } from './copy-match.ts';
import { DecompressError } from './error.ts';
import type { GrowingBuffer } from './growing-buffer.ts';

/**
 * LZ4 block format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 *
 *   block    = sequence*
 *   sequence = token byte (literal length in the upper four bits, match length-4 in the lower),
 *              further literal length (only after 15: bytes added up, the last one below 255), literals,
 *              offset (2 bytes, little-endian), further match length (as above)
 *   The last sequence ends after its literals, at least 5 bytes; the last match starts 12 bytes before the end.
 */
const MIN_MATCH = 4;
const LAST_LITERALS = 5;
const MATCH_START_LIMIT = 12;
const MAX_DISTANCE = 65535;
const HASH_BITS = 14;
/** Positions by hash, of the block being searched. One is enough: encoding is not interrupted. */
const TABLE = new Int32Array(1 << HASH_BITS);

const corrupt = (): DecompressError => new DecompressError('lz4: corrupt input');

/** Appends the expanded block; a match may reach back to `windowStart` in the output (linked blocks). */
export function lz4DecodeBlock(b: Buffer, start: number, stop: number, out: GrowingBuffer, windowStart: number): void {
  let at = start;
  let total = 0;
  const extended = (nibble: number): number => {
    total = nibble;
    if (nibble < 15) return total;
    for (;;) {
      if (at >= stop) throw corrupt();
      const byte = b[at++] as number;
      total += byte;
      if (byte < 255) return total;
    }
  };
  while (at < stop) {
    const token = b[at++] as number;
    const literals = extended(token >>> 4);
    if (literals > stop - at) throw corrupt();
    out.append(b, at, at + literals);
    at += literals;
    if (at === stop) return;
    if (at + 2 > stop) throw corrupt();
    const distance = b.readUInt16LE(at);
    at += 2;
    const length = extended(token & 15) + MIN_MATCH;
    if (distance === 0 || distance > out.length - windowStart) throw corrupt();
    out.reserve(length);
    out.length = copyMatch(out.buffer, out.length, distance, length);
  }
  throw corrupt();
}

/** Upper bound of a block for `length` bytes. */
export const lz4Bound = (length: number): number => length + Math.ceil(length / 255) + 16;

/** Writes a block for `b[start, stop)` at `outAt`; `out` has room for `lz4Bound`. Returns the new end. */
export function lz4EncodeBlock(b: Buffer, start: number, stop: number, out: Buffer, outAt: number): number {
  TABLE.fill(0);
  const lastStart = stop - MATCH_START_LIMIT;
  const matchStop = stop - LAST_LITERALS;
  let end = outAt;
  let literal = start;
  let skip = 64;
  for (let at = start; at <= lastStart; ) {
    const word = b.readInt32LE(at);
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
    // positions are kept plus one, so that zero means empty
    const candidate = (TABLE[slot] as number) - 1;
    TABLE[slot] = at + 1;
    if (candidate < start || at - candidate > MAX_DISTANCE || b.readInt32LE(candidate) !== word) {
      at += skip++ >>> 6;
      continue;
    }
    let length = MIN_MATCH;
    while (at + length < matchStop && b[candidate + length] === b[at + length]) length++;
    end = putSequence(b, literal, at, out, end, at - candidate, length);
    at += length;
    literal = at;
    skip = 64;
  }
  return putSequence(b, literal, stop, out, end, 0, 0);
}

/** A sequence; the last one of a block has no match (`length` 0). */
function putSequence(
  b: Buffer,
  start: number,
  stop: number,
  out: Buffer,
  outAt: number,
  distance: number,
  length: number,
): number {
  const literals = stop - start;
  const match = length === 0 ? 0 : length - MIN_MATCH;
  let end = outAt;
  out[end++] = (Math.min(literals, 15) << 4) | Math.min(match, 15);
  if (literals >= 15) end = putExtended(out, end, literals - 15);
  b.copy(out, end, start, stop);
  end += literals;
  if (length === 0) return end;
  out[end++] = distance & 255;
  out[end++] = distance >>> 8;
  return match >= 15 ? putExtended(out, end, match - 15) : end;
}

function putExtended(out: Buffer, outAt: number, value: number): number {
  let end = outAt;
  let rest = value;
  for (; rest >= 255; rest -= 255) out[end++] = 255;
  out[end++] = rest;
  return end;
}
