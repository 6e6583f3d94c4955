import type { Signal } from '../signal.ts';
import { WireType } from './wire.ts';

/**
 * The OTLP messages as data: what a field is called, where it is on the wire and how it is spelled in JSON.
 * Generic walkers (JSON in and out, structure check, dumps, tests) are driven by it; hot readers use the field
 * numbers directly. Source: opentelemetry-proto 1.10 and, for fields it has dropped, what the collector still reads.
 */
export type FieldKind =
  | 'string'
  | 'bytes'
  /** 16 bytes, in JSON 32 hex digits; absent and all zero are the same. */
  | 'traceId'
  /** 8 bytes, in JSON 16 hex digits; absent and all zero are the same. */
  | 'spanId'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'int32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  | 'message';

export interface FieldSchema {
  readonly number: number;
  /** As in the .proto file; accepted in JSON too. */
  readonly name: string;
  /** lowerCamelCase, the one that is written. */
  readonly jsonName: string;
  readonly kind: FieldKind;
  readonly wireType: WireType;
  /** Repeated fixed-size and varint kinds are written packed and must be read packed and unpacked. */
  readonly repeated: boolean;
  readonly packed: boolean;
  /** The oneof this field belongs to: the last one on the wire wins, zero values are written. */
  readonly oneof: string | undefined;
  /** `optional` in the .proto file: a zero value that is present differs from an absent one. */
  readonly optional: boolean;
  /** Of kind `message`. */
  readonly message: MessageSchema | undefined;
  /** Of kind `enum`: value by name. */
  readonly values: ReadonlyMap<string, number> | undefined;
  /** Dropped from the protocol; read as if it were the field of this number when that one is absent. */
  readonly replacedBy: number | undefined;
}

export interface MessageSchema {
  readonly name: string;
  /** In the order of the .proto files, which is the order the collector prints JSON in. */
  readonly fields: readonly FieldSchema[];
  readonly byNumber: ReadonlyMap<number, FieldSchema>;
  /** By name and by JSON name. */
  readonly byName: ReadonlyMap<string, FieldSchema>;
}

interface FieldOptions {
  readonly repeated?: boolean;
  readonly oneof?: string;
  readonly optional?: boolean;
  readonly message?: MessageSchema;
  readonly values?: ReadonlyMap<string, number>;
  readonly replacedBy?: number;
}

const WIRE_TYPES: Readonly<Record<FieldKind, WireType>> = {
  string: WireType.BYTES,
  bytes: WireType.BYTES,
  traceId: WireType.BYTES,
  spanId: WireType.BYTES,
  message: WireType.BYTES,
  bool: WireType.VARINT,
  enum: WireType.VARINT,
  uint32: WireType.VARINT,
  int32: WireType.VARINT,
  sint32: WireType.VARINT,
  int64: WireType.VARINT,
  uint64: WireType.VARINT,
  fixed32: WireType.FIXED32,
  fixed64: WireType.FIXED64,
  sfixed64: WireType.FIXED64,
  double: WireType.FIXED64,
};

/** A field of a message. */
export function field(number: number, name: string, kind: FieldKind, options: FieldOptions = {}): FieldSchema {
  const repeated = options.repeated ?? false;
  return {
    number,
    name,
    jsonName: name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    kind,
    wireType: WIRE_TYPES[kind],
    repeated,
    packed: repeated && WIRE_TYPES[kind] !== WireType.BYTES,
    oneof: options.oneof,
    optional: options.optional ?? false,
    message: options.message,
    values: options.values,
    replacedBy: options.replacedBy,
  };
}

/** A field with a message. */
export const one = (number: number, name: string, schema: MessageSchema) =>
  field(number, name, 'message', { message: schema });

/** A field with messages. */
export const many = (number: number, name: string, schema: MessageSchema) =>
  field(number, name, 'message', { message: schema, repeated: true });

const oneofMessage = (oneof: string, number: number, name: string, schema: MessageSchema) =>
  field(number, name, 'message', { message: schema, oneof });

const enumeration = (number: number, name: string, values: ReadonlyMap<string, number>) =>
  field(number, name, 'enum', { values });

/** A message; `name` is that of the .proto file. */
export function message(name: string, fields: readonly FieldSchema[]): MessageSchema {
  return addFields({ name, fields: [], byNumber: new Map(), byName: new Map() }, fields);
}

interface OpenMessage extends MessageSchema {
  readonly fields: FieldSchema[];
  readonly byNumber: Map<number, FieldSchema>;
  readonly byName: Map<string, FieldSchema>;
}

