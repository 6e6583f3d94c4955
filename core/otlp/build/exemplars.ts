const TRACE_ID = 16;
const SPAN_ID = 8;
const STRIDE = TRACE_ID + SPAN_ID + 8;

/** Exemplars of one data point: which span had which value. Ids lie packed, so an exemplar costs 32 bytes. */
export class Exemplars {
  count = 0;
  #packed: Buffer = Buffer.alloc(0);

  /** `spanIdAt` is -1 for none. */
  add(buffer: Buffer, traceIdAt: number, spanIdAt: number, value: number): void {
    const at = this.count * STRIDE;
    if (at === this.#packed.length) this.#packed = Buffer.concat([this.#packed], Math.max(STRIDE, at * 2));
    buffer.copy(this.#packed, at, traceIdAt, traceIdAt + TRACE_ID);
    if (spanIdAt < 0) this.#packed.fill(0, at + TRACE_ID, at + TRACE_ID + SPAN_ID);
    else buffer.copy(this.#packed, at + TRACE_ID, spanIdAt, spanIdAt + SPAN_ID);
    this.#packed.writeDoubleLE(value, at + TRACE_ID + SPAN_ID);
    this.count++;
  }

  /** In the form that `of` reads. */
  get packed(): Buffer {
    return this.#packed.subarray(0, this.count * STRIDE);
  }

  /** Takes over what another gave as `packed`; undefined where it cannot be that. */
  static of(packed: Buffer): Exemplars | undefined {
    if (packed.length % STRIDE !== 0) return undefined;
    const exemplars = new Exemplars();
    exemplars.#packed = packed;
    exemplars.count = packed.length / STRIDE;
    return exemplars;
  }

  traceId(index: number): Buffer {
    return this.#packed.subarray(index * STRIDE, index * STRIDE + TRACE_ID);
  }

  /** Zeros for none. */
  spanId(index: number): Buffer {
    return this.#packed.subarray(index * STRIDE + TRACE_ID, index * STRIDE + TRACE_ID + SPAN_ID);
  }

  value(index: number): number {
    return this.#packed.readDoubleLE(index * STRIDE + TRACE_ID + SPAN_ID);
  }
}
