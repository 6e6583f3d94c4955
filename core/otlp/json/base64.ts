import { Char } from './chars.ts';
import type { Scanner } from './scanner.ts';
import type { ProtoWriter } from './writer.ts';

/** Value of a character of the standard alphabet (RFC 4648 §4); NOT_IN_ALPHABET for every other byte. */
const VALUES = new Uint8Array(256).fill(0xff);
for (const [value, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  VALUES[char.charCodeAt(0)] = value;
}

const PADDING = 0x3d;

/**
 * Reads a string of padded base64 and writes its bytes with their length before; `out` has room for the rest of the
 * input. Line ends are passed over, bits that are left over are ignored, as in Go. Returns whether there are any bytes.
 */
export function writeBase64(input: Scanner, out: ProtoWriter): boolean {
  const text = input.raw();
  const first = input.position - 1 - text.length;
  const start = out.open(1);
  const { bytes } = out;
  let bits = 0;
  let digits = 0;
  let padding = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as number;
    if (char === Char.RETURN || char === Char.NEWLINE) continue;
    const value = VALUES[char] as number;
    if (char === PADDING) padding++;
    else if (value > 0x3f || padding > 0) throw input.failure('expected base64', first + i);
    else {
      bits = (bits << 6) | value;
      // every digit after the first of four completes a byte
      if (digits++ % 4 !== 0) bytes[out.length++] = bits >> (6 - 2 * ((digits - 1) % 4));
    }
  }
  const isWhole = (digits + padding) % 4 === 0 && padding <= 2 && (padding === 0 || digits % 4 !== 0);
  if (!isWhole) throw input.failure('expected base64', first);
  out.close(start, 1);
  return digits > 0;
}
