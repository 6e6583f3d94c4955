import { Writer } from '../otlp/edit/writer.ts';
import { SpanEventReader, SpanLinkReader } from '../otlp/readers/parts.ts';
import { SpanKind, type SpanReader, SpanStatus } from '../otlp/readers/span.ts';
import { ValueReader, ValueType } from '../otlp/value.ts';
import { isNoId, writeVarint64 } from '../otlp/wire.ts';
import { writeAttributes, writeBytes, writeNumber, writeTag } from './key-values.ts';

/**
 *   Span: trace_id 1 bytes, span_id 2 bytes, operation_name 3 string, references 4 repeated SpanRef,
 *         start_time 6 Timestamp, duration 7 Duration, tags 8 repeated KeyValue, logs 9 repeated Log
 *   SpanRef: trace_id 1, span_id 2, ref_type 3 enum (0 CHILD_OF, 1 FOLLOWS_FROM)
 *   Log: timestamp 1 Timestamp, fields 2 repeated KeyValue
 *   Timestamp, Duration: seconds 1 int64, nanos 2 int32
 */
export const SpanTag = {
  TRACE_ID: (1 << 3) | 2,
  SPAN_ID: (2 << 3) | 2,
  NAME: (3 << 3) | 2,
  REFERENCE: (4 << 3) | 2,
  START_TIME: (6 << 3) | 2,
  DURATION: (7 << 3) | 2,
  TAG: (8 << 3) | 2,
  LOG: (9 << 3) | 2,
} as const;
const REFERENCE_TYPE = 3 << 3;
const LOG_TIME = (1 << 3) | 2;
const LOG_FIELD = (2 << 3) | 2;
const SECONDS = 1 << 3;
const NANOS = 2 << 3;

const FOLLOWS_FROM = 1;
const CHILD_OF = 0;
const NO_ID = Buffer.alloc(16);
const EVENT = Buffer.from('event');
const REF_TYPE = Buffer.from('opentracing.ref_type');
const MAX_INT64 = 2n ** 63n - 1n;
const SECOND = 1_000_000_000n;
/** An int64 takes at most so many bytes. */
const LONGEST_VARINT = 10;

/** A tag that is always the same, made once. */
function fixedTag(key: string, text: string | true): Buffer {
  const writer = new Writer();
  writeTag(writer, SpanTag.TAG, key, text === true ? true : Buffer.from(text));
  return writer.toBuffer();
}

const KINDS: Readonly<Record<number, Buffer>> = {
  [SpanKind.INTERNAL]: fixedTag('span.kind', 'internal'),
  [SpanKind.SERVER]: fixedTag('span.kind', 'server'),
  [SpanKind.CLIENT]: fixedTag('span.kind', 'client'),
  [SpanKind.PRODUCER]: fixedTag('span.kind', 'producer'),
  [SpanKind.CONSUMER]: fixedTag('span.kind', 'consumer'),
};
const STATUSES: Readonly<Record<number, Buffer>> = {
  [SpanStatus.OK]: fixedTag('otel.status_code', 'OK'),
  [SpanStatus.ERROR]: Buffer.concat([fixedTag('otel.status_code', 'ERROR'), fixedTag('error', true)]),
};

/** Writes spans of OTLP as spans of Jaeger, in the collector's translation. */
export class SpanWriter {
  readonly #event = new SpanEventReader();
  readonly #link = new SpanLinkReader();
  readonly #value = new ValueReader();

  /** The content of the message; `scopeTags` are fields of it that are encoded already. */
  write(writer: Writer, span: SpanReader, scopeTags: Buffer): void {
    const { buffer } = span;
    writeId(writer, SpanTag.TRACE_ID, buffer, span.traceIdAt, 16);
    writeId(writer, SpanTag.SPAN_ID, buffer, span.spanIdAt, 8);
    writeBytes(writer, SpanTag.NAME, buffer, span.nameStart, span.nameEnd);
    this.#writeReferences(writer, span);
    const start = BigInt.asIntN(64, span.startTimeUnixNano);
    const duration = saturated(BigInt.asIntN(64, span.endTimeUnixNano) - start);
    writeTime(writer, SpanTag.START_TIME, start);
    writeParts(writer, SpanTag.DURATION, duration / SECOND, duration % SECOND);
    writer.copy(scopeTags, 0, scopeTags.length);
    writeAttributes(writer, SpanTag.TAG, span.attributes);
    for (const tag of [KINDS[span.kind], STATUSES[span.statusCode]]) {
      if (tag !== undefined) writer.copy(tag, 0, tag.length);
    }
    const message = buffer.subarray(span.statusMessageStart, span.statusMessageEnd);
    if (message.length > 0) writeTag(writer, SpanTag.TAG, 'otel.status_description', message);
    const state = buffer.subarray(span.traceStateStart, span.traceStateEnd);
    if (state.length > 0) writeTag(writer, SpanTag.TAG, 'w3c.tracestate', state);
    this.#writeLogs(writer, span);
  }

