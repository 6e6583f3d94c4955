import { field, type MessageSchema, many, message, one } from '../otlp/schema.ts';
import type { Message } from '../otlp/tree-decode.ts';

/**
 * Spans of Jaeger as data, as far as they mean something in OTLP. Ids are optional, so that an empty one can be told
 * from none. In JSON times are text; apart from that it is the usual JSON of protobuf.
 * Source: https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/model.proto
 */
const TIMESTAMP = message('Timestamp', [field(1, 'seconds', 'int64'), field(2, 'nanos', 'int32')]);

/** Values of `KeyValue.v_type`. */
export const ValueTypes = ['STRING', 'BOOL', 'INT64', 'FLOAT64', 'BINARY'] as const;
/** Values of `SpanRef.ref_type`. */
export const RefType = { CHILD_OF: 0, FOLLOWS_FROM: 1 } as const;

const KEY_VALUE = message('KeyValue', [
  field(1, 'key', 'string'),
  field(2, 'v_type', 'enum', { values: new Map(ValueTypes.map((name, number) => [name, number])) }),
  field(3, 'v_str', 'string'),
  field(4, 'v_bool', 'bool'),
  field(5, 'v_int64', 'int64'),
  field(6, 'v_float64', 'double'),
  field(7, 'v_binary', 'bytes'),
]);

const REFERENCE = message('SpanRef', [
  field(1, 'trace_id', 'bytes', { optional: true }),
  field(2, 'span_id', 'bytes', { optional: true }),
  field(3, 'ref_type', 'enum', { values: new Map(Object.entries(RefType)) }),
]);

const PROCESS = message('Process', [field(1, 'service_name', 'string'), many(2, 'tags', KEY_VALUE)]);

function span(time: (number: number, name: string) => ReturnType<typeof field>): MessageSchema {
  const log = message('Log', [time(1, 'timestamp'), many(2, 'fields', KEY_VALUE)]);
  return message('Span', [
    field(1, 'trace_id', 'bytes', { optional: true }),
    field(2, 'span_id', 'bytes', { optional: true }),
    field(3, 'operation_name', 'string'),
    many(4, 'references', REFERENCE),
    field(5, 'flags', 'uint32'),
    time(6, 'start_time'),
    time(7, 'duration'),
    many(8, 'tags', KEY_VALUE),
    many(9, 'logs', log),
    one(10, 'process', PROCESS),
    field(11, 'process_id', 'string'),
    field(12, 'warnings', 'string', { repeated: true }),
  ]);
}

export const SPAN: MessageSchema = span((number, name) => one(number, name, TIMESTAMP));
/** The same with times as text. */
export const JSON_SPAN: MessageSchema = span((number, name) => field(number, name, 'string'));

/** A decoded span. Times of `T` are seconds and nanoseconds, or text. */
export interface JaegerSpan<T = Parts> {
  traceId: Buffer | undefined;
  spanId: Buffer | undefined;
  operationName: string;
  references: { traceId: Buffer | undefined; spanId: Buffer | undefined; refType: number }[];
  flags: number;
  startTime: T | undefined;
  duration: T | undefined;
  tags: JaegerTag[];
  logs: { timestamp: T | undefined; fields: JaegerTag[] }[];
  process: JaegerProcess | undefined;
  processId: string;
  warnings: string[];
}
/** Both of the same sign in a duration; nanoseconds are never negative in a time. */
export interface Parts {
  seconds: bigint;
  nanos: number;
}
export interface JaegerProcess {
  serviceName: string;
  tags: JaegerTag[];
}
/** Only the value that `vType` names counts. */
export interface JaegerTag {
  key: string;
  vType: number;
  vStr: string;
  vBool: boolean;
  vInt64: bigint;
  vFloat64: number;
  vBinary: Buffer;
}

/** What decodeMessage makes of a schema of this file. */
export const asSpan = <T>(decoded: Message) => decoded as unknown as JaegerSpan<T>;
