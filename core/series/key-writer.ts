import { copyBytes } from '../otlp/edit/writer.ts';
import { valueText } from '../otlp/value.ts';
import { next, readVarint } from '../otlp/wire.ts';

/** Room at the beginning: a key of a name and a few attributes is about 100 bytes. */
const INITIAL_SIZE = 256;
/** What a writer keeps for its next key; after an unusually long one the rest is given back. */
const LARGEST_KEPT = 1 << 16;
/** The length of the key stands before its bytes, so that two keys never differ only in the padding at their ends. */
const LENGTH_BYTES = 4;

const HEX = Buffer.from('0123456789abcdef');
const STRING = 0x0a;
const INT = 0x18;

/**
 * Puts together the bytes that tell one series from another, and their hash, without a string or an object per key:
 *
 *   keys.begin();
 *   keys.copy(…); keys.separator(); keys.valueText(…);
 *   keys.finish();
 *   table.find(keys)
 */
export class KeyWriter {
  bytes: Buffer = Buffer.alloc(0);
  /** The same memory as 32-bit words; a finished key is the first `wordCount` of them. */
  words: Int32Array = new Int32Array(0);
  wordCount = 0;
  hash = 0;
  #length = 0;
  readonly #seed: number;

  /** `seed`: any 32 bits; a random one keeps senders from choosing keys that collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
    this.#resize(INITIAL_SIZE);
  }

  begin(): void {
    if (this.bytes.length > LARGEST_KEPT) this.#resize(INITIAL_SIZE);
    this.#length = LENGTH_BYTES;
  }

  /** Bytes since `begin`. */
  get size(): number {
    return this.#length - LENGTH_BYTES;
  }

  byte(value: number): void {
    if (this.#length + 1 > this.bytes.length) this.#reserve(1);
    this.bytes[this.#length++] = value;
  }

  /** Up to 2^32. */
  length(value: number): void {
    this.byte(value);
    this.byte(value >>> 8);
    this.byte(value >>> 16);
    this.byte(value >>> 24);
  }

  copy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    if (this.#length + size > this.bytes.length) this.#reserve(size);
    this.#length = copyBytes(source, start, end, this.bytes, this.#length);
  }

  /** Bytes as hex digits. */
  hex(source: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const byte = source[i] as number;
      this.byte(HEX[byte >> 4] as number);
      this.byte(HEX[byte & 15] as number);
    }
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.copy(bytes, 0, bytes.length);
  }

  /** An AnyValue as its text (see `valueText`); of strings and small integers without making one. */
  valueText(source: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (source[start] === STRING) {
      const length = readVarint(source, start + 1);
      if (next + length === end) {
        this.copy(source, next, end);
        return;
      }
    } else if (source[start] === INT && end - start <= LENGTH_BYTES) {
      const value = readVarint(source, start + 1);
      if (next === end) {
        this.#decimal(value);
        return;
      }
    }
    this.text(valueText(source, start, end));
  }

  /** Ends the key: its words and hash can be used. */
  finish(): void {
    const length = this.#length;
    const padded = (length + 3) & ~3;
    if (padded > this.bytes.length) this.#reserve(padded - length);
    for (let i = length; i < padded; i++) this.bytes[i] = 0;
    const { words } = this;
    words[0] = length;
    this.wordCount = padded >> 2;
    let hash = this.#seed;
    for (let i = 0; i < this.wordCount; i++) {
      hash = Math.imul(hash ^ (words[i] as number), 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85eb_ca6b);
    this.hash = hash ^ (hash >>> 13);
  }

  /** A copy of the finished key. */
  take(): Int32Array {
    return this.words.slice(0, this.wordCount);
  }

  #decimal(value: number): void {
    let unit = 1;
    while (unit * 10 <= value) unit *= 10;
    for (; unit >= 1; unit /= 10) this.byte(0x30 + (Math.floor(value / unit) % 10));
  }

  #reserve(size: number): void {
    this.#resize(Math.max(this.bytes.length * 2, (this.#length + size + 3) & ~3));
  }

  #resize(size: number): void {
    const larger = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(larger, 0, 0, Math.min(this.#length, size));
    this.bytes = larger;
    this.words = new Int32Array(larger.buffer, larger.byteOffset, size >> 2);
  }
}
