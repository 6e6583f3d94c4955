import { decodeForeign } from '../otlp/decode-foreign.ts';
import { Writer } from '../otlp/edit/writer.ts';
import { transcodeJson } from '../otlp/json/decode.ts';
import { Groups } from '../otlp/readers/groups.ts';
import { SpanReader } from '../otlp/readers/span.ts';
import { decodeMessage } from '../otlp/tree-decode.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { ResourceWriter } from './resource-writer.ts';
import { asSpan, type JaegerSpan, JSON_SPAN, type Parts, RefType, SPAN, ValueTypes } from './schema.ts';
import { SpanWriter } from './span-writer.ts';
import { durationJson, durationOf, parseDuration, parseTime, timeJson, timeOf } from './times.ts';
import { spanToOtlp } from './to-otlp.ts';

/** A span with its process, and the id of its trace as text: 16 digits where the upper half is zero, else 32. */
export interface SpanMessage {
  readonly traceId: string;
  readonly bytes: Buffer;
}

const PROCESS = (10 << 3) | 2;

/** Writes each span as a message of its own. */
export class SpanMessages {
  readonly #groups = new Groups();
  readonly #span = new SpanReader();
  readonly #resource = new ResourceWriter();
  readonly #spanWriter = new SpanWriter();
  readonly #writer = new Writer();

  /** In Jaeger's protobuf. The batch stays the caller's. */
  encode(batch: Telemetry): SpanMessage[] {
    const messages: SpanMessage[] = [];
    const at = this.#groups.open(batch);
    while (at.nextResource()) {
      const process = this.#resource.process(at);
      while (at.nextScope()) {
        const scopeTags = this.#resource.scopeTags(at);
        while (at.nextMember()) {
          const span = this.#span.read(at.buffer, at.memberStart, at.memberEnd);
          this.#spanWriter.write(this.#writer, span, scopeTags);
          this.#writer.field(PROCESS, process);
          const id = span.traceIdAt < 0 ? '' : at.buffer.toString('hex', span.traceIdAt, span.traceIdAt + 16);
          messages.push({ traceId: id.padStart(32, '0').replace(/^0{16}/, ''), bytes: this.#writer.toBuffer() });
        }
      }
    }
    return messages;
  }
}

/** An export request with the span of a message. Throws what is wrong with it. */
export function fromProto(bytes: Buffer): Buffer {
  return spanToOtlp(asSpan(decodeForeign(SPAN, bytes)));
}

/** The same from JSON. Fields that are not known are passed over. */
export function fromJson(json: Buffer): Buffer {
  const bytes = transcodeJson(JSON_SPAN, json);
  const span = asSpan<string>(decodeMessage(JSON_SPAN, bytes, 0, bytes.length));
  const time = (text: string | undefined) => (text === undefined || text === '' ? undefined : parts(parseTime(text)));
  return spanToOtlp({
    ...span,
    startTime: time(span.startTime),
    duration: span.duration ? signedParts(parseDuration(span.duration)) : undefined,
    logs: span.logs.map(({ timestamp, fields }) => ({ timestamp: time(timestamp), fields })),
  });
}

const SECOND = 1_000_000_000n;

function parts(unixNanos: bigint): Parts {
  const nanos = ((unixNanos % SECOND) + SECOND) % SECOND;
  return { seconds: (unixNanos - nanos) / SECOND, nanos: Number(nanos) };
}

const signedParts = (nanos: bigint): Parts => ({ seconds: nanos / SECOND, nanos: Number(nanos % SECOND) });

/** The JSON of a message, without what is zero or empty; 64-bit integers are text. */
export function toJson(bytes: Buffer): Buffer {
  const span = asSpan<Parts>(decodeMessage(SPAN, bytes, 0, bytes.length));
  const tags = (list: JaegerSpan['tags']) =>
    orNone(
      list.map((tag) => ({
        key: tag.key || undefined,
        vType: tag.vType === 0 ? undefined : (ValueTypes[tag.vType] as string),
        vStr: tag.vStr || undefined,
        vBool: tag.vBool || undefined,
        vInt64: tag.vInt64 === 0n ? undefined : tag.vInt64.toString(),
        vFloat64: Object.is(tag.vFloat64, 0) ? undefined : double(tag.vFloat64),
        vBinary: tag.vBinary.length === 0 ? undefined : tag.vBinary.toString('base64'),
      })),
    );
  const duration = durationOf(span.duration);
  const json = {
    traceId: span.traceId?.toString('base64'),
    spanId: spanIdJson(span.spanId),
    operationName: span.operationName || undefined,
    references: orNone(
      span.references.map(({ traceId, spanId, refType }) => ({
        traceId: traceId?.toString('base64'),
        spanId: spanIdJson(spanId),
        refType: refType === RefType.FOLLOWS_FROM ? 'FOLLOWS_FROM' : undefined,
      })),
    ),
    startTime: timeJson(timeOf(span.startTime)),
    duration: duration === 0n ? undefined : durationJson(duration),
    tags: tags(span.tags),
    logs: orNone(
      span.logs.map(({ timestamp, fields }) => ({ timestamp: timeJson(timeOf(timestamp)), fields: tags(fields) })),
    ),
    process: span.process && { serviceName: span.process.serviceName || undefined, tags: tags(span.process.tags) },
  };
  return Buffer.from(JSON.stringify(json));
}

const spanIdJson = (id: Buffer | undefined) => (id?.some((byte) => byte !== 0) ? id.toString('base64') : undefined);

const orNone = <T>(list: T[]): T[] | undefined => (list.length === 0 ? undefined : list);

/** JSON has no numbers for what is none or too large. */
function double(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
