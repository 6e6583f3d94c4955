import type { Holder, ReceiveMemory } from '../net/receive-memory.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { Collected, roomFor } from './collected.ts';

/** What came of the bytes that were given in. */
export type BodyState = 'more' | 'done' | 'too large' | 'malformed' | 'no memory';

/** Collects one body in a slab. Each reader is used once. */
export interface BodyReader {
  /** Where in the last chunk the body ended; for `done` only. */
  readonly position: number;
  /** Takes from `chunk[start, end)` what belongs to the body. */
  push(chunk: Buffer, start: number, end: number): BodyState;
  /** The body; its slab reference belongs to the caller from now on. */
  take(): ByteRange;
  /** Gives the memory back where the body is not wanted; safe at any time. */
  discard(): void;
  /** Takes what has arrived out of the slab it shares with others, which must not wait for a body that never ends. */
  moveOut(): void;
}

/** A body whose length the header says. */
export class FixedBody implements BodyReader {
  readonly #expected: number;
  readonly #collected: Collected;
  position = 0;

  constructor(length: number, memory: ReceiveMemory, holder: Holder) {
    this.#expected = length;
    this.#collected = new Collected(length, roomFor(length), memory, holder);
  }

  push(chunk: Buffer, start: number, end: number): BodyState {
    const take = Math.min(end - start, this.#expected - this.#collected.length);
    if (!this.#collected.append(chunk, start, start + take)) return 'no memory';
    this.position = start + take;
    return this.#collected.length === this.#expected ? 'done' : 'more';
  }

  take(): ByteRange {
    return this.#collected.take();
  }

  discard(): void {
    this.#collected.discard();
  }

  moveOut(): void {
    this.#collected.moveOut();
  }
}

/** Of a chunk-size line with extensions, and of all trailers together: nothing we serve sends any of them long. */
const MAX_LINE = 256;
const MAX_TRAILERS = 8192;
/** A name, a colon and a value without control characters but tab. */
const TRAILER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*$/;
/** RFC 9110, section 6.5.1: whoever believes them as trailers reads another message than we do. */
const FRAMING_TRAILER = /^(transfer-encoding|content-length):/i;

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

/**
 * Chunked transfer coding, RFC 9112 section 7.1. Extensions and trailers are read over.
 *
 *   body = (size in hex [; extension] CRLF data CRLF)*, 0 [; extension] CRLF, (trailer CRLF)*, CRLF
 */
export class ChunkedBody implements BodyReader {
  readonly #limit: number;
  readonly #collected: Collected;
  #state: 'size' | 'data' | 'data end' | 'trailers' = 'size';
  /** Of the current chunk, still to come. */
  #left = 0;
  /** The line being read, without what was consumed of it. */
  #line = '';
  #trailers = 0;
  position = 0;

  constructor(limit: number, memory: ReceiveMemory, holder: Holder) {
    this.#limit = limit;
    this.#collected = new Collected(limit, roomFor(undefined), memory, holder);
  }

  push(chunk: Buffer, start: number, end: number): BodyState {
    let at = start;
    while (at < end) {
      if (this.#state === 'data') {
        const take = Math.min(this.#left, end - at);
        if (!this.#collected.append(chunk, at, at + take)) return 'no memory';
        this.#left -= take;
        at += take;
        if (this.#left === 0) this.#state = 'data end';
        continue;
      }
      const eol = chunk.indexOf(LF, at);
      const stop = eol < 0 || eol >= end ? end : eol + 1;
      if (this.#line.length + stop - at > MAX_LINE) return 'malformed';
      this.#line += chunk.toString('latin1', at, stop);
      at = stop;
      if (chunk[stop - 1] !== LF) return 'more';
      const state = this.#endLine();
      if (state !== 'more') {
        this.position = at;
        return state;
      }
    }
    return 'more';
  }

  #endLine(): BodyState {
    const line = this.#line;
    this.#line = '';
    if (line.length < 2 || line.charCodeAt(line.length - 2) !== CR) return 'malformed';
    const text = line.slice(0, -2);
    if (this.#state === 'data end') {
      this.#state = 'size';
      return text === '' ? 'more' : 'malformed';
    }
    if (this.#state === 'trailers') {
      this.#trailers += line.length;
      if (text === '') return 'done';
      if (this.#trailers > MAX_TRAILERS || !TRAILER.test(text)) return 'malformed';
      return FRAMING_TRAILER.test(text) ? 'malformed' : 'more';
    }
    return this.#chunkSize(text);
  }

  #chunkSize(text: string): BodyState {
    let digits = 0;
    let size = 0;
    for (; digits < text.length; digits++) {
      const value = hexValue(text.charCodeAt(digits));
      if (value < 0) break;
      size = size * 16 + value;
    }
    if (digits === 0 || digits > 12 || text.includes('\r')) return 'malformed';
    if (digits < text.length && text.charCodeAt(digits) !== SEMICOLON) return 'malformed';
    if (size > this.#limit - this.#collected.length) return 'too large';
    this.#left = size;
    this.#state = size === 0 ? 'trailers' : 'data';
    return 'more';
  }

  take(): ByteRange {
    return this.#collected.take();
  }

  discard(): void {
    this.#collected.discard();
  }

  moveOut(): void {
    this.#collected.moveOut();
  }
}

function hexValue(char: number): number {
  if (char >= 48 && char <= 57) return char - 48;
  const lower = char | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
