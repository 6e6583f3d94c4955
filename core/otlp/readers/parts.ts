import { idAt, next, readVarint, skipValue } from '../wire.ts';
import { Attributes } from './attributes.ts';

/** Tags of the attributes of a Span.Event, a Span.Link and an Exemplar. */
export const EVENT_ATTRIBUTES = (3 << 3) | 2;
export const LINK_ATTRIBUTES = (4 << 3) | 2;
const EXEMPLAR_ATTRIBUTES = (7 << 3) | 2;

const EVENT_TIME = (1 << 3) | 1;
const EVENT_NAME = (2 << 3) | 2;
const LINK_TRACE_ID = (1 << 3) | 2;
const LINK_SPAN_ID = (2 << 3) | 2;
const LINK_TRACE_STATE = (3 << 3) | 2;
const LINK_FLAGS = (6 << 3) | 5;
const EXEMPLAR_TIME = (2 << 3) | 1;
const EXEMPLAR_DOUBLE = (3 << 3) | 1;
const EXEMPLAR_SPAN_ID = (4 << 3) | 2;
const EXEMPLAR_TRACE_ID = (5 << 3) | 2;
const EXEMPLAR_INTEGER = (6 << 3) | 1;
const NOTHING = Buffer.alloc(0);

/** What the readers here share: where the message is, and its fields one after another. */
abstract class PartReader {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  readonly #attributes = new Attributes();
  readonly #attributesTag: number;

  constructor(attributesTag: number) {
    this.#attributesTag = attributesTag;
  }

  read(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.reset(end);
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      this.field(tag, value, position);
    }
    return this;
  }

  get attributes(): Attributes {
    return this.#attributes.set(this.buffer, this.start, this.end, this.#attributesTag);
  }

  protected abstract reset(end: number): void;
  protected abstract field(tag: number, value: number, after: number): void;

  protected text(start: number, end: number): string {
    return this.buffer.toString('utf8', start, end);
  }

  protected unsigned(at: number): bigint {
    return at < 0 ? 0n : this.buffer.readBigUInt64LE(at);
  }

  protected hex(at: number, length: number): string {
    return at < 0 ? '' : this.buffer.toString('hex', at, at + length);
  }
}

/** An event of a span. */
export class SpanEventReader extends PartReader {
  timeAt = -1;
  nameStart = 0;
  nameEnd = 0;

  constructor() {
    super(EVENT_ATTRIBUTES);
  }

  get name(): string {
    return this.text(this.nameStart, this.nameEnd);
  }

  /** Nanoseconds since the Unix epoch; 0 where not set. */
  get timeUnixNano(): bigint {
    return this.unsigned(this.timeAt);
  }

  protected reset(end: number): void {
    this.timeAt = -1;
    this.nameStart = this.nameEnd = end;
  }

  protected field(tag: number, value: number, after: number): void {
    if (tag === EVENT_TIME) this.timeAt = value;
    else if (tag === EVENT_NAME) {
      readVarint(this.buffer, value);
      this.nameStart = next;
      this.nameEnd = after;
    }
  }
}

/** A link of a span. Ids: where 16 and 8 bytes are, -1 for none; in hex, '' for none. */
export class SpanLinkReader extends PartReader {
  traceIdAt = -1;
  spanIdAt = -1;
  traceStateStart = 0;
  traceStateEnd = 0;
  flags = 0;

  constructor() {
    super(LINK_ATTRIBUTES);
  }

  get traceId(): string {
    return this.hex(this.traceIdAt, 16);
  }

  get spanId(): string {
    return this.hex(this.spanIdAt, 8);
  }

  get traceState(): string {
    return this.text(this.traceStateStart, this.traceStateEnd);
  }

  protected reset(end: number): void {
    this.traceIdAt = this.spanIdAt = -1;
    this.traceStateStart = this.traceStateEnd = end;
    this.flags = 0;
  }

  protected field(tag: number, value: number, after: number): void {
    if (tag === LINK_TRACE_ID) this.traceIdAt = idAt(this.buffer, value, after);
    else if (tag === LINK_SPAN_ID) this.spanIdAt = idAt(this.buffer, value, after);
    else if (tag === LINK_FLAGS) this.flags = this.buffer.readUInt32LE(value);
    else if (tag === LINK_TRACE_STATE) {
      readVarint(this.buffer, value);
      this.traceStateStart = next;
      this.traceStateEnd = after;
    }
  }
}

/** An exemplar of a data point. Ids as in `SpanLinkReader`. */
export class ExemplarReader extends PartReader {
  timeAt = -1;
  valueAt = -1;
  isInteger = false;
  traceIdAt = -1;
  spanIdAt = -1;

  constructor() {
    super(EXEMPLAR_ATTRIBUTES);
  }

  get timeUnixNano(): bigint {
    return this.unsigned(this.timeAt);
  }

  /** An integer beyond 2^53 is rounded. */
  get value(): number {
    if (this.valueAt < 0) return 0;
    return this.isInteger ? Number(this.buffer.readBigInt64LE(this.valueAt)) : this.buffer.readDoubleLE(this.valueAt);
  }

  get traceId(): string {
    return this.hex(this.traceIdAt, 16);
  }

  get spanId(): string {
    return this.hex(this.spanIdAt, 8);
  }

  protected reset(): void {
    this.timeAt = this.valueAt = this.traceIdAt = this.spanIdAt = -1;
    this.isInteger = false;
  }

  protected field(tag: number, value: number, after: number): void {
    if (tag === EXEMPLAR_TIME) this.timeAt = value;
    else if (tag === EXEMPLAR_TRACE_ID) this.traceIdAt = idAt(this.buffer, value, after);
    else if (tag === EXEMPLAR_SPAN_ID) this.spanIdAt = idAt(this.buffer, value, after);
    else if (tag === EXEMPLAR_DOUBLE || tag === EXEMPLAR_INTEGER) {
      this.valueAt = value;
      this.isInteger = tag === EXEMPLAR_INTEGER;
    }
  }
}
