import { DecompressError } from './error.ts';

/** Most bodies expand to less than this, so that one allocation does. */
const FIRST_SIZE = 64 * 1024;

/**
 * Output of a decoder that does not know its size beforehand: contiguous, so that back references are plain indexes,
 * and never larger than the limit.
 */
export class GrowingBuffer {
  buffer: Buffer;
  length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.buffer = Buffer.allocUnsafe(Math.min(limit, FIRST_SIZE));
  }

  /** Makes room for `size` more bytes; throws a DecompressError beyond the limit. */
  reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.buffer.length) return;
    if (needed > this.#limit) throw DecompressError.tooLarge(this.#limit);
    const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, this.buffer.length * 2)));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  append(source: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    source.copy(this.buffer, this.length, start, end);
    this.length += end - start;
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}