  /** The parent comes first, as what looks for it expects; a link to it only decides of what kind it is. */
  #writeReferences(writer: Writer, span: SpanReader): void {
    const { buffer } = span;
    const link = this.#link;
    const hasParent = !isNoId(buffer, span.parentSpanIdAt, 8);
    const toParent = () =>
      hasParent &&
      sameId(buffer, span.traceIdAt, link.buffer, link.traceIdAt, 16) &&
      sameId(buffer, span.parentSpanIdAt, link.buffer, link.spanIdAt, 8);
    let parentType: number = CHILD_OF;
    let others = 0;
    for (const links = span.links; links.next(); ) {
      link.read(links.buffer, links.messageStart, links.messageEnd);
      if (toParent()) parentType = this.#typeOf(link);
      else others++;
    }
    if (hasParent) writeReference(writer, buffer, span.traceIdAt, span.parentSpanIdAt, parentType);
    if (others === 0) return;
    for (const links = span.links; links.next(); ) {
      link.read(links.buffer, links.messageStart, links.messageEnd);
      if (!toParent()) writeReference(writer, link.buffer, link.traceIdAt, link.spanIdAt, this.#typeOf(link));
    }
  }

  #typeOf({ attributes, buffer }: SpanLinkReader): number {
    if (!attributes.find(REF_TYPE)) return FOLLOWS_FROM;
    const value = this.#value.read(buffer, attributes.valueStart, attributes.valueEnd);
    return value.type === ValueType.STRING && value.string === 'child_of' ? CHILD_OF : FOLLOWS_FROM;
  }

  #writeLogs(writer: Writer, span: SpanReader): void {
    const event = this.#event;
    for (const events = span.events; events.next(); ) {
      event.read(events.buffer, events.messageStart, events.messageEnd);
      writer.open(SpanTag.LOG, (event.end - event.start) * 2);
      writeTime(writer, LOG_TIME, BigInt.asIntN(64, event.timeUnixNano));
      const { attributes } = event;
      const name = event.buffer.subarray(event.nameStart, event.nameEnd);
      if (name.length > 0 && !attributes.find(EVENT)) writeTag(writer, LOG_FIELD, 'event', name);
      writeAttributes(writer, LOG_FIELD, attributes);
      writer.close();
    }
  }
}

/** Always there; zeros where the span has none. */
function writeId(writer: Writer, tag: number, buffer: Buffer, at: number, length: number): void {
  if (at < 0) writeBytes(writer, tag, NO_ID, 0, length);
  else writeBytes(writer, tag, buffer, at, at + length);
}

function writeReference(writer: Writer, buffer: Buffer, traceIdAt: number, spanIdAt: number, type: number): void {
  writer.open(SpanTag.REFERENCE, 30);
  writeId(writer, SpanTag.TRACE_ID, buffer, traceIdAt, 16);
  writeId(writer, SpanTag.SPAN_ID, buffer, spanIdAt, 8);
  if (type !== CHILD_OF) writeNumber(writer, REFERENCE_TYPE, type);
  writer.close();
}

/** No id is the same as one of zeros. */
function sameId(a: Buffer, aAt: number, b: Buffer, bAt: number, length: number): boolean {
  const [x, y] = [aAt < 0 ? NO_ID : a, bAt < 0 ? NO_ID : b];
  const [xAt, yAt] = [Math.max(aAt, 0), Math.max(bAt, 0)];
  return x.compare(y, yAt, yAt + length, xAt, xAt + length) === 0;
}

/** Nanoseconds are counted forward from whole seconds, before 1970 too. */
function writeTime(writer: Writer, tag: number, unixNanos: bigint): void {
  const nanos = ((unixNanos % SECOND) + SECOND) % SECOND;
  writeParts(writer, tag, (unixNanos - nanos) / SECOND, nanos);
}

function writeParts(writer: Writer, tag: number, seconds: bigint, nanos: bigint): void {
  writer.open(tag, 12);
  for (const [field, part] of [[SECONDS, seconds] as const, [NANOS, nanos] as const]) {
    if (part === 0n) continue;
    writer.varint(field);
    writer.reserve(LONGEST_VARINT);
    writer.length = writeVarint64(writer.buffer, writer.length, part);
  }
  writer.close();
}

function saturated(nanos: bigint): bigint {
  if (nanos > MAX_INT64) return MAX_INT64;
  return nanos < -MAX_INT64 - 1n ? -MAX_INT64 - 1n : nanos;
}
