import { SpanKind, SpanStatus } from '../otlp/readers/span.ts';
import {
  encodeTree,
  type KeyValue,
  type ResourceSpans,
  type ScopeSpans,
  type Span,
  type SpanLink,
} from '../otlp/tree.ts';
import { ipText } from './ip.ts';
import { NAME_SOURCE, NO_SERVICE, NO_START_TIME, type ZipkinEndpoint, type ZipkinSpan } from './model.ts';
import { attributesOfJson, droppedCount, linkId } from './packed.ts';
import { RESOURCE_KEYS } from './resource-keys.ts';

const KINDS: Readonly<Record<string, number>> = {
  CLIENT: SpanKind.CLIENT,
  SERVER: SpanKind.SERVER,
  PRODUCER: SpanKind.PRODUCER,
  CONSUMER: SpanKind.CONSUMER,
};
/** Also as earlier exporters spelled them. */
const STATUSES: Readonly<Record<string, number>> = {
  STATUS_CODE_OK: SpanStatus.OK,
  STATUS_CODE_ERROR: SpanStatus.ERROR,
  Ok: SpanStatus.OK,
  Error: SpanStatus.ERROR,
};
/** Links beyond are attributes. */
const MAX_LINKS = 128;

/**
 * Spans of Zipkin as an export request of OTLP, in the collector's translation, except that spans of a service whose
 * tags name several resources get one each. Throws what is wrong with a span.
 */
export function toOtlp(spans: readonly ZipkinSpan[]): Buffer {
  const groups = new Map<string, { group: ResourceSpans; scopes: Map<string, ScopeSpans> }>();
  for (const span of spans) {
    const tags = new Map(span.tags);
    const attributes = takeResource(tags, span.localEndpoint?.serviceName || NO_SERVICE);
    const key = JSON.stringify(attributes.map(({ key, value }) => [key, value?.stringValue]).sort());
    let known = groups.get(key);
    if (known === undefined) {
      const resource = { attributes, droppedAttributesCount: 0, entityRefs: [] };
      known = { group: { resource, scopeSpans: [], schemaUrl: '' }, scopes: new Map() };
      groups.set(key, known);
    }
    scopeFor(known, tags).spans.push(spanOf(span, tags));
  }
  return encodeTree('traces', { resourceSpans: Array.from(groups.values(), ({ group }) => group) });
}

type Tags = Map<string, string>;

function takeResource(tags: Tags, service: string): KeyValue[] {
  const attributes: KeyValue[] = [];
  const nameKey = take(tags, NAME_SOURCE) || 'service.name';
  if (service !== NO_SERVICE) attributes.push(attribute(nameKey, service));
  for (const [key, value] of tags) {
    if (!RESOURCE_KEYS.has(key)) continue;
    tags.delete(key);
    const same = attributes.find((one) => one.key === key);
    if (same === undefined) attributes.push(attribute(key, value));
    else same.value = { stringValue: value };
  }
  return attributes;
}

function scopeFor(known: { group: ResourceSpans; scopes: Map<string, ScopeSpans> }, tags: Tags): ScopeSpans {
  const library = { name: take(tags, 'otel.library.name'), version: take(tags, 'otel.library.version') };
  const name = take(tags, 'otel.scope.name') ?? library.name ?? '';
  const version = take(tags, 'otel.scope.version') ?? library.version ?? '';
  const scope = { name, version: name === '' ? '' : version, attributes: [], droppedAttributesCount: 0 };
  const key = JSON.stringify([scope.name, scope.version]);
  let spans = known.scopes.get(key);
  if (spans === undefined) {
    spans = { scope, spans: [], schemaUrl: '' };
    known.scopes.set(key, spans);
    known.group.scopeSpans.push(spans);
  }
  return spans;
}

const attribute = (key: string, stringValue: string): KeyValue => ({ key, value: { stringValue } });

function take(tags: Tags, key: string): string | undefined {
  const value = tags.get(key);
  tags.delete(key);
  return value;
}

