import type { Signal } from '../signal.ts';
import { EMPTY_CONTEXT, type RequestContext } from './context.ts';
import type { Slab } from './slab.ts';

/**
 * `buffer[start, end)`: a run of whole `ResourceSpans`, `ResourceMetrics` or `ResourceLogs` fields (tag 0x0a, length,
 * message), exactly as in an OTLP export request. `slab` is set where the memory is reused once it is released.
 */
export interface ByteRange {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  readonly slab?: Slab | undefined;
}

export interface Caller {
  /** It gave up or is gone: an answer reaches nobody, and where the data matters it is sent again. */
  readonly cancelled: boolean;
}

/**
 * One batch of one signal: protobuf bytes that nobody changes. Protobuf concatenates, so merging batches is joining
 * their lists of ranges, and what no stage asks about is never decoded.
 *
 * Lifetime. A batch starts with one reference, held by its maker. `consume(batch)` hands that reference over, whether
 * it succeeds or throws; the last holder calls `release()`. Whoever reads a batch after handing it on calls
 * `retain()` before. Not releasing is safe (the memory is not reused), reading after release is not.
 */
export class Telemetry {
  readonly signal: Signal;
  readonly ranges: readonly ByteRange[];
  /** Spans, data points or log records. */
  readonly items: number;
  readonly byteLength: number;
  readonly context: RequestContext;
  /**
   * Whoever waits to hear whether this was accepted, as long as that is not known. Where it takes time, there is no use
   * in going on once the caller gave up. A batch that was made from others has none.
   */
  caller: Caller | undefined;
  #holders = 1;

  constructor(signal: Signal, ranges: readonly ByteRange[], items: number, context: RequestContext = EMPTY_CONTEXT) {
    this.signal = signal;
    this.ranges = ranges;
    this.items = items;
    this.context = context;
    let length = 0;
    for (const range of ranges) length += range.end - range.start;
    this.byteLength = length;
  }

  /** A batch over bytes that are not pooled. */
  static of(signal: Signal, buffer: Buffer, items: number, context?: RequestContext): Telemetry {
    return new Telemetry(signal, [{ buffer, start: 0, end: buffer.length }], items, context);
  }

  /** The batches one after another as one; takes over their references. */
  static join(batches: readonly Telemetry[], context: RequestContext = EMPTY_CONTEXT): Telemetry {
    const [first] = batches;
    if (first === undefined) throw new Error('join needs at least one batch');
    if (batches.length === 1 && first.context === context) return first;
    let items = 0;
    const ranges: ByteRange[] = [];
    for (const batch of batches) {
      items += batch.items;
      for (const range of batch.ranges) {
        range.slab?.retain();
        ranges.push(range);
      }
      batch.release();
    }
    return new Telemetry(first.signal, ranges, items, context);
  }

  /**
   * A batch whose ranges lie in this batch's memory (a part of it, or the same with another context) or in slabs of
   * their own; each range names its slab. It keeps these slabs, not this batch, so the two are released independently
   * and a small part that stays does not hold on to everything it was once part of.
   */
  derive(ranges: readonly ByteRange[], items: number, context: RequestContext = this.context): Telemetry {
    if (this.#holders <= 0) throw new Error('batch derived after its release');
    for (const range of ranges) range.slab?.retain();
    return new Telemetry(this.signal, ranges, items, context);
  }

  retain(): this {
    if (this.#holders <= 0) throw new Error('batch retained after its release');
    this.#holders++;
    return this;
  }

  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    if (this.#holders < 0) throw new Error('batch released more often than retained');
    for (const range of this.ranges) range.slab?.release();
  }

  /** All bytes in one buffer; the batch's own memory where it is a single range. */
  bytes(): Buffer {
    const [only] = this.ranges;
    if (only !== undefined && this.ranges.length === 1) return only.buffer.subarray(only.start, only.end);
    return Buffer.concat(
      this.ranges.map((r) => r.buffer.subarray(r.start, r.end)),
      this.byteLength,
    );
  }
}
