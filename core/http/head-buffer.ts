/** Of a request line with all headers. Large tokens and cookies fit; what is longer is a mistake or an attack. */
const MAX_HEAD = 64 * 1024;
const FIRST_SIZE = 1024;
/** RFC 9112 section 2.2: empty lines before a request are read over, some clients end a body with one. */
const MAX_BLANK = 4;

const END = Buffer.from('\r\n\r\n');
const CR = 13;
const LF = 10;

/** Where a head ended: its text without the empty line and the position behind it, or why there is none yet. */
export type HeadSearch = { readonly text: string; readonly position: number } | 'more' | 'too long' | 'malformed';

/** Finds the end of a request head in bytes that come in pieces. */
export class HeadBuffer {
  #partial: Buffer | undefined;
  #length = 0;
  /** Characters of empty lines before the request. */
  #blank = 0;

  get empty(): boolean {
    return this.#length === 0;
  }

  /** Memory of a head that is not complete. */
  get held(): number {
    return this.#partial?.length ?? 0;
  }

  push(bytes: Buffer, start: number, end: number): HeadSearch {
    if (this.#length > 0) return this.#continue(bytes, start, end);
    let at = start;
    while (at < end && (bytes[at] === CR || bytes[at] === LF)) {
      at++;
      if (++this.#blank > MAX_BLANK) return 'malformed';
    }
    if (at === end) return 'more';
    this.#blank = 0;
    const found = bytes.indexOf(END, at);
    if (found >= 0 && found + END.length <= end) {
      if (found - at > MAX_HEAD) return 'too long';
      return { text: bytes.toString('latin1', at, found), position: found + END.length };
    }
    return this.#keep(bytes, at, end);
  }

  #continue(bytes: Buffer, start: number, end: number): HeadSearch {
    const before = this.#length;
    const state = this.#keep(bytes, start, end);
    const partial = this.#partial as Buffer;
    const from = Math.max(0, before - END.length + 1);
    const found = partial.subarray(0, this.#length).indexOf(END, from);
    if (found < 0) return state;
    this.#length = 0;
    this.#partial = undefined;
    return { text: partial.toString('latin1', 0, found), position: start + found + END.length - before };
  }

  #keep(bytes: Buffer, start: number, end: number): 'more' | 'too long' | 'malformed' {
    const take = Math.min(end - start, MAX_HEAD + END.length - this.#length);
    const needed = this.#length + take;
    if (this.#partial === undefined || needed > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.max(FIRST_SIZE, needed, this.#length * 2));
      this.#partial?.copy(grown, 0, 0, this.#length);
      this.#partial = grown;
    }
    bytes.copy(this.#partial, this.#length, start, start + take);
    this.#length = needed;
    if (take < end - start) return 'too long';
    // a peer that ends lines with a bare LF never sends the end we wait for
    const eol = this.#partial.subarray(0, needed).indexOf(LF);
    return eol >= 0 && this.#partial[eol - 1] !== CR ? 'malformed' : 'more';
  }
}