const NONE = Buffer.alloc(0);

function spanOf(span: ZipkinSpan, tags: Tags): Span {
  const traceState = take(tags, 'w3c.tracestate') ?? '';
  const kind = kindOf(span.kind, tags);
  const status = statusOf(tags);
  const links = takeLinks(tags);
  const start = span.timestamp ?? 0n;
  return {
    traceId: span.traceId,
    spanId: span.id,
    traceState,
    parentSpanId: span.parentId === undefined || span.parentId.equals(span.id) ? NONE : span.parentId,
    flags: 0,
    name: span.name,
    kind,
    startTimeUnixNano: BigInt.asUintN(64, start),
    endTimeUnixNano: BigInt.asUintN(64, start + span.duration),
    attributes: attributesOf(span, tags),
    droppedAttributesCount: 0,
    events: span.annotations.map(({ timestamp, value }) => {
      const [name = '', ...rest] = value.split('|');
      const dropped = rest.pop() ?? '';
      const isPacked = rest.length > 0;
      return {
        timeUnixNano: BigInt.asUintN(64, timestamp),
        name,
        attributes: isPacked ? attributesOfJson(rest.join('|')) : [],
        droppedAttributesCount: isPacked ? droppedCount(dropped) : 0,
      };
    }),
    droppedEventsCount: 0,
    links,
    droppedLinksCount: 0,
    status,
  };
}

function kindOf(kind: string, tags: Tags): number {
  return KINDS[kind] ?? (take(tags, 'span.kind') === 'internal' ? SpanKind.INTERNAL : SpanKind.UNSPECIFIED);
}

function statusOf(tags: Tags): Span['status'] {
  const code = take(tags, 'otel.status_code');
  const message = code === undefined ? '' : (take(tags, 'otel.status_description') ?? '');
  const error = tags.get('error');
  if (error === 'true') tags.delete('error');
  if (error !== undefined) return { code: SpanStatus.ERROR, message };
  return code === undefined ? undefined : { code: STATUSES[code] ?? SpanStatus.UNSET, message };
}

function takeLinks(tags: Tags): SpanLink[] {
  const links: SpanLink[] = [];
  for (let i = 0; i < MAX_LINKS; i++) {
    const text = take(tags, `otlp.link.${i}`);
    if (text === undefined) break;
    const [traceId = '', spanId = '', traceState = '', ...rest] = text.split('|');
    const dropped = rest.pop();
    if (dropped === undefined || rest.length === 0) continue;
    links.push({
      traceId: linkId(traceId, 16),
      spanId: linkId(spanId, 8),
      traceState,
      attributes: attributesOfJson(rest.join('|')),
      droppedAttributesCount: droppedCount(dropped),
      flags: 0,
    });
  }
  return links;
}

/** Tags, and above them what the endpoints say. */
function attributesOf(span: ZipkinSpan, tags: Tags): KeyValue[] {
  const attributes = new Map(Array.from(tags, ([key, value]) => [key, attribute(key, value)]));
  const put = (key: string, value: KeyValue['value']) => attributes.set(key, { key, value });
  const putEndpoint = (endpoint: ZipkinEndpoint | undefined, ipKey: string, portKey: string) => {
    const ip = endpoint?.ipv6 ?? endpoint?.ipv4;
    if (ip !== undefined) put(ipKey, { stringValue: ipText(ip) });
    if (endpoint !== undefined && endpoint.port > 0) put(portKey, { intValue: BigInt(endpoint.port) });
  };
  putEndpoint(span.localEndpoint, 'network.local.address', 'net.host.port');
  const peer = span.remoteEndpoint?.serviceName;
  if (peer) put('service.peer.name', { stringValue: peer });
  putEndpoint(span.remoteEndpoint, 'network.peer.address', 'net.peer.port');
  if (span.timestamp === undefined) put(NO_START_TIME, { boolValue: true });
  return [...attributes.values()];
}
