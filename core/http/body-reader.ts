import type { Holder, ReceiveMemory } from '../net/receive-memory.ts';
import { Slab, slabs } from '../telemetry/slab.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';

/** Room that is taken at first for a body of unknown or large size; it doubles as the bytes really arrive. */
const FIRST_ROOM = 64 * 1024;
/** Up to this size room for the whole body is taken at once: a claim that costs a peer nothing must cost us little. */
const TRUSTED_LENGTH = 256 * 1024;

const NOTHING = Buffer.alloc(0);

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

/** Bytes that are collected in slab memory. */
class Collected {
  readonly #limit: number;
  readonly #room: number;
  readonly #memory: ReceiveMemory;
  readonly #holder: Holder;
  #range: ByteRange | undefined;
  #length = 0;

  /** `room` is taken with the first bytes. */
  constructor(limit: number, room: number, memory: ReceiveMemory, holder: Holder) {
    this.#limit = limit;
    this.#room = room;
    this.#memory = memory;
    this.#holder = holder;
  }

  get length(): number {
    return this.#length;
  }

  /** False where there is no memory for it. */
  append(chunk: Buffer, start: number, end: number): boolean {
    const needed = this.#length + end - start;
    if (needed > this.#capacity && !this.#grow(needed)) return false;
    const range = this.#range as ByteRange;
    chunk.copy(range.buffer, range.start + this.#length, start, end);
    this.#length = needed;
    return true;
  }

  get #capacity(): number {
    return this.#range === undefined ? 0 : this.#range.end - this.#range.start;
  }

  #grow(needed: number): boolean {
    const more = this.#range === undefined ? this.#room : Math.max(TRUSTED_LENGTH, this.#length * 2);
    const size = Math.max(needed, Math.min(this.#limit, more));
    // while the bytes move, old and new memory are held together
    if (!this.#memory.take(size, this.#holder)) return false;
    this.#moveTo(this.#range === undefined ? allocate(size) : ownMemory(size));
    return true;
  }

  #moveTo(grown: ByteRange): void {
    const old = this.#range;
    if (old !== undefined) {
      old.buffer.copy(grown.buffer, grown.start, old.start, old.start + this.#length);
      old.slab?.release();
      this.#memory.give(old.end - old.start);
    }
    this.#range = grown;
  }

  moveOut(): void {
    const size = this.#capacity;
    if (this.#range?.slab?.pooled !== true || !this.#memory.take(size, this.#holder)) return;
    this.#moveTo(ownMemory(size));
  }

  take(): ByteRange {
    const range = this.#range;
    this.#memory.give(this.#capacity);
    this.#range = undefined;
    if (range === undefined) return { buffer: NOTHING, start: 0, end: 0 };
    return { buffer: range.buffer, start: range.start, end: range.start + this.#length, slab: range.slab };
  }

  discard(): void {
    this.take().slab?.release();
  }
}

function allocate(size: number): ByteRange {
  const { slab, start } = slabs.allocate(size);
  return { buffer: slab.buffer, start, end: start + size, slab };
}

/** For a body that grows: in a slab it would leave a hole with each step. */
function ownMemory(size: number): ByteRange {
  const slab = new Slab(size);
  slab.retain();
  return { buffer: slab.buffer, start: 0, end: size, slab };
}

/** A body whose length the header says. */
export class FixedBody implements BodyReader {
  readonly #expected: number;
  readonly #collected: Collected;
  position = 0;

  constructor(length: number, memory: ReceiveMemory, holder: Holder) {
    this.#expected = length;
    this.#collected = new Collected(length, Math.min(length, TRUSTED_LENGTH), memory, holder);
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
    this.#collected = new Collected(limit, FIRST_ROOM, memory, holder);
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
      return this.#trailers > MAX_TRAILERS || text.includes('\r') ? 'malformed' : 'more';
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
