import { Char } from './chars.ts';

/** Text of ASCII characters that is printed often: its size, and its bytes as little-endian words. */
export interface Words {
  readonly size: number;
  readonly words: Uint32Array;
}

export function wordsOf(text: string): Words {
  const bytes = Buffer.alloc(Math.ceil(text.length / 4) * 4, text.padEnd(text.length + 3), 'latin1');
  const words = Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(i * 4));
  return { size: text.length, words };
}

/**
 * JSON text that grows at the end, written as the collector writes it. The caller reserves room before it writes; how
 * much each method takes is said there.
 */
export class JsonPrinter {
  bytes: Buffer;
  view: DataView;
  length = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Room for `size` more bytes. */
  reserve(size: number): void {
    if (this.bytes.length - this.length >= size) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + size));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** One byte. */
  char(char: number): void {
    this.bytes[this.length++] = char;
  }

  /** Fixed text, four bytes at a time: takes up to three bytes more than it adds. */
  words(text: Words): void {
    const { view } = this;
    const { words } = text;
    let at = this.length;
    for (let i = 0; i < words.length; i++, at += 4) view.setUint32(at, words[i] as number, true);
    this.length += text.size;
  }

  /** Up to MAX_NUMBER bytes. */
  ascii(text: string): void {
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  /**
   * A string in quotes; reserves for itself. Bytes that are not UTF-8 stay, and so do <, > and &, as in the collector.
   */
  string(source: Buffer, start: number, end: number): void {
    this.reserve(1);
    this.char(Char.QUOTE);
    for (let from = start; from < end; from += CHUNK) this.#text(source, from, Math.min(from + CHUNK, end));
    this.reserve(1);
    this.char(Char.QUOTE);
  }

  #text(source: Buffer, start: number, end: number): void {
    this.reserve((end - start) * LONGEST_ESCAPE);
    const { bytes } = this;
    let at = this.length;
    for (let i = start; i < end; i++) {
      const byte = source[i] as number;
      if (byte >= Char.SPACE && byte !== Char.QUOTE && byte !== Char.BACKSLASH) bytes[at++] = byte;
      else at = writeEscape(bytes, at, byte);
    }
    this.length = at;
  }

  /** An id in hex, in quotes; reserves for itself. */
  hex(source: Buffer, start: number, end: number): void {
    this.reserve((end - start) * 2 + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = Char.QUOTE;
    for (let i = start; i < end; i++) {
      const byte = source[i] as number;
      bytes[at++] = HEX_DIGITS[byte >> 4] as number;
      bytes[at++] = HEX_DIGITS[byte & 15] as number;
    }
    bytes[at++] = Char.QUOTE;
    this.length = at;
  }

  /** Standard alphabet, padded, in quotes; reserves for itself. */
  base64(source: Buffer, start: number, end: number): void {
    const text = source.toString('base64', start, end);
    this.reserve(text.length + 2);
    this.char(Char.QUOTE);
    this.ascii(text);
    this.char(Char.QUOTE);
  }

  /** An integer from 0 to 2^53: up to 16 bytes. */
  digits(value: number): void {
    if (value >= BILLION) {
      const upper = Math.floor(value / BILLION);
      this.digits(upper);
      this.#padded(value - upper * BILLION, 9);
      return;
    }
    let size = 1;
    for (let limit = 10; value >= limit; limit *= 10) size++;
    this.#padded(value, size);
  }

  /** Below 10^9, so that it is done in 32-bit integers. */
  #padded(value: number, size: number): void {
    const { bytes } = this;
    let rest = value | 0;
    for (let at = this.length + size - 1; at >= this.length; at--) {
      const tenth = (rest / 10) | 0;
      bytes[at] = Char.ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.length += size;
  }

  /** Up to 11 bytes. */
  int32(value: number): void {
    if (value < 0) this.char(Char.MINUS);
    this.digits(Math.abs(value));
  }

  /** Two halves of 32 unsigned bits, in quotes: up to 22 bytes. */
  uint64(low: number, high: number): void {
    this.char(Char.QUOTE);
    this.#wide(low, high);
    this.char(Char.QUOTE);
  }

  /** The same as two's complement: up to 23 bytes. */
  int64(low: number, high: number): void {
    this.char(Char.QUOTE);
    if (high > 0x7fff_ffff) {
      this.char(Char.MINUS);
      const negated = -low >>> 0;
      this.#wide(negated, (negated === 0 ? -high : ~high) >>> 0);
    } else {
      this.#wide(low, high);
    }
    this.char(Char.QUOTE);
  }

  #wide(low: number, high: number): void {
    if (high < 0x20_0000) {
      this.digits(high * 0x1_0000_0000 + low);
      return;
    }
    // long division by 10^9, sixteen bits at a time, so that every step stays below 2^53
    const middle = (high % BILLION) * 0x1_0000 + (low >>> 16);
    const last = (middle % BILLION) * 0x1_0000 + (low & 0xffff);
    const upper = Math.floor(high / BILLION) * 0x1_0000 + Math.floor(middle / BILLION);
    this.digits(upper * 0x1_0000 + Math.floor(last / BILLION));
    this.#padded(last % BILLION, 9);
  }

  /** The shortest digits that read back the same, spelled as Go does: up to MAX_NUMBER bytes. */
  double(value: number): void {
    const size = Math.abs(value);
    const thousandths = Math.round(size * 1000);
    // up to fifteen digits, a decimal number is the only one of its double, and so the shortest
    if (size < BILLION && thousandths / 1000 === size && !Object.is(value, -0)) this.#decimal(value < 0, thousandths);
    else this.ascii(spellDouble(value));
  }

  #decimal(negative: boolean, thousandths: number): void {
    if (negative) this.char(Char.MINUS);
    const whole = Math.floor(thousandths / 1000);
    this.digits(whole);
    const fraction = thousandths - whole * 1000;
    if (fraction === 0) return;
    this.char(Char.DOT);
    this.#padded(fraction, 3);
    while (this.bytes[this.length - 1] === Char.ZERO) this.length--;
  }
}

