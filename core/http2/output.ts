import type { Socket } from 'node:net';
import { FRAME_HEADER_SIZE } from './frames.ts';

/** Holds the answers to one read, or a request of some hundred spans, in one write. */
const CHUNK_SIZE = 256 << 10;
/** A shorter write is copied, because a chunk is held until the socket has written it. */
const SMALL_WRITE = CHUNK_SIZE / 16;
/** The same where the socket is behind: its queue may be long, and must not hold much more than its own bytes. */
const SMALL_WRITE_QUEUED = CHUNK_SIZE / 2;
/** Free chunks kept; more than that is a past peak. */
const MAX_FREE = 16;
/** Enough that a sender of large messages never waits for us. */
const HIGH_WATER = 1 << 20;

interface Chunk {
  readonly buffer: Buffer;
  /** Called by the socket when the bytes are written or the socket is gone. */
  readonly free: () => void;
}

const free: Chunk[] = [];

function takeChunk(): Chunk {
  const reused = free.pop();
  if (reused !== undefined) return reused;
  const chunk: Chunk = {
    buffer: Buffer.allocUnsafeSlow(CHUNK_SIZE),
    free: () => {
      if (free.length < MAX_FREE) free.push(chunk);
    },
  };
  return chunk;
}

/**
 * What a connection is about to write. Frames are collected and go out in one write per flush; the memory belongs to
 * the process, not to the connection, so an idle connection holds none.
 */
export class Output {
  /** Bytes of the socket waiting for the peer from which on no more are produced. */
  highWater = HIGH_WATER;
  /** Hears that a write did not take all that was to be written at once. */
  onFull: (() => void) | undefined;
  #socket: Socket | undefined;
  #chunk: Chunk | undefined;
  #used = 0;

  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** The peer is slow: produce no more until the socket's `drain`. */
  get congested(): boolean {
    return this.#socket === undefined || this.#socket.writableLength >= this.highWater;
  }

  /** Makes room for `size` bytes (at most 64 KiB) at `position` of the returned buffer. */
  reserve(size: number): Buffer {
    if (this.#used + size > CHUNK_SIZE) {
      this.flush();
      this.onFull?.();
    }
    this.#chunk ??= takeChunk();
    return this.#chunk.buffer;
  }

  get position(): number {
    return this.#used;
  }

  /** The bytes up to `position` of the reserved buffer are written. */
  advance(position: number): void {
    this.#used = position;
  }

  write(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** A frame's header; reserves its payload too. Returns the buffer, with `position` at the payload. */
  frame(type: number, flags: number, streamId: number, length: number): Buffer {
    const buffer = this.reserve(FRAME_HEADER_SIZE + length);
    this.#used = writeFrameHeader(buffer, this.#used, type, flags, streamId, length);
    return buffer;
  }

  uint32(value: number): void {
    this.#used = this.reserve(4).writeUInt32BE(value, this.#used);
  }

  uint16(value: number): void {
    this.#used = this.reserve(2).writeUInt16BE(value, this.#used);
  }

  flush(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#chunk = undefined;
    const length = this.#used;
    this.#used = 0;
    const socket = this.#socket;
    if (length === 0 || socket === undefined || !socket.writable) {
      chunk.free();
      return;
    }
    const bytes = chunk.buffer.subarray(0, length);
    if (length > (socket.writableLength === 0 ? SMALL_WRITE : SMALL_WRITE_QUEUED)) {
      socket.write(bytes, chunk.free);
      return;
    }
    socket.write(Buffer.from(bytes));
    chunk.free();
  }
}

/** Returns the position behind the header. */
export function writeFrameHeader(
  buffer: Buffer,
  at: number,
  type: number,
  flags: number,
  streamId: number,
  length: number,
): number {
  buffer[at] = length >>> 16;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  buffer[at + 5] = streamId >>> 24;
  buffer[at + 6] = streamId >>> 16;
  buffer[at + 7] = streamId >>> 8;
  buffer[at + 8] = streamId;
  return at + FRAME_HEADER_SIZE;
}
