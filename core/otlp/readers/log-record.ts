import { idAt, next, readInt32, readVarint, skipValue } from '../wire.ts';
import { Attributes } from './attributes.ts';

/** Tags of the fields of a LogRecord. */
export const LogTag = {
  TIME: (1 << 3) | 1,
  SEVERITY_NUMBER: 2 << 3,
  SEVERITY_TEXT: (3 << 3) | 2,
  BODY: (5 << 3) | 2,
  ATTRIBUTES: (6 << 3) | 2,
  FLAGS: (8 << 3) | 5,
  TRACE_ID: (9 << 3) | 2,
  SPAN_ID: (10 << 3) | 2,
  OBSERVED_TIME: (11 << 3) | 1,
  EVENT_NAME: (12 << 3) | 2,
} as const;

const NOTHING = Buffer.alloc(0);

/** A log record: `read`, then its fields. Positions are in `buffer`; -1 where there is no id or time. */
export class LogRecordReader {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  timeAt = -1;
  observedTimeAt = -1;
  severityNumber = 0;
  severityTextStart = 0;
  severityTextEnd = 0;
  /** An AnyValue; the empty one where there is no body. */
  bodyStart = 0;
  bodyEnd = 0;
  /** W3C trace flags in the low 8 bits. */
  flags = 0;
  /** 16 bytes. */
  traceIdAt = -1;
  /** 8 bytes. */
  spanIdAt = -1;
  eventNameStart = 0;
  eventNameEnd = 0;

  readonly #attributes = new Attributes();
  #attributesStart = 0;
  #attributesEnd = 0;

  read(buffer: Buffer, start: number, end: number): this {
    this.#reset(buffer, start, end);
    let position = start;
    while (position < end) {
      const at = position;
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === LogTag.ATTRIBUTES) {
        if (this.#attributesStart === end) this.#attributesStart = at;
        this.#attributesEnd = position;
      } else if ((tag & 7) === 2) this.#readBytes(tag, value, position);
      else if (tag === LogTag.TIME) this.timeAt = value;
      else if (tag === LogTag.OBSERVED_TIME) this.observedTimeAt = value;
      else if (tag === LogTag.SEVERITY_NUMBER) this.severityNumber = readInt32(buffer, value);
      else if (tag === LogTag.FLAGS) this.flags = buffer.readUInt32LE(value);
    }
    return this;
  }

  get severityText(): string {
    return this.buffer.toString('utf8', this.severityTextStart, this.severityTextEnd);
  }

  get eventName(): string {
    return this.buffer.toString('utf8', this.eventNameStart, this.eventNameEnd);
  }

  /** 32 hex digits, or '' where there is none. */
  get traceId(): string {
    return this.traceIdAt < 0 ? '' : this.buffer.toString('hex', this.traceIdAt, this.traceIdAt + 16);
  }

  /** 16 hex digits, or '' where there is none. */
  get spanId(): string {
    return this.spanIdAt < 0 ? '' : this.buffer.toString('hex', this.spanIdAt, this.spanIdAt + 8);
  }

  /** Nanoseconds since the Unix epoch; 0 where not set. */
  get timeUnixNano(): bigint {
    return this.timeAt < 0 ? 0n : this.buffer.readBigUInt64LE(this.timeAt);
  }

  get observedTimeUnixNano(): bigint {
    return this.observedTimeAt < 0 ? 0n : this.buffer.readBigUInt64LE(this.observedTimeAt);
  }

  get attributes(): Attributes {
    return this.#attributes.set(this.buffer, this.#attributesStart, this.#attributesEnd, LogTag.ATTRIBUTES);
  }

  #reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.timeAt = this.observedTimeAt = this.traceIdAt = this.spanIdAt = -1;
    this.severityNumber = this.flags = 0;
    this.severityTextStart = this.severityTextEnd = this.eventNameStart = this.eventNameEnd = end;
    this.bodyStart = this.bodyEnd = end;
    this.#attributesStart = this.#attributesEnd = end;
  }

  #readBytes(tag: number, value: number, after: number): void {
    readVarint(this.buffer, value);
    switch (tag) {
      case LogTag.TRACE_ID:
        this.traceIdAt = idAt(this.buffer, value, after);
        break;
      case LogTag.SPAN_ID:
        this.spanIdAt = idAt(this.buffer, value, after);
        break;
      case LogTag.BODY:
        this.bodyStart = next;
        this.bodyEnd = after;
        break;
      case LogTag.SEVERITY_TEXT:
        this.severityTextStart = next;
        this.severityTextEnd = after;
        break;
      case LogTag.EVENT_NAME:
        this.eventNameStart = next;
        this.eventNameEnd = after;
    }
  }
}
