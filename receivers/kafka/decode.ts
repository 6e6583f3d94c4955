import { TextDecoder } from 'node:util';
import { fromJson as fromJaegerJson, fromProto as fromJaegerProto } from '../../core/jaeger/span-message.ts';
import type { IncomingRecord } from '../../core/kafka/client.ts';
import { decodeEvent } from '../../core/kafka/event-json.ts';
import { anyValueOf } from '../../core/kafka/json-value.ts';
import { nanosOf } from '../../core/kafka/record-time.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { scan } from '../../core/otlp/scan/scan.ts';
import { type AnyValue, encodeTree, type LogRecord } from '../../core/otlp/tree.ts';
import type { Signal } from '../../core/signal.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { readJson } from '../../core/zipkin/json.ts';
import { readProto } from '../../core/zipkin/protobuf.ts';
import { thriftToOtlp } from '../../core/zipkin/thrift.ts';
import { toOtlp } from '../../core/zipkin/to-otlp.ts';

/** A record as a batch; undefined where nothing is in it. Throws what is wrong with it. */
export type Decode = (record: IncomingRecord, context: RequestContext) => Telemetry | undefined;

/** Throws where the signal has no such encoding. */
export function decoderOf(signal: Signal, encoding: string): Decode {
  if (encoding === 'otlp_proto') return (record, context) => fromProto(signal, record.value, context);
  if (encoding === 'otlp_json') return (record, context) => fromJson(signal, record.value, context);
  const translate = signal === 'traces' ? TO_OTLP[encoding] : undefined;
  if (translate !== undefined) return (record, context) => fromProto(signal, translate(record.value), context);
  if (encoding === 'events_json' && signal === 'logs') {
    return ({ value, timestamp }, context) => batchOf(decodeEvent(value, timestamp), context);
  }
  const body = signal === 'logs' ? bodyOf(encoding) : undefined;
  if (body !== undefined) return (record, context) => logOf(body(record.value), record, context);
  throw new Error(`unrecognized ${signal} encoding ${JSON.stringify(encoding)}`);
}

/** Traces of other makes as export requests. */
const TO_OTLP: Readonly<Record<string, (value: Buffer) => Buffer>> = {
  jaeger_proto: fromJaegerProto,
  jaeger_json: fromJaegerJson,
  zipkin_proto: (value) => toOtlp(readProto(value)),
  zipkin_json: (value) => toOtlp(readJson(value)),
  zipkin_thrift: thriftToOtlp,
};

function fromProto(signal: Signal, value: Buffer, context: RequestContext): Telemetry | undefined {
  const items = scan(signal, value, 0, value.length);
  return items === 0 ? undefined : Telemetry.of(signal, value, items, context);
}

function fromJson(signal: Signal, value: Buffer, context: RequestContext): Telemetry | undefined {
  const { range, items } = decodeJson(signal, value);
  if (items > 0) return new Telemetry(signal, [range], items, context);
  range.slab?.release();
  return undefined;
}

const TEXT = /^text(?:_(.+))?$/;

function bodyOf(encoding: string): ((value: Buffer) => AnyValue) | undefined {
  if (encoding === 'raw') return (value) => ({ bytesValue: value });
  if (encoding === 'json') return (value) => objectValue(JSON.parse(value.toString()));
  const text = TEXT.exec(encoding);
  if (text === null) return undefined;
  const decoder = decoderFor(text[1] ?? 'utf-8');
  return (value) => ({ stringValue: decoder.decode(value) });
}

function decoderFor(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch (cause) {
    throw new Error(`invalid text encoding: unsupported encoding '${charset}'`, { cause });
  }
}

function objectValue(json: unknown): AnyValue {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('the record is no JSON object');
  // numbers are doubles, as in the collector
  return anyValueOf(json, BODY_DEPTH, (doubleValue) => ({ doubleValue }));
}

/** Request, resource, scope, record, body: what is one inside another before the value. */
const BODY_DEPTH = 5;

const NONE = Buffer.alloc(0);

/** One log record, observed when Kafka got it. */
function logOf(body: AnyValue, { timestamp }: IncomingRecord, context: RequestContext): Telemetry {
  const record: LogRecord = {
    timeUnixNano: 0n,
    observedTimeUnixNano: nanosOf(timestamp),
    severityNumber: 0,
    severityText: '',
    body,
    attributes: [],
    droppedAttributesCount: 0,
    flags: 0,
    traceId: NONE,
    spanId: NONE,
    eventName: '',
  };
  return batchOf(record, context);
}

function batchOf(record: LogRecord, context: RequestContext): Telemetry {
  const scopeLogs = [{ scope: undefined, logRecords: [record], schemaUrl: '' }];
  const bytes = encodeTree('logs', { resourceLogs: [{ resource: undefined, scopeLogs, schemaUrl: '' }] });
  return Telemetry.of('logs', bytes, 1, context);
}
