import { Char, HEX_VALUE } from './chars.ts';
import type { Scanner } from './scanner.ts';

/** After a backslash: writes what the escape stands for to `out` at `at`; returns the position after it. */
export function copyEscape(scanner: Scanner, out: Uint8Array, at: number): number {
  const char = nextByte(scanner);
  if (char === Char.LOWER_U) return copyUnicode(scanner, out, at);
  const plain = ESCAPES[char] as number;
  if (plain === 0) throw scanner.unexpected('one of "\\/bfnrtu after a backslash');
  out[at] = plain;
  return at + 1;
}

/** What a backslash and a character stand for, by the character; 0 where they stand for nothing. */
const ESCAPES = new Uint8Array(256);
for (const [char, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'].map((pair) => [...pair])) {
  ESCAPES[(char as string).charCodeAt(0)] = (meaning as string).charCodeAt(0);
}

const REPLACEMENT = 0xfffd;
const isSurrogate = (rune: number): boolean => rune >= 0xd800 && rune <= 0xdfff;

/** After `\u`. Half a surrogate pair becomes U+FFFD, as Go has it. */
function copyUnicode(scanner: Scanner, out: Uint8Array, at: number): number {
  const first = hex4(scanner);
  if (!isSurrogate(first)) return writeRune(out, at, first);
  if (nextByte(scanner) !== Char.BACKSLASH) {
    scanner.position--;
    return writeRune(out, at, REPLACEMENT);
  }
  if (scanner.bytes[scanner.position] !== Char.LOWER_U) {
    return copyEscape(scanner, out, writeRune(out, at, REPLACEMENT));
  }
  scanner.position++;
  const second = hex4(scanner);
  if (first < 0xdc00 && second >= 0xdc00 && second <= 0xdfff) {
    return writeRune(out, at, 0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00));
  }
  return writeRune(out, writeRune(out, at, REPLACEMENT), isSurrogate(second) ? REPLACEMENT : second);
}

function hex4(scanner: Scanner): number {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const digit = HEX_VALUE[nextByte(scanner)] as number;
    if (digit > 15) throw scanner.unexpected('four hex digits after \\u');
    value = value * 16 + digit;
  }
  return value;
}

function nextByte(scanner: Scanner): number {
  if (scanner.position >= scanner.end) throw scanner.failure('unexpected end of input in a string');
  return scanner.bytes[scanner.position++] as number;
}

/** UTF-8 of a code point that is no surrogate (RFC 3629). */
function writeRune(out: Uint8Array, at: number, rune: number): number {
  let to = at;
  if (rune < 0x80) {
    out[to++] = rune;
    return to;
  }
  if (rune < 0x800) {
    out[to++] = 0xc0 | (rune >> 6);
  } else {
    if (rune < 0x10000) {
      out[to++] = 0xe0 | (rune >> 12);
    } else {
      out[to++] = 0xf0 | (rune >> 18);
      out[to++] = 0x80 | ((rune >> 12) & 0x3f);
    }
    out[to++] = 0x80 | ((rune >> 6) & 0x3f);
  }
  out[to++] = 0x80 | (rune & 0x3f);
  return to;
}