/** Apart from `message` because AnyValue contains itself. */
function addFields(schema: OpenMessage, fields: readonly FieldSchema[]): MessageSchema {
  for (const f of fields) {
    schema.fields.push(f);
    schema.byNumber.set(f.number, f);
    schema.byName.set(f.name, f).set(f.jsonName, f);
  }
  return schema;
}

const openAnyValue: OpenMessage = { name: 'AnyValue', fields: [], byNumber: new Map(), byName: new Map() };

export const ANY_VALUE: MessageSchema = openAnyValue;

export const KEY_VALUE = message('KeyValue', [
  field(1, 'key', 'string'),
  one(2, 'value', ANY_VALUE),
  // an index into the string table of profiles; meaningless, but carried, elsewhere
  field(3, 'key_strindex', 'int32'),
]);

const ARRAY_VALUE = message('ArrayValue', [many(1, 'values', ANY_VALUE)]);
const KEY_VALUE_LIST = message('KeyValueList', [many(1, 'values', KEY_VALUE)]);

addFields(openAnyValue, [
  field(1, 'string_value', 'string', { oneof: 'value' }),
  field(2, 'bool_value', 'bool', { oneof: 'value' }),
  field(3, 'int_value', 'int64', { oneof: 'value' }),
  field(4, 'double_value', 'double', { oneof: 'value' }),
  oneofMessage('value', 5, 'array_value', ARRAY_VALUE),
  oneofMessage('value', 6, 'kvlist_value', KEY_VALUE_LIST),
  field(7, 'bytes_value', 'bytes', { oneof: 'value' }),
  field(8, 'string_value_strindex', 'int32', { oneof: 'value' }),
]);

const ENTITY_REF = message('EntityRef', [
  field(1, 'schema_url', 'string'),
  field(2, 'type', 'string'),
  field(3, 'id_keys', 'string', { repeated: true }),
  field(4, 'description_keys', 'string', { repeated: true }),
]);

export const RESOURCE = message('Resource', [
  many(1, 'attributes', KEY_VALUE),
  field(2, 'dropped_attributes_count', 'uint32'),
  many(3, 'entity_refs', ENTITY_REF),
]);

const INSTRUMENTATION_SCOPE = message('InstrumentationScope', [
  field(1, 'name', 'string'),
  field(2, 'version', 'string'),
  many(3, 'attributes', KEY_VALUE),
  field(4, 'dropped_attributes_count', 'uint32'),
]);

/** Kind → number as in the protocol; `Span.kind`. */
export const SPAN_KINDS: ReadonlyMap<string, number> = enumValues('SPAN_KIND_', [
  'UNSPECIFIED',
  'INTERNAL',
  'SERVER',
  'CLIENT',
  'PRODUCER',
  'CONSUMER',
]);

const STATUS_CODES: ReadonlyMap<string, number> = enumValues('STATUS_CODE_', ['UNSET', 'OK', 'ERROR']);

const AGGREGATION_TEMPORALITIES: ReadonlyMap<string, number> = enumValues('AGGREGATION_TEMPORALITY_', [
  'UNSPECIFIED',
  'DELTA',
  'CUMULATIVE',
]);

const SEVERITY_NUMBERS: ReadonlyMap<string, number> = enumValues('SEVERITY_NUMBER_', [
  'UNSPECIFIED',
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((level) => [
    level,
    `${level}2`,
    `${level}3`,
    `${level}4`,
  ]),
]);

function enumValues(prefix: string, names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, number) => [prefix + name, number]));
}

const SPAN_EVENT = message('Span.Event', [
  field(1, 'time_unix_nano', 'fixed64'),
  field(2, 'name', 'string'),
  many(3, 'attributes', KEY_VALUE),
  field(4, 'dropped_attributes_count', 'uint32'),
]);

const SPAN_LINK = message('Span.Link', [
  field(1, 'trace_id', 'traceId'),
  field(2, 'span_id', 'spanId'),
  field(3, 'trace_state', 'string'),
  many(4, 'attributes', KEY_VALUE),
  field(5, 'dropped_attributes_count', 'uint32'),
  field(6, 'flags', 'fixed32'),
]);

const SPAN_STATUS = message('Status', [field(2, 'message', 'string'), enumeration(3, 'code', STATUS_CODES)]);

const SPAN = message('Span', [
  field(1, 'trace_id', 'traceId'),
  field(2, 'span_id', 'spanId'),
  field(3, 'trace_state', 'string'),
  field(4, 'parent_span_id', 'spanId'),
  field(16, 'flags', 'fixed32'),
  field(5, 'name', 'string'),
  enumeration(6, 'kind', SPAN_KINDS),
  field(7, 'start_time_unix_nano', 'fixed64'),
  field(8, 'end_time_unix_nano', 'fixed64'),
  many(9, 'attributes', KEY_VALUE),
  field(10, 'dropped_attributes_count', 'uint32'),
  many(11, 'events', SPAN_EVENT),
  field(12, 'dropped_events_count', 'uint32'),
  many(13, 'links', SPAN_LINK),
  field(14, 'dropped_links_count', 'uint32'),
  one(15, 'status', SPAN_STATUS),
]);

