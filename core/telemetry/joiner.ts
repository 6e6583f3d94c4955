import type { Signal } from '../signal.ts';
import type { RequestContext } from './context.ts';
import { type Slab, slabs } from './slab.ts';
import { type ByteRange, Telemetry } from './telemetry.ts';

/**
 * Up to this size a batch is copied behind the one before it. That takes less time than keeping track of it, and what
 * came with it (objects, its place in a slab) is free at once: with one span a request, a waiting batch of a thousand
 * requests would otherwise outlive the young generation, and the heap grew by 30 MiB.
 */
const SMALL = 4096;
/** Room for some dozens of small batches; larger pieces would hold memory that a slow pipeline never fills. */
const CHUNK = 64 * 1024;

/** Where small batches are copied to: `slab.buffer[start, used)` is written, up to `end` is ours. */
interface Chunk {
  readonly slab: Slab;
  start: number;
  used: number;
  readonly end: number;
}

/** Batches of one signal put one after another, taken out as one. */
export class Joiner {
  #signal: Signal | undefined;
  #ranges: ByteRange[] = [];
  #chunk: Chunk | undefined;
  #items = 0;
  #byteLength = 0;

  get items(): number {
    return this.#items;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Takes over the reference. */
  add(batch: Telemetry): void {
    this.#signal = batch.signal;
    this.#items += batch.items;
    this.#byteLength += batch.byteLength;
    if (batch.byteLength <= SMALL) {
      for (const range of batch.ranges) this.#copy(range);
    } else {
      this.#closeRange();
      for (const range of batch.ranges) {
        range.slab?.retain();
        this.#ranges.push(range);
      }
    }
    batch.release();
  }

  /** Everything added since the last call, with a reference for the caller. There must be something. */
  take(context: RequestContext): Telemetry {
    if (this.#signal === undefined) throw new Error('nothing was added');
    this.#closeRange();
    const joined = new Telemetry(this.#signal, this.#ranges, this.#items, context);
    this.#ranges = [];
    this.#items = 0;
    this.#byteLength = 0;
    return joined;
  }

  /** As `take`, for the last time. */
  finish(context: RequestContext): Telemetry {
    const joined = this.take(context);
    this.#chunk?.slab.release();
    this.#chunk = undefined;
    return joined;
  }

  #copy({ buffer, start, end }: ByteRange): void {
    let chunk = this.#chunk;
    if (chunk === undefined || chunk.used + end - start > chunk.end) chunk = this.#newChunk();
    buffer.copy(chunk.slab.buffer, chunk.used, start, end);
    chunk.used += end - start;
  }

  #newChunk(): Chunk {
    this.#closeRange();
    this.#chunk?.slab.release();
    const { slab, start } = slabs.allocate(CHUNK);
    this.#chunk = { slab, start, used: start, end: start + CHUNK };
    return this.#chunk;
  }

  /** What was copied so far becomes a range; the rest of the chunk is for what comes next. */
  #closeRange(): void {
    const chunk = this.#chunk;
    if (chunk === undefined || chunk.used === chunk.start) return;
    const { slab, start, used } = chunk;
    slab.retain();
    this.#ranges.push({ buffer: slab.buffer, start, end: used, slab });
    chunk.start = used;
  }
}
