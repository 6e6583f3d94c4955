/**
 * Memory for chunks of spans. Chunks lie one after another in blocks of one size; a block is used again when nothing
 * in it is alive. Traces are decided roughly in the order of their arrival, so blocks empty in that order too; those
 * that a few long waiting traces keep are emptied by moving what is alive.
 *
 * A chunk is named by an integer: block number and place. Before its bytes are some numbers about it.
 */
const BLOCK_SIZE = 1 << 20;
/** Places count words of four bytes. */
const PLACE_BITS = 18;
const PLACE_MASK = (1 << PLACE_BITS) - 1;
/** What is left of 31 bits: 8 GiB of blocks. */
const MAX_BLOCKS = 1 << (31 - PLACE_BITS);
/** Free blocks that are kept: a quarter of those in use, and this many. */
const MIN_FREE_BLOCKS = 16;
/** Blocks are emptied by moving when they are this many and less than half of their bytes are alive. */
const MIN_BLOCKS_TO_MOVE = 32;
/** Per call, so that it does not take long: about a millisecond. */
const BLOCKS_MOVED_AT_ONCE = 4;

export const NONE = -1;

/** The numbers of a chunk, in words before its bytes. */
export const Header = {
  NEXT: 0,
  PREVIOUS: 1,
  /** The slot of its trace; NONE in a chunk that was freed. */
  TRACE: 2,
  RESOURCE: 3,
  /** Bytes of the chunk, without these words. */
  LENGTH: 4,
  SPANS: 5,
  /** What the collector counts as its size. */
  SIZE: 6,
  /** Where it is kept on disk; NONE where it is not. */
  SEGMENT: 7,
} as const;
const HEADER_WORDS = 8;
const HEADER_BYTES = HEADER_WORDS * 4;

class Block {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  /** Words from the beginning that were ever given out, and those among them that are alive. */
  used = 0;
  alive = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, size / 4);
  }
}

export class Arena {
  readonly #blocks: (Block | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #free: Block[] = [];
  #current = NONE;
  #aliveWords = 0;

  /** Set by `locate`: the memory of a chunk, its bytes in `bytes[at, at + length)` and its words from `word` on. */
  bytes: Buffer = Buffer.alloc(0);
  words: Int32Array = new Int32Array(0);
  word = 0;
  at = 0;

  /** Bytes of living chunks, with what is kept about them. */
  get alive(): number {
    return this.#aliveWords * 4;
  }

  /** Bytes of all blocks in use. */
  get reserved(): number {
    let bytes = 0;
    for (const block of this.#blocks) bytes += block?.bytes.length ?? 0;
    return bytes;
  }

  /** Room for `length` bytes, located; NONE where there is no block left. Its numbers but LENGTH are undefined. */
  allocate(length: number): number {
    const words = HEADER_WORDS + ((length + 3) >>> 2);
    const number = this.#blockFor(words);
    if (number === NONE) return NONE;
    const block = this.#blocks[number] as Block;
    const chunk = (number << PLACE_BITS) | block.used;
    block.used += words;
    block.alive += words;
    this.#aliveWords += words;
    this.locate(chunk);
    this.words[this.word + Header.LENGTH] = length;
    return chunk;
  }

  locate(chunk: number): void {
    const block = this.#blocks[chunk >>> PLACE_BITS] as Block;
    this.bytes = block.bytes;
    this.words = block.words;
    this.word = chunk & PLACE_MASK;
    this.at = this.word * 4 + HEADER_BYTES;
  }

  read(chunk: number, field: number): number {
    return (this.#blocks[chunk >>> PLACE_BITS] as Block).words[(chunk & PLACE_MASK) + field] as number;
  }

  write(chunk: number, field: number, value: number): void {
    (this.#blocks[chunk >>> PLACE_BITS] as Block).words[(chunk & PLACE_MASK) + field] = value;
  }

  free(chunk: number): void {
    const number = chunk >>> PLACE_BITS;
    const block = this.#blocks[number] as Block;
    const words = HEADER_WORDS + ((this.read(chunk, Header.LENGTH) + 3) >>> 2);
    this.write(chunk, Header.TRACE, NONE);
    block.alive -= words;
    this.#aliveWords -= words;
    if (block.alive > 0) return;
    if (number === this.#current) block.used = 0;
    else this.#release(number);
  }

  /**
   * Moves the chunks out of a few blocks that are mostly dead. `moved` is called for each, located in its new place,
   * and sees to it that what named the old place names the new one.
   */
  compact(moved: (from: number, to: number) => void): void {
    const inUse = this.#blocks.length - this.#freeNumbers.length;
    const limit = MIN_FREE_BLOCKS + (inUse >> 2);
    if (this.#free.length > limit) this.#free.length = limit;
    if (inUse < MIN_BLOCKS_TO_MOVE || this.#aliveWords * 8 > inUse * BLOCK_SIZE) return;
    let left = BLOCKS_MOVED_AT_ONCE;
    for (const [number, block] of this.#blocks.entries()) {
      if (block === undefined || number === this.#current || block.alive * 2 > block.used) continue;
      if (block.bytes.length === BLOCK_SIZE) this.#empty(number, block, moved);
      if (--left === 0) return;
    }
  }

  #empty(number: number, block: Block, moved: (from: number, to: number) => void): void {
    let place = 0;
    while (place < block.used) {
      const from = (number << PLACE_BITS) | place;
      const length = block.words[place + Header.LENGTH] as number;
      const alive = block.words[place + Header.TRACE] !== NONE;
      place += HEADER_WORDS + ((length + 3) >>> 2);
      if (!alive) continue;
      const to = this.allocate(length);
      if (to === NONE) return;
      const start = (from & PLACE_MASK) * 4;
      block.bytes.copy(this.bytes, this.at - HEADER_BYTES, start, start + HEADER_BYTES + length);
      moved(from, to);
      this.free(from);
    }
  }

  #blockFor(words: number): number {
    const current = this.#blocks[this.#current];
    const large = words * 4 > BLOCK_SIZE;
    if (!large && current !== undefined && (current.used + words) * 4 <= current.bytes.length) return this.#current;
    const number = this.#freeNumbers.pop() ?? (this.#blocks.length < MAX_BLOCKS ? this.#blocks.length : NONE);
    if (number === NONE) return NONE;
    this.#blocks[number] = large ? new Block(words * 4) : (this.#free.pop() ?? new Block(BLOCK_SIZE));
    if (large) return number;
    const before = this.#current;
    this.#current = number;
    if (current !== undefined && current.alive === 0) this.#release(before);
    return number;
  }

  #release(number: number): void {
    const block = this.#blocks[number] as Block;
    this.#blocks[number] = undefined;
    this.#freeNumbers.push(number);
    if (block.bytes.length !== BLOCK_SIZE) return;
    block.used = block.alive = 0;
    this.#free.push(block);
  }
}
