import { idAt, next, readFixed64AsNumber, readInt32, readVarint, skipValue } from '../wire.ts';
import { Attributes } from './attributes.ts';
import { Messages } from './messages.ts';

/** Values of `kind`. */
export const SpanKind = { UNSPECIFIED: 0, INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 } as const;

/** Values of `statusCode`. */
export const SpanStatus = { UNSET: 0, OK: 1, ERROR: 2 } as const;

/** Tags of the fields of a Span. */
export const SpanTag = {
  TRACE_ID: (1 << 3) | 2,
  SPAN_ID: (2 << 3) | 2,
  TRACE_STATE: (3 << 3) | 2,
  PARENT_SPAN_ID: (4 << 3) | 2,
  NAME: (5 << 3) | 2,
  KIND: 6 << 3,
  START_TIME: (7 << 3) | 1,
  END_TIME: (8 << 3) | 1,
  ATTRIBUTES: (9 << 3) | 2,
  EVENTS: (11 << 3) | 2,
  LINKS: (13 << 3) | 2,
  STATUS: (15 << 3) | 2,
  FLAGS: (16 << 3) | 5,
} as const;

const STATUS_MESSAGE = (2 << 3) | 2;
const STATUS_CODE = 3 << 3;
const NOTHING = Buffer.alloc(0);

/** A span: `read`, then its fields. Positions are in `buffer`; -1 where there is no id or time. */
export class SpanReader {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** 16 bytes. */
  traceIdAt = -1;
  /** 8 bytes. */
  spanIdAt = -1;
  /** 8 bytes; a parent id of zeros is a parent id here, see `isRoot`. */
  parentSpanIdAt = -1;
  nameStart = 0;
  nameEnd = 0;
  traceStateStart = 0;
  traceStateEnd = 0;
  kind = 0;
  /** W3C trace flags in the low 8 bits. */
  flags = 0;
  startTimeAt = -1;
  endTimeAt = -1;
  statusCode = 0;
  statusMessageStart = 0;
  statusMessageEnd = 0;

  readonly #attributes = new Attributes();
  readonly #events = new Messages();
  readonly #links = new Messages();
  #attributesStart = 0;
  #attributesEnd = 0;

