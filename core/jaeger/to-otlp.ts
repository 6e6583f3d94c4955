import { SpanKind } from '../otlp/readers/span.ts';
import {
  type AnyValue,
  encodeTree,
  type KeyValue,
  type ResourceSpans,
  type Span,
  type SpanLink,
} from '../otlp/tree.ts';
import { type JaegerProcess, type JaegerSpan, type JaegerTag, RefType, ValueTypes } from './schema.ts';
import { type AttributeMap, statusOf, textOf } from './status.ts';
import { durationOf, timeOf } from './times.ts';

const NONE = Buffer.alloc(0);
/** The service of a resource without attributes. */
const NO_RESOURCE = 'OTLPResourceNoServiceName';

const KINDS: Readonly<Record<string, number>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/**
 * A span of Jaeger as an export request of OTLP, in the collector's translation; nothing where nothing is set. Throws
 * what is wrong with it.
 */
export function spanToOtlp(span: JaegerSpan): Buffer {
  if (Object.values(span).every(isUnset)) return NONE;
  const tags = [...span.tags];
  const name = takeText(tags, 'otel.scope.name');
  const version = name === undefined ? undefined : takeText(tags, 'otel.scope.version');
  const scope = { name: name ?? '', version: version ?? '', attributes: [], droppedAttributesCount: 0 };
  const scopeSpans = [{ scope, spans: [spanOf(span, tags)], schemaUrl: '' }];
  const group: ResourceSpans = { resource: resourceOf(span.process), scopeSpans, schemaUrl: '' };
  return encodeTree('traces', { resourceSpans: [group] });
}

const isUnset = (value: unknown) => !value || (Array.isArray(value) && value.length === 0);

function spanOf(span: JaegerSpan, tags: readonly JaegerTag[]): Span {
  const attributes = attributesOf(tags);
  const kind = KINDS[textOf(take(attributes, 'span.kind'))] ?? SpanKind.UNSPECIFIED;
  const status = statusOf(attributes, kind);
  const traceState = textOf(take(attributes, 'w3c.tracestate'));
  const start = timeOf(span.startTime);
  const parentSpanId = parentOf(span);
  return {
    traceId: traceId(span.traceId),
    spanId: spanId(span.spanId),
    traceState,
    parentSpanId,
    flags: 0,
    name: span.operationName,
    kind,
    startTimeUnixNano: BigInt.asUintN(64, start),
    endTimeUnixNano: BigInt.asUintN(64, start + durationOf(span.duration)),
    attributes: listOf(attributes),
    droppedAttributesCount: 0,
    events: span.logs.map(({ timestamp, fields }) => {
      const eventAttributes = attributesOf(fields);
      const name = textOf(take(eventAttributes, 'event'));
      const timeUnixNano = BigInt.asUintN(64, timeOf(timestamp));
      return { timeUnixNano, name, attributes: listOf(eventAttributes), droppedAttributesCount: 0 };
    }),
    droppedEventsCount: 0,
    links: linksOf(span, parentSpanId),
    droppedLinksCount: 0,
    status,
  };
}

/** A reference within the trace; what the span follows from only where it is nobody's child. */
function parentOf({ traceId: trace, references }: JaegerSpan): Buffer {
  const id = traceId(trace);
  const inside = references.filter((reference) => traceId(reference.traceId).equals(id));
  const parent =
    inside.find(({ refType }) => refType === RefType.CHILD_OF) ??
    inside.find(({ refType }) => refType === RefType.FOLLOWS_FROM);
  return spanId(parent?.spanId);
}

function linksOf({ references }: JaegerSpan, parent: Buffer): SpanLink[] {
  const links: SpanLink[] = [];
  for (const reference of references) {
    const id = spanId(reference.spanId);
    const child = reference.refType === RefType.CHILD_OF;
    if (child && id.equals(parent)) continue;
    const value = { stringValue: child ? 'child_of' : 'follows_from' };
    links.push({
      traceId: traceId(reference.traceId),
      spanId: id,
      traceState: '',
      attributes: [{ key: 'opentracing.ref_type', value }],
      droppedAttributesCount: 0,
      flags: 0,
    });
  }
  return links;
}

function resourceOf(process: JaegerProcess | undefined): ResourceSpans['resource'] {
  const attributes: AttributeMap = new Map();
  if (process !== undefined && process.serviceName !== NO_RESOURCE) {
    if (process.serviceName !== '') attributes.set('service.name', { stringValue: process.serviceName });
    addTags(process.tags, attributes);
    rename(attributes, 'hostname', 'host.name', (value) => value);
    rename(attributes, 'jaeger.version', 'opencensus.exporterversion', (value) => ({
      stringValue: `Jaeger-${textOf(value)}`,
    }));
  }
  return { attributes: listOf(attributes), droppedAttributesCount: 0, entityRefs: [] };
}

function rename(map: AttributeMap, from: string, to: string, convert: (value: AnyValue) => AnyValue): void {
  const value = map.get(from);
  if (value === undefined || map.has(to)) return;
  map.delete(from);
  map.set(to, convert(value));
}

function attributesOf(tags: readonly JaegerTag[]): AttributeMap {
  const attributes: AttributeMap = new Map();
  addTags(tags, attributes);
  return attributes;
}

/** Of tags with the same key the last one stands. */
function addTags(tags: readonly JaegerTag[], attributes: AttributeMap): void {
  for (const tag of tags) attributes.set(tag.key, valueOfTag(tag));
}

function valueOfTag({ vType, vStr, vBool, vInt64, vFloat64, vBinary }: JaegerTag): AnyValue {
  switch (ValueTypes[vType]) {
    case 'STRING':
      return { stringValue: vStr };
    case 'BOOL':
      return { boolValue: vBool };
    case 'INT64':
      return { intValue: vInt64 };
    case 'FLOAT64':
      return { doubleValue: vFloat64 };
    case 'BINARY':
      return { bytesValue: vBinary };
    default:
      return { stringValue: `<Unknown Jaeger TagType "${vType}">` };
  }
}

const listOf = (attributes: AttributeMap): KeyValue[] => Array.from(attributes, ([key, value]) => ({ key, value }));

function take(attributes: AttributeMap, key: string): AnyValue | undefined {
  const value = attributes.get(key);
  attributes.delete(key);
  return value;
}

/** The text of the first tag with this key, which is taken out. */
function takeText(tags: JaegerTag[], key: string): string | undefined {
  const index = tags.findIndex((tag) => tag.key === key);
  return index < 0 ? undefined : tags.splice(index, 1)[0]?.vStr;
}

/** 16 bytes, or the low 8 of them; none is all zero. */
function traceId(bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) return NONE;
  if (bytes.length !== 16 && bytes.length !== 8) throw new Error('invalid length for TraceID');
  const id = bytes.length === 8 ? Buffer.concat([Buffer.alloc(8), bytes]) : bytes;
  return id.every((byte) => byte === 0) ? NONE : id;
}

function spanId(bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) return NONE;
  if (bytes.length !== 8) throw new Error('invalid length for SpanID');
  return bytes.every((byte) => byte === 0) ? NONE : bytes;
}