/** A double takes up to 24 characters, a 64-bit integer 20, and quotes. */
export const MAX_NUMBER = 32;

const BILLION = 1e9;

/** A control character becomes `\u001f`. */
const LONGEST_ESCAPE = 6;
/** Text is written in pieces, so that room for the worst case is needed for a piece only. */
const CHUNK = 1 << 12;
const HEX_DIGITS = Buffer.from('0123456789abcdef');

/** The letter after the backslash, by character; 0 for those that are written as `\u00..`. */
const SHORT_ESCAPES = new Uint8Array(128);
SHORT_ESCAPES[Char.QUOTE] = Char.QUOTE;
SHORT_ESCAPES[Char.BACKSLASH] = Char.BACKSLASH;
SHORT_ESCAPES[Char.NEWLINE] = Char.LOWER_N;
SHORT_ESCAPES[Char.RETURN] = Char.LOWER_R;
SHORT_ESCAPES[Char.TAB] = Char.LOWER_T;

function writeEscape(bytes: Buffer, at: number, char: number): number {
  const short = SHORT_ESCAPES[char] as number;
  bytes[at] = Char.BACKSLASH;
  if (short !== 0) {
    bytes[at + 1] = short;
    return at + 2;
  }
  bytes[at + 1] = Char.LOWER_U;
  bytes[at + 2] = Char.ZERO;
  bytes[at + 3] = Char.ZERO;
  bytes[at + 4] = HEX_DIGITS[char >> 4] as number;
  bytes[at + 5] = HEX_DIGITS[char & 15] as number;
  return at + 6;
}

/** Numbers as JavaScript has them, but with -0 and with exponents of at least two digits. */
function spellDouble(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  return text.at(-3) === 'e' ? `${text.slice(0, -1)}0${text.slice(-1)}` : text;
}