  read(buffer: Buffer, start: number, end: number): this {
    this.#reset(buffer, start, end);
    let position = start;
    while (position < end) {
      const at = position;
      let tag = buffer[position++] as number;
      if (tag > 0x7f) {
        tag = readVarint(buffer, at);
        position = next;
      }
      if (tag === SpanTag.ATTRIBUTES) {
        let length = buffer[position++] as number;
        if (length > 0x7f) {
          length = readVarint(buffer, position - 1);
          position = next;
        }
        position += length;
        if (this.#attributesStart === end) this.#attributesStart = at;
        this.#attributesEnd = position;
        continue;
      }
      const value = position;
      position = skipValue(buffer, value, tag);
      this.#readField(tag, value, position);
    }
    return this;
  }

  get name(): string {
    return this.buffer.toString('utf8', this.nameStart, this.nameEnd);
  }

  get traceState(): string {
    return this.buffer.toString('utf8', this.traceStateStart, this.traceStateEnd);
  }

  get statusMessage(): string {
    return this.buffer.toString('utf8', this.statusMessageStart, this.statusMessageEnd);
  }

  /** 32 hex digits, or '' where there is none. */
  get traceId(): string {
    return this.traceIdAt < 0 ? '' : this.buffer.toString('hex', this.traceIdAt, this.traceIdAt + 16);
  }

  /** 16 hex digits, or '' where there is none. */
  get spanId(): string {
    return this.spanIdAt < 0 ? '' : this.buffer.toString('hex', this.spanIdAt, this.spanIdAt + 8);
  }

  get parentSpanId(): string {
    return this.parentSpanIdAt < 0 ? '' : this.buffer.toString('hex', this.parentSpanIdAt, this.parentSpanIdAt + 8);
  }

  /** A span without parent; an id of zeros is none. */
  get isRoot(): boolean {
    if (this.parentSpanIdAt < 0) return true;
    for (let i = 0; i < 8; i++) if (this.buffer[this.parentSpanIdAt + i] !== 0) return false;
    return true;
  }

  /** Nanoseconds since the Unix epoch; 0 where not set. */
  get startTimeUnixNano(): bigint {
    return this.startTimeAt < 0 ? 0n : this.buffer.readBigUInt64LE(this.startTimeAt);
  }

  get endTimeUnixNano(): bigint {
    return this.endTimeAt < 0 ? 0n : this.buffer.readBigUInt64LE(this.endTimeAt);
  }

  /** End minus start in nanoseconds, exact up to 2^53 (104 days); negative for a span that ends before it starts. */
  get durationNanos(): number {
    const { buffer, startTimeAt, endTimeAt } = this;
    if (startTimeAt < 0) return endTimeAt < 0 ? 0 : readFixed64AsNumber(buffer, endTimeAt);
    if (endTimeAt < 0) return -readFixed64AsNumber(buffer, startTimeAt);
    // the difference of the halves keeps what a subtraction of two rounded numbers would lose
    const high = buffer.readUInt32LE(endTimeAt + 4) - buffer.readUInt32LE(startTimeAt + 4);
    return high * 0x1_0000_0000 + (buffer.readUInt32LE(endTimeAt) - buffer.readUInt32LE(startTimeAt));
  }

  get attributes(): Attributes {
    return this.#attributes.set(this.buffer, this.#attributesStart, this.#attributesEnd, SpanTag.ATTRIBUTES);
  }

  /** Read with a `SpanEventReader`. */
  get events(): Messages {
    return this.#events.set(this.buffer, this.start, this.end, SpanTag.EVENTS);
  }

  /** Read with a `SpanLinkReader`. */
  get links(): Messages {
    return this.#links.set(this.buffer, this.start, this.end, SpanTag.LINKS);
  }

  #reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.traceIdAt = this.spanIdAt = this.parentSpanIdAt = this.startTimeAt = this.endTimeAt = -1;
    this.nameStart = this.nameEnd = this.traceStateStart = this.traceStateEnd = end;
    this.statusMessageStart = this.statusMessageEnd = end;
    this.kind = this.flags = this.statusCode = 0;
    this.#attributesStart = this.#attributesEnd = end;
  }

  #readField(tag: number, value: number, after: number): void {
    const { buffer } = this;
    switch (tag) {
      case SpanTag.TRACE_ID:
        this.traceIdAt = idAt(buffer, value, after);
        break;
      case SpanTag.SPAN_ID:
        this.spanIdAt = idAt(buffer, value, after);
        break;
      case SpanTag.PARENT_SPAN_ID:
        this.parentSpanIdAt = idAt(buffer, value, after);
        break;
      case SpanTag.START_TIME:
        this.startTimeAt = value;
        break;
      case SpanTag.END_TIME:
        this.endTimeAt = value;
        break;
      case SpanTag.NAME:
        readVarint(buffer, value);
        this.nameStart = next;
        this.nameEnd = after;
        break;
      case SpanTag.TRACE_STATE:
        readVarint(buffer, value);
        this.traceStateStart = next;
        this.traceStateEnd = after;
        break;
      case SpanTag.KIND:
        this.kind = readInt32(buffer, value);
        break;
      case SpanTag.FLAGS:
        this.flags = buffer.readUInt32LE(value);
        break;
      case SpanTag.STATUS:
        readVarint(buffer, value);
        this.#readStatus(next, after);
    }
  }

  #readStatus(start: number, end: number): void {
    const { buffer } = this;
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === STATUS_CODE) this.statusCode = readInt32(buffer, value);
      else if (tag === STATUS_MESSAGE) {
        readVarint(buffer, value);
        this.statusMessageStart = next;
        this.statusMessageEnd = position;
      }
    }
  }
}