const EXEMPLAR = message('Exemplar', [
  many(7, 'filtered_attributes', KEY_VALUE),
  field(2, 'time_unix_nano', 'fixed64'),
  field(3, 'as_double', 'double', { oneof: 'value' }),
  field(6, 'as_int', 'sfixed64', { oneof: 'value' }),
  field(5, 'trace_id', 'traceId'),
  field(4, 'span_id', 'spanId'),
]);

const NUMBER_DATA_POINT = message('NumberDataPoint', [
  many(7, 'attributes', KEY_VALUE),
  field(2, 'start_time_unix_nano', 'fixed64'),
  field(3, 'time_unix_nano', 'fixed64'),
  field(4, 'as_double', 'double', { oneof: 'value' }),
  field(6, 'as_int', 'sfixed64', { oneof: 'value' }),
  many(5, 'exemplars', EXEMPLAR),
  field(8, 'flags', 'uint32'),
]);

const HISTOGRAM_DATA_POINT = message('HistogramDataPoint', [
  many(9, 'attributes', KEY_VALUE),
  field(2, 'start_time_unix_nano', 'fixed64'),
  field(3, 'time_unix_nano', 'fixed64'),
  field(4, 'count', 'fixed64'),
  field(5, 'sum', 'double', { optional: true }),
  field(6, 'bucket_counts', 'fixed64', { repeated: true }),
  field(7, 'explicit_bounds', 'double', { repeated: true }),
  many(8, 'exemplars', EXEMPLAR),
  field(10, 'flags', 'uint32'),
  field(11, 'min', 'double', { optional: true }),
  field(12, 'max', 'double', { optional: true }),
]);

const EXPONENTIAL_BUCKETS = message('ExponentialHistogramDataPoint.Buckets', [
  field(1, 'offset', 'sint32'),
  field(2, 'bucket_counts', 'uint64', { repeated: true }),
]);

const EXPONENTIAL_HISTOGRAM_DATA_POINT = message('ExponentialHistogramDataPoint', [
  many(1, 'attributes', KEY_VALUE),
  field(2, 'start_time_unix_nano', 'fixed64'),
  field(3, 'time_unix_nano', 'fixed64'),
  field(4, 'count', 'fixed64'),
  field(5, 'sum', 'double', { optional: true }),
  field(6, 'scale', 'sint32'),
  field(7, 'zero_count', 'fixed64'),
  one(8, 'positive', EXPONENTIAL_BUCKETS),
  one(9, 'negative', EXPONENTIAL_BUCKETS),
  field(10, 'flags', 'uint32'),
  many(11, 'exemplars', EXEMPLAR),
  field(12, 'min', 'double', { optional: true }),
  field(13, 'max', 'double', { optional: true }),
  field(14, 'zero_threshold', 'double'),
]);

const VALUE_AT_QUANTILE = message('SummaryDataPoint.ValueAtQuantile', [
  field(1, 'quantile', 'double'),
  field(2, 'value', 'double'),
]);

const SUMMARY_DATA_POINT = message('SummaryDataPoint', [
  many(7, 'attributes', KEY_VALUE),
  field(2, 'start_time_unix_nano', 'fixed64'),
  field(3, 'time_unix_nano', 'fixed64'),
  field(4, 'count', 'fixed64'),
  field(5, 'sum', 'double'),
  many(6, 'quantile_values', VALUE_AT_QUANTILE),
  field(8, 'flags', 'uint32'),
]);

export const GAUGE = message('Gauge', [many(1, 'data_points', NUMBER_DATA_POINT)]);

export const SUM = message('Sum', [
  many(1, 'data_points', NUMBER_DATA_POINT),
  enumeration(2, 'aggregation_temporality', AGGREGATION_TEMPORALITIES),
  field(3, 'is_monotonic', 'bool'),
]);

export const HISTOGRAM = message('Histogram', [
  many(1, 'data_points', HISTOGRAM_DATA_POINT),
  enumeration(2, 'aggregation_temporality', AGGREGATION_TEMPORALITIES),
]);

export const EXPONENTIAL_HISTOGRAM = message('ExponentialHistogram', [
  many(1, 'data_points', EXPONENTIAL_HISTOGRAM_DATA_POINT),
  enumeration(2, 'aggregation_temporality', AGGREGATION_TEMPORALITIES),
]);

