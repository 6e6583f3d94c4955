import { Attributes } from '../../../core/otlp/readers/attributes.ts';
import { GROUP, MEMBER } from '../../../core/otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES } from '../../../core/otlp/readers/scope.ts';
import { SpanReader, SpanTag } from '../../../core/otlp/readers/span.ts';
import { next, readVarint, skipValue, varintSize } from '../../../core/otlp/wire.ts';

/** Columns that a single large trace made longer than this are given back. */
const LARGEST_KEPT = 1 << 14;
const INITIAL = 256;
const NOTHING = Buffer.alloc(0);

/**
 * The trace that policies look at: what is known about it as a whole, and its spans in the order of their arrival as
 * columns. Spans are read when the first policy asks for them, once for all policies. One instance serves all traces.
 */
export class TraceView {
  /** The 16 bytes are `idBuffer[idAt, idAt + 16)`. */
  idBuffer: Buffer = NOTHING;
  idAt = 0;
  /** Spans that ever arrived. */
  spanCount = 0;
  /** What the collector counts as the size of the trace. */
  sizeBytes = 0;
  /** The size of a request with these spans, as the collector counts it. */
  requestBytes = 0;
  /** The sub-policy of a composite policy that sampled the trace. */
  compositePolicy: string | undefined;

  /** Spans by columns, filled by `readSpans`. Times are unsigned 64-bit numbers in two halves. */
  spans = 0;
  status = new Int32Array(INITIAL);
  flags = new Uint32Array(INITIAL);
  startLow = new Uint32Array(INITIAL);
  startHigh = new Uint32Array(INITIAL);
  endLow = new Uint32Array(INITIAL);
  endHigh = new Uint32Array(INITIAL);
  #chunkOf = new Int32Array(INITIAL);
  #places = new Int32Array(INITIAL * PLACES);

  /** Chunks: runs of ScopeSpans fields with their resource. */
  chunks = 0;
  readonly #buffers: Buffer[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #resources: Buffer[] = [];
  #read = false;
  readonly #reader = new SpanReader();
  readonly #attributes = new Attributes();

  open(idBuffer: Buffer, idAt: number, spanCount: number, sizeBytes: number): this {
    this.idBuffer = idBuffer;
    this.idAt = idAt;
    this.spanCount = spanCount;
    this.sizeBytes = sizeBytes;
    this.compositePolicy = undefined;
    this.chunks = this.spans = this.requestBytes = 0;
    this.#read = false;
    return this;
  }

  /** Adds a run of ScopeSpans fields, which counts as `size` bytes. */
  addChunk(buffer: Buffer, start: number, end: number, resource: Buffer, size: number): void {
    const index = this.chunks++;
    this.requestBytes += 1 + varintSize(size) + size;
    this.#buffers[index] = buffer;
    this.#starts[index] = start;
    this.#ends[index] = end;
    this.#resources[index] = resource;
  }

  /** Lets go of the memory of the trace. */
  close(): void {
    this.idBuffer = NOTHING;
    if (this.chunks > LARGEST_KEPT) this.#buffers.length = this.#resources.length = 0;
    for (let chunk = 0; chunk < this.chunks; chunk++) this.#buffers[chunk] = this.#resources[chunk] = NOTHING;
    this.chunks = this.spans = 0;
    if (this.status.length > LARGEST_KEPT) this.#resize(INITIAL, 0);
  }

  readSpans(): void {
    if (this.#read) return;
    this.#read = true;
    for (let chunk = 0; chunk < this.chunks; chunk++) this.#readChunk(chunk);
  }

  chunkOf(span: number): number {
    return this.#chunkOf[span] as number;
  }

  resourceAttributes(chunk: number): Attributes {
    const resource = this.#resources[chunk] as Buffer;
    return this.#attributes.set(resource, 0, resource.length, RESOURCE_ATTRIBUTES);
  }

  spanAttributes(span: number): Attributes {
    const at = span * PLACES;
    const buffer = this.#buffers[this.#chunkOf[span] as number] as Buffer;
    const places = this.#places;
    return this.#attributes.set(buffer, places[at] as number, places[at + 1] as number, SpanTag.ATTRIBUTES);
  }

  traceState(span: number): string {
    const at = span * PLACES;
    const start = this.#places[at + 2] as number;
    const end = this.#places[at + 3] as number;
    if (start === end) return '';
    return (this.#buffers[this.#chunkOf[span] as number] as Buffer).toString('utf8', start, end);
  }

  #readChunk(chunk: number): void {
    const buffer = this.#buffers[chunk] as Buffer;
    const end = this.#ends[chunk] as number;
    let position = this.#starts[chunk] as number;
    while (position < end) {
      const length = readVarint(buffer, position + 1);
      const scopeEnd = next + length;
      let at = next;
      while (at < scopeEnd) {
        const tag = buffer[at] as number;
        if (tag === GROUP) {
          at = skipValue(buffer, at + 1, tag);
          continue;
        }
        const spanLength = readVarint(buffer, at + 1);
        at = next + spanLength;
        if (tag === MEMBER) this.#readSpan(chunk, this.#reader.read(buffer, at - spanLength, at));
      }
      position = scopeEnd;
    }
  }

  #readSpan(chunk: number, reader: SpanReader): void {
    const span = this.spans++;
    if (span === this.status.length) this.#resize(span * 2, span);
    const { buffer, startTimeAt, endTimeAt } = reader;
    this.status[span] = reader.statusCode;
    this.flags[span] = reader.flags;
    this.startLow[span] = startTimeAt < 0 ? 0 : buffer.readUInt32LE(startTimeAt);
    this.startHigh[span] = startTimeAt < 0 ? 0 : buffer.readUInt32LE(startTimeAt + 4);
    this.endLow[span] = endTimeAt < 0 ? 0 : buffer.readUInt32LE(endTimeAt);
    this.endHigh[span] = endTimeAt < 0 ? 0 : buffer.readUInt32LE(endTimeAt + 4);
    this.#chunkOf[span] = chunk;
    const attributes = reader.attributes;
    const at = span * PLACES;
    this.#places[at] = attributes.start;
    this.#places[at + 1] = attributes.end;
    this.#places[at + 2] = reader.traceStateStart;
    this.#places[at + 3] = reader.traceStateEnd;
  }

  #resize(size: number, keep: number): void {
    const unsigned = (old: Uint32Array) => {
      const column = new Uint32Array(size);
      column.set(old.subarray(0, keep));
      return column;
    };
    const signed = (old: Int32Array, width = 1) => {
      const column = new Int32Array(size * width);
      column.set(old.subarray(0, keep * width));
      return column;
    };
    this.status = signed(this.status);
    this.flags = unsigned(this.flags);
    this.startLow = unsigned(this.startLow);
    this.startHigh = unsigned(this.startHigh);
    this.endLow = unsigned(this.endLow);
    this.endHigh = unsigned(this.endHigh);
    this.#chunkOf = signed(this.#chunkOf);
    this.#places = signed(this.#places, PLACES);
  }
}

/** Where the attributes and the trace state of a span begin and end. */
const PLACES = 4;
