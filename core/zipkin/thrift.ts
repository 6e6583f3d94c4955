import { SpanKind } from '../otlp/readers/span.ts';
import {
  type AnyValue,
  encodeTree,
  type KeyValue,
  type ResourceSpans,
  type Span,
  type SpanEvent,
} from '../otlp/tree.ts';
import { ipText } from './ip.ts';
import { ThriftReader, type ThriftStruct } from './thrift-reader.ts';
import { ThriftStatus } from './thrift-status.ts';

/**
 *   Span: trace_id 1 i64, name 3, id 4 i64, parent_id 5 i64, annotations 6, binary_annotations 8, timestamp 10 i64,
 *         duration 11 i64, trace_id_high 12 i64
 *   Annotation: timestamp 1 i64, value 2, host 3 Endpoint
 *   BinaryAnnotation: key 1, value 2, annotation_type 3 i32, host 4 Endpoint
 *   Endpoint: ipv4 1 i32, port 2 i16, service_name 3, ipv6 4
 *
 * Source: https://github.com/openzipkin/zipkin-api/blob/master/thrift/zipkinCore.thrift
 */
const KINDS: Readonly<Record<string, number>> = {
  cs: SpanKind.CLIENT,
  cr: SpanKind.CLIENT,
  ms: SpanKind.PRODUCER,
  mr: SpanKind.CONSUMER,
  ss: SpanKind.SERVER,
  sr: SpanKind.SERVER,
};
const LOCAL_COMPONENT = 'lc';
const UNKNOWN_SERVICE = 'unknown-service';
const MICROSECOND = 1000n;

interface Service {
  name: string;
  ipv4: string;
  ipv6: string;
  port: number;
}

/** Spans of version 1 in Thrift's binary protocol as an export request of OTLP. Throws where they are none. */
export function thriftToOtlp(bytes: Buffer): Buffer {
  const groups = new Map<string, { group: ResourceSpans; spans: Span[] }>();
  for (const struct of new ThriftReader(bytes).structs()) {
    const { span, service } = spanOf(struct);
    const attributes = serviceAttributes(service);
    const key = JSON.stringify(service);
    let known = groups.get(key);
    if (known === undefined) {
      const spans: Span[] = [];
      const resource = { attributes, droppedAttributesCount: 0, entityRefs: [] };
      const scopeSpans = [{ scope: undefined, spans, schemaUrl: '' }];
      known = { group: { resource, scopeSpans, schemaUrl: '' }, spans };
      groups.set(key, known);
    }
    known.spans.push(span);
  }
  return encodeTree('traces', { resourceSpans: Array.from(groups.values(), ({ group }) => group) });
}

function serviceAttributes({ name, ipv4, ipv6, port }: Service): KeyValue[] {
  const all = Object.entries({ 'service.name': name, ipv4, ipv6, port: port === 0 ? '' : String(port) });
  const some = all.filter(([key, value]) => key === 'service.name' || value !== '');
  return some.map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

function spanOf(struct: ThriftStruct): { span: Span; service: Service } {
  const noted = annotationsOf(struct);
  const { attributes, status, serviceName } = binaryAnnotationsOf(struct);
  const service = noted.service ?? { name: serviceName || UNKNOWN_SERVICE, ipv4: '', ipv6: '', port: 0 };
  const timestamp = struct.i64(10);
  const end = timestamp === undefined ? noted.end : timestamp + (struct.i64(11) ?? 0n);
  const span: Span = {
    traceId: Buffer.concat([idOf(struct.i64(12)), idOf(struct.i64(1))]),
    spanId: idOf(struct.i64(4)),
    traceState: '',
    parentSpanId: idOf(struct.i64(5)),
    flags: 0,
    name: struct.text(3),
    kind: noted.kind,
    startTimeUnixNano: nanos(timestamp ?? noted.start),
    endTimeUnixNano: nanos(end),
    attributes,
    droppedAttributesCount: 0,
    events: noted.events,
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status,
  };
  return { span, service };
}

function idOf(number: bigint | undefined): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(number ?? 0n);
  return bytes;
}

const nanos = (micros: bigint | undefined) =>
  micros === undefined || micros <= 0n ? 0n : BigInt.asUintN(64, micros * MICROSECOND);

/** What has a time: the kind of the span, its service, how long it took, and events. */
function annotationsOf(struct: ThriftStruct) {
  let [start, end]: (bigint | undefined)[] = [];
  let service: Service | undefined;
  let kind: number | undefined;
  const events: SpanEvent[] = [];
  for (const annotation of struct.structs(6)) {
    const value = annotation.text(2);
    if (value === '') continue;
    const at = annotation.i64(1) ?? 0n;
    if (start === undefined || at < start) start = at;
    if (end === undefined || at > end) end = at;
    if (!Object.hasOwn(KINDS, value)) {
      events.push({ timeUnixNano: nanos(at), name: value, attributes: [], droppedAttributesCount: 0 });
      continue;
    }
    kind ??= KINDS[value];
    service ??= serviceOf(annotation.struct(3));
  }
  return { start, end, service, kind: kind ?? SpanKind.UNSPECIFIED, events };
}

function serviceOf(host: ThriftStruct | undefined): Service | undefined {
  const name = host?.text(3) ?? '';
  if (host === undefined || name === '' || name === UNKNOWN_SERVICE) return undefined;
  const ipv4 = Buffer.alloc(4);
  ipv4.writeInt32BE(host.i32(1));
  const ipv6 = host.binary(4);
  return {
    name,
    ipv4: host.i32(1) === 0 ? '' : ipText(ipv4),
    ipv6: ipv6.length === 0 ? '' : ipText(ipv6),
    port: host.i16(2),
  };
}

/** Of annotations with the same key the last one stands. */
function binaryAnnotationsOf(struct: ThriftStruct) {
  const attributes = new Map<string, AnyValue>();
  const status = new ThriftStatus();
  let [serviceName, component] = ['', ''];
  for (const annotation of struct.structs(8)) {
    serviceName = annotation.struct(4)?.text(3) ?? serviceName;
    const value = valueOfBinary(annotation.i32(3), annotation.binary(2));
    const key = annotation.text(1);
    if (key === LOCAL_COMPONENT) component = annotation.text(2);
    const name = key === LOCAL_COMPONENT ? 'component' : key;
    if (!status.take(name, value)) attributes.set(name, value);
  }
  return {
    attributes: Array.from(attributes, ([key, value]) => ({ key, value })),
    status: status.status(),
    serviceName: serviceName || component,
  };
}

/** Types: bool, bytes, i16, i32, i64, double, text. Integers under 64 bits have no sign, as in the collector. */
function valueOfBinary(type: number, bytes: Buffer): AnyValue {
  const sizes = [0, 0, 2, 4, 8, 8, 0];
  if (bytes.length < (sizes[type] ?? 0)) return { stringValue: '<not enough bytes representing the number>' };
  switch (type) {
    case 0:
      return { boolValue: bytes.length === 1 && bytes[0] === 1 };
    case 1:
      return { stringValue: bytes.toString('base64') };
    case 2:
      return { intValue: BigInt(bytes.readUInt16BE()) };
    case 3:
      return { intValue: BigInt(bytes.readUInt32BE()) };
    case 4:
      return { intValue: bytes.readBigInt64BE() };
    case 5:
      return { doubleValue: bytes.readDoubleBE() };
    case 6:
      return { stringValue: bytes.toString() };
    default:
      return { stringValue: `<unknown zipkin v1 binary annotation type (${type})>` };
  }
}