export const SUMMARY = message('Summary', [many(1, 'data_points', SUMMARY_DATA_POINT)]);

const METRIC = message('Metric', [
  field(1, 'name', 'string'),
  field(2, 'description', 'string'),
  field(3, 'unit', 'string'),
  oneofMessage('data', 5, 'gauge', GAUGE),
  oneofMessage('data', 7, 'sum', SUM),
  oneofMessage('data', 9, 'histogram', HISTOGRAM),
  oneofMessage('data', 10, 'exponential_histogram', EXPONENTIAL_HISTOGRAM),
  oneofMessage('data', 11, 'summary', SUMMARY),
  many(12, 'metadata', KEY_VALUE),
]);

const LOG_RECORD = message('LogRecord', [
  field(1, 'time_unix_nano', 'fixed64'),
  field(11, 'observed_time_unix_nano', 'fixed64'),
  enumeration(2, 'severity_number', SEVERITY_NUMBERS),
  field(3, 'severity_text', 'string'),
  one(5, 'body', ANY_VALUE),
  many(6, 'attributes', KEY_VALUE),
  field(7, 'dropped_attributes_count', 'uint32'),
  field(8, 'flags', 'fixed32'),
  field(9, 'trace_id', 'traceId'),
  field(10, 'span_id', 'spanId'),
  field(12, 'event_name', 'string'),
]);

/** `ScopeSpans {scope 1, spans 2, schema_url 3}`, and likewise for the other signals. */
function scopeGroup(name: string, items: string, item: MessageSchema): MessageSchema {
  return message(name, [
    one(1, 'scope', INSTRUMENTATION_SCOPE),
    many(2, items, item),
    field(3, 'schema_url', 'string'),
  ]);
}

/** `ResourceSpans {resource 1, scope_spans 2, schema_url 3}`, and likewise for the other signals. */
function resourceGroup(name: string, scopes: string, scope: MessageSchema): MessageSchema {
  return message(name, [
    one(1, 'resource', RESOURCE),
    many(2, scopes, scope),
    field(3, 'schema_url', 'string'),
    // `instrumentation_library_*` of OTLP 0.15 and before; the collector still reads it, under this name in JSON
    field(1000, `deprecated_${scopes}`, 'message', { message: scope, repeated: true, replacedBy: 2 }),
  ]);
}

const SCOPE_SPANS = scopeGroup('ScopeSpans', 'spans', SPAN);
const SCOPE_METRICS = scopeGroup('ScopeMetrics', 'metrics', METRIC);
const SCOPE_LOGS = scopeGroup('ScopeLogs', 'log_records', LOG_RECORD);

const RESOURCE_SPANS = resourceGroup('ResourceSpans', 'scope_spans', SCOPE_SPANS);
const RESOURCE_METRICS = resourceGroup('ResourceMetrics', 'scope_metrics', SCOPE_METRICS);
const RESOURCE_LOGS = resourceGroup('ResourceLogs', 'scope_logs', SCOPE_LOGS);

/** What an export request of a signal is, and what a batch of it is a run of. */
export const EXPORT_REQUEST: Readonly<Record<Signal, MessageSchema>> = {
  traces: message('ExportTraceServiceRequest', [many(1, 'resource_spans', RESOURCE_SPANS)]),
  metrics: message('ExportMetricsServiceRequest', [many(1, 'resource_metrics', RESOURCE_METRICS)]),
  logs: message('ExportLogsServiceRequest', [many(1, 'resource_logs', RESOURCE_LOGS)]),
};

function exportResponse(signal: string, rejected: string): MessageSchema {
  const partial = message(`Export${signal}PartialSuccess`, [
    field(1, rejected, 'int64'),
    field(2, 'error_message', 'string'),
  ]);
  return message(`Export${signal}ServiceResponse`, [one(1, 'partial_success', partial)]);
}

export const EXPORT_RESPONSE: Readonly<Record<Signal, MessageSchema>> = {
  traces: exportResponse('Trace', 'rejected_spans'),
  metrics: exportResponse('Metrics', 'rejected_data_points'),
  logs: exportResponse('Logs', 'rejected_log_records'),
};

/** The messages that are counted as items: spans, data points of all kinds, log records. */
export const ITEM_MESSAGES: ReadonlySet<MessageSchema> = new Set([
  SPAN,
  LOG_RECORD,
  NUMBER_DATA_POINT,
  HISTOGRAM_DATA_POINT,
  EXPONENTIAL_HISTOGRAM_DATA_POINT,
  SUMMARY_DATA_POINT,
]);
