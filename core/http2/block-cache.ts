import type { HeaderField, HpackDecoder } from './hpack-decoder.ts';

/** Longer header blocks are not remembered: they hardly repeat. */
const MAX_REMEMBERED_BLOCK = 128;

/** What the fields of a request mean, undefined where it is malformed. `oversized`: some were dropped. */
export type ReadFields<T> = (fields: readonly HeaderField[], oversized: boolean) => T | undefined;

/**
 * Most clients send the same few octets as header block again and again. While the header table has not changed, they
 * mean the same request, so nothing is decoded.
 */
export class BlockCache<T> {
  readonly #decoder: HpackDecoder;
  readonly #read: ReadFields<T>;
  readonly #block = Buffer.alloc(MAX_REMEMBERED_BLOCK);
  #length = -1;
  #generation = -1;
  #known: T | undefined;

  constructor(decoder: HpackDecoder, read: ReadFields<T>) {
    this.#decoder = decoder;
    this.#read = read;
  }

  /** Decodes a request's header block; undefined where the request is malformed. */
  read(bytes: Buffer, from: number, to: number): T | undefined {
    const length = to - from;
    const { generation } = this.#decoder;
    if (length === this.#length && generation === this.#generation && this.#equals(bytes, from)) return this.#known;
    const fields = this.#decoder.decode(bytes, from, to);
    const found = this.#read(fields, this.#decoder.oversized);
    if (length <= MAX_REMEMBERED_BLOCK && generation === this.#decoder.generation) {
      bytes.copy(this.#block, 0, from, to);
      this.#length = length;
      this.#generation = generation;
      this.#known = found;
    }
    return found;
  }

  /** A loop, because the blocks in question are shorter than what a native call pays off for. */
  #equals(bytes: Buffer, from: number): boolean {
    for (let i = 0; i < this.#length; i++) if (bytes[from + i] !== this.#block[i]) return false;
    return true;
  }
}
