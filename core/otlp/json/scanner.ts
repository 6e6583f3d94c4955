import { Char, isDigit } from './chars.ts';
import { ScanFailure } from './error.ts';
import { copyEscape } from './escapes.ts';

/**
 * A cursor over JSON text as bytes. It reads what the collector's JSON reader reads, which is a little more than RFC
 * 8259 allows; where that shows, the comment says so. Text is passed on as it is: bytes that are not UTF-8 too.
 * Every method that reads leaves `position` after what it read, or throws ScanFailure.
 */
export class Scanner {
  readonly bytes: Buffer;
  readonly end: number;
  position = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.end = bytes.length;
  }

  /** The next byte that is no white space, read. */
  token(): number {
    const { bytes, end } = this;
    for (let i = this.position; i < end; i++) {
      const char = bytes[i] as number;
      if (char > Char.SPACE || (char !== Char.SPACE && char !== Char.NEWLINE && !isOtherSpace(char))) {
        this.position = i + 1;
        return char;
      }
    }
    this.position = end;
    throw this.failure('unexpected end of input');
  }

  /** The same byte without reading it. */
  peek(): number {
    const char = this.token();
    this.position--;
    return char;
  }

  failure(reason: string, offset: number = this.position): ScanFailure {
    return new ScanFailure(reason, offset);
  }

  /** For the byte before `position`, which is not what it should be, or is not there. */
  unexpected(expected: string): ScanFailure {
    const offset = this.position - 1;
    if (offset >= this.end) return this.failure('unexpected end of input', this.end);
    return this.failure(`expected ${expected}, found ${describe(this.bytes, offset)}`, offset);
  }

  /** The rest of `null`, `true` or `false`. */
  literal(rest: string): void {
    for (let i = 0; i < rest.length; i++) {
      if (this.bytes[this.position++] !== rest.charCodeAt(i)) throw this.unexpected(`…${rest}`);
    }
  }

  boolean(): boolean {
    const char = this.token();
    if (char === Char.LOWER_T) {
      this.literal('rue');
      return true;
    }
    if (char !== Char.LOWER_F) throw this.unexpected('true or false');
    this.literal('alse');
    return false;
  }

  /**
   * A string, or null for the empty one, written to `out` at `at`; returns the position after it. `out` must have room
   * for the rest of the input: a string never becomes longer by decoding it.
   */
  copyString(out: Uint8Array, at: number): number {
    const char = this.token();
    if (char !== Char.QUOTE) {
      if (char !== Char.LOWER_N) throw this.unexpected('a string');
      this.literal('ull');
      return at;
    }
    const { bytes, end } = this;
    let to = at;
    for (let i = this.position; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === Char.QUOTE) {
        this.position = i + 1;
        return to;
      }
      if (byte === Char.BACKSLASH) {
        this.position = i;
        return this.#copyEscaped(out, to);
      }
      if (byte < Char.SPACE) throw this.#control(byte, i);
      out[to++] = byte;
    }
    throw this.failure('unexpected end of input in a string', end);
  }

  /** After the quote: passes over a string, checking what copyString checks. */
  skipString(): void {
    const { bytes, end } = this;
    for (let i = this.position; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === Char.QUOTE) {
        this.position = i + 1;
        return;
      }
      if (byte === Char.BACKSLASH) {
        this.position = i;
        this.#skipEscaped();
        return;
      }
      if (byte < Char.SPACE) throw this.#control(byte, i);
    }
    throw this.failure('unexpected end of input in a string', end);
  }

  #skipEscaped(): void {
    while (this.position < this.end) {
      const byte = this.bytes[this.position++] as number;
      if (byte === Char.QUOTE) return;
      if (byte === Char.BACKSLASH) copyEscape(this, NOWHERE, 0);
    }
    throw this.failure('unexpected end of input in a string');
  }

  #control(byte: number, offset: number): ScanFailure {
    return this.failure(`control character 0x${byte.toString(16).padStart(2, '0')} in a string`, offset);
  }

  /** From the first backslash on; the collector no longer refuses control characters there. */
  #copyEscaped(out: Uint8Array, at: number): number {
    const { bytes, end } = this;
    let to = at;
    while (this.position < end) {
      const byte = bytes[this.position++] as number;
      if (byte === Char.QUOTE) return to;
      if (byte === Char.BACKSLASH) to = copyEscape(this, out, to);
      else out[to++] = byte;
    }
    throw this.failure('unexpected end of input in a string');
  }

  /** A string as text, for the few that are looked at. */
  string(): string {
    const room = Buffer.allocUnsafe(this.#stringBound());
    return room.toString('utf8', 0, this.copyString(room, 0));
  }

  /** As many bytes as the string at `position` can have at most. */
  #stringBound(): number {
    const { bytes, end } = this;
    this.peek();
    let i = this.position + 1;
    while (i < end && bytes[i] !== Char.QUOTE) i += bytes[i] === Char.BACKSLASH ? 2 : 1;
    return i - this.position;
  }

  /** The bytes between the quotes, where backslashes mean nothing: ids and base64. Null is refused. */
  raw(): Buffer {
    if (this.token() !== Char.QUOTE) throw this.unexpected('a string');
    const close = this.bytes.indexOf(Char.QUOTE, this.position);
    if (close === -1) throw this.failure('unexpected end of input in a string', this.end);
    const start = this.position;
    this.position = close + 1;
    return this.bytes.subarray(start, close);
  }

  /** The characters a number can consist of, from `position` on, as text. */
  numberText(): string {
    const start = this.position;
    let i = start;
    while (i < this.end && isNumberChar(this.bytes[i] as number)) i++;
    this.position = i;
    return this.bytes.toString('latin1', start, i);
  }
}

const NOWHERE = new Uint8Array(16);

const isOtherSpace = (char: number): boolean => char === Char.RETURN || char === Char.TAB;

const isNumberChar = (char: number): boolean =>
  isDigit(char) ||
  char === Char.DOT ||
  char === Char.MINUS ||
  char === Char.PLUS ||
  char === Char.LOWER_E ||
  char === Char.UPPER_E;

function describe(bytes: Buffer, offset: number): string {
  const char = bytes[offset] as number;
  if (char === Char.LOWER_N && bytes.toString('latin1', offset, offset + 4) === 'null') return 'null';
  if (char === Char.QUOTE) return 'a string';
  if (char > Char.SPACE && char < 0x7f) return String.fromCharCode(char);
  return `byte 0x${char.toString(16).padStart(2, '0')}`;
}
