import { SpanKind, SpanStatus } from '../otlp/readers/span.ts';
import { decodeTree, type InstrumentationScope, type KeyValue, type Resource, type Span } from '../otlp/tree.ts';
import { valueText } from '../otlp/value-text.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { parseIp } from './ip.ts';
import { NAME_SOURCE, NO_SERVICE, type ZipkinEndpoint, type ZipkinSpan } from './model.ts';

const KINDS: Readonly<Record<number, string>> = {
  [SpanKind.CLIENT]: 'CLIENT',
  [SpanKind.SERVER]: 'SERVER',
  [SpanKind.PRODUCER]: 'PRODUCER',
  [SpanKind.CONSUMER]: 'CONSUMER',
};
const STATUSES: Readonly<Record<number, string>> = {
  [SpanStatus.OK]: 'STATUS_CODE_OK',
  [SpanStatus.ERROR]: 'STATUS_CODE_ERROR',
};
/** Attributes that name a service, the first that is there. */
const SERVICE_KEYS = ['service.name', 'faas.name', 'k8s.deployment.name', 'process.executable.name'];
const SECOND = 1_000_000_000n;
const LARGEST_PORT = 0xffff;

/** The spans of a batch, in the collector's translation. Throws where one has no id, or attributes JSON cannot hold. */
export function fromOtlp(batch: Pick<Telemetry, 'ranges'>): ZipkinSpan[] {
  const spans: ZipkinSpan[] = [];
  for (const { resource, scopeSpans } of decodeTree('traces', batch).resourceSpans) {
    const { serviceName, tags } = resourceTags(resource);
    for (const { scope, spans: members } of scopeSpans) {
      const common = withScope(tags, scope);
      for (const span of members) spans.push(spanOf(span, serviceName, common));
    }
  }
  return spans;
}

type Tags = Map<string, string>;

function addAttributes(tags: Tags, attributes: readonly KeyValue[]): void {
  for (const { key, value } of attributes) tags.set(key, valueText(value));
}

function resourceTags(resource: Resource | undefined): { serviceName: string; tags: Tags } {
  const tags: Tags = new Map();
  addAttributes(tags, resource?.attributes ?? []);
  const cloudId = take(tags, 'cloud.resource_id');
  if (cloudId !== undefined && !tags.has('faas.id')) tags.set('faas.id', cloudId);
  const key = SERVICE_KEYS.find((one) => tags.has(one));
  if (key === undefined) return { serviceName: NO_SERVICE, tags };
  const serviceName = take(tags, key) as string;
  if (key !== 'service.name') tags.set(NAME_SOURCE, key);
  return { serviceName, tags };
}

function withScope(tags: Tags, scope: InstrumentationScope | undefined): Tags {
  const all: Tags = new Map(tags);
  addAttributes(all, scope?.attributes ?? []);
  if (scope?.name) all.set('otel.library.name', scope.name);
  if (scope?.version) all.set('otel.library.version', scope.version);
  return all;
}

function spanOf(span: Span, serviceName: string, common: Tags): ZipkinSpan {
  if (isUnset(span.traceId)) throw new Error('TraceID is invalid');
  if (isUnset(span.spanId)) throw new Error('SpanID is invalid');
  const tags: Tags = new Map(common);
  addAttributes(tags, span.attributes);
  const httpStatus = tags.get('http.response.status_code');
  if (httpStatus !== undefined && !tags.has('http.status_code')) tags.set('http.status_code', httpStatus);
  if (span.traceState !== '') tags.set('w3c.tracestate', span.traceState);
  if (span.kind === SpanKind.INTERNAL) tags.set('span.kind', 'internal');
  const localEndpoint = endpoint(tags, serviceName, 'network.local.address', 'net.host.port');
  const peer = take(tags, 'service.peer.name') ?? take(tags, 'peer.service') ?? '';
  const remoteEndpoint = endpoint(tags, peer, 'network.peer.address', 'net.peer.port');
  addStatus(span, tags);
  addLinks(span, tags);
  const start = BigInt.asIntN(64, span.startTimeUnixNano);
  const end = span.endTimeUnixNano;
  return {
    traceId: span.traceId,
    id: span.spanId,
    parentId: isUnset(span.parentSpanId) ? undefined : span.parentSpanId,
    name: span.name,
    kind: KINDS[span.kind] ?? '',
    // a span without a time has been given the beginning of 1970
    timestamp: start >= 0n && start < SECOND ? undefined : start,
    duration: end === 0n ? 0n : BigInt.asIntN(64, end - span.startTimeUnixNano),
    localEndpoint,
    remoteEndpoint,
    annotations: span.events.map(({ timeUnixNano, name, attributes, droppedAttributesCount: dropped }) => ({
      timestamp: BigInt.asIntN(64, timeUnixNano),
      value: attributes.length === 0 && dropped === 0 ? name : `${name}|${jsonOf(attributes)}|${dropped}`,
    })),
    tags,
  };
}

const isUnset = (id: Buffer) => id.every((byte) => byte === 0);

function take(tags: Tags, key: string): string | undefined {
  const value = tags.get(key);
  tags.delete(key);
  return value;
}

function endpoint(tags: Tags, serviceName: string, ipKey: string, portKey: string): ZipkinEndpoint | undefined {
  const address = take(tags, ipKey) ?? '';
  const port = take(tags, portKey) ?? '';
  const ip = parseIp(address);
  if (serviceName === '' && ip === undefined) return undefined;
  return {
    serviceName,
    ipv4: address.includes(':') ? undefined : ip,
    ipv6: address.includes(':') ? ip : undefined,
    port: /^\d+$/.test(port) ? Math.min(Number(port), LARGEST_PORT) : 0,
  };
}

/** Whoever shows spans takes each with a tag `error` for a failed one. */
function addStatus({ status }: Span, tags: Tags): void {
  if (status?.code === SpanStatus.ERROR) tags.set('error', 'true');
  else tags.delete('error');
  if (status === undefined || status.code === SpanStatus.UNSET) return;
  tags.set('otel.status_code', STATUSES[status.code] ?? '');
  if (status.message !== '') tags.set('otel.status_description', status.message);
}

function addLinks({ links }: Span, tags: Tags): void {
  for (const [i, { traceId, spanId, traceState, attributes, droppedAttributesCount }] of links.entries()) {
    const parts = [hex(traceId), hex(spanId), traceState, jsonOf(attributes), droppedAttributesCount];
    tags.set(`otlp.link.${i}`, parts.join('|'));
  }
}

const hex = (id: Buffer) => (isUnset(id) ? '' : id.toString('hex'));

function jsonOf(attributes: readonly KeyValue[]): string {
  const text = valueText({ kvlistValue: { values: [...attributes] } });
  if (text === '') throw new Error('an attribute is a number that JSON does not have');
  // written for pages of HTML too
  return text.replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
}
