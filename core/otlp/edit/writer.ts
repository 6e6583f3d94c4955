import { slabs } from '../../telemetry/slab.ts';
import type { ByteRange } from '../../telemetry/telemetry.ts';
import { varintSize, writeVarint } from '../wire.ts';

/** Room at the beginning: an export request of 100 spans is about 40 KiB. */
const INITIAL_SIZE = 1 << 16;
/** What a writer keeps for its next use; after an unusually large batch the rest is given back. */
const LARGEST_KEPT = 4 << 20;
/** Below this a loop beats the call into native code (measured on Node 24: about 40 bytes). */
const SHORT_COPY = 40;
/** Tag and length of a field take at most so many bytes. */
export const LONGEST_PREFIX = 15;

/** Copies to `target` at `at`, where there is room; returns the position after it. */
export function copyBytes(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  if (end - start < SHORT_COPY) for (let i = start; i < end; i++) target[at++] = source[i] as number;
  else at += source.copy(target, at, start, end);
  return at;
}

/**
 * Writes protobuf into memory that grows and is used again. Messages are opened and closed; `close` puts in the
 * length. Where the length has as many bytes as was expected, nothing is moved.
 */
export class Writer {
  buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  length = 0;
  /** Where the open messages begin, and how many bytes are kept free before them for their lengths. */
  readonly #starts: number[] = [];
  readonly #rooms: number[] = [];
  #depth = 0;

  /** Makes sure that `size` more bytes can be written to `buffer` at `length`. */
  reserve(size: number): void {
    if (this.length + size <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + size));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  copy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size === 0) return;
    this.reserve(size);
    this.length = copyBytes(source, start, end, this.buffer, this.length);
  }

  varint(value: number): void {
    this.reserve(LONGEST_PREFIX);
    this.length = writeVarint(this.buffer, this.length, value);
  }

  /** A field of bytes, text or a message that is there already. */
  field(tag: number, value: Buffer): void {
    this.reserve(LONGEST_PREFIX);
    this.length = writeVarint(this.buffer, this.length, tag);
    this.length = writeVarint(this.buffer, this.length, value.length);
    this.copy(value, 0, value.length);
  }

  /** Begins a message of about `expectedLength` bytes; what is written until `close` is its content. */
  open(tag: number, expectedLength: number): void {
    this.reserve(LONGEST_PREFIX);
    this.length = writeVarint(this.buffer, this.length, tag);
    const room = varintSize(expectedLength);
    this.length += room;
    this.#starts[this.#depth] = this.length;
    this.#rooms[this.#depth] = room;
    this.#depth++;
  }

  close(): void {
    this.#depth--;
    const start = this.#starts[this.#depth] as number;
    const room = this.#rooms[this.#depth] as number;
    const length = this.length - start;
    const size = varintSize(length);
    if (size !== room) {
      this.reserve(LONGEST_PREFIX);
      this.buffer.copyWithin(start - room + size, start, this.length);
      this.length += size - room;
    }
    writeVarint(this.buffer, start - room, length);
  }

  /** Forgets everything after `length`, which was the length when no more messages were open than now. */
  truncate(length: number): void {
    this.length = length;
  }

  /** What was written, in pooled memory of its own (with one reference), and the writer is empty again. */
  finish(): ByteRange & { readonly slab: NonNullable<ByteRange['slab']> } {
    const { slab, start } = slabs.allocate(this.length);
    this.buffer.copy(slab.buffer, start, 0, this.length);
    const end = start + this.length;
    this.clear();
    return { buffer: slab.buffer, start, end, slab };
  }

  /** What was written, in a buffer of its own, and the writer is empty again. */
  toBuffer(): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(0, this.length));
    this.clear();
    return bytes;
  }

  clear(): void {
    this.length = 0;
    this.#depth = 0;
    if (this.buffer.length > LARGEST_KEPT) this.buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  }
}
