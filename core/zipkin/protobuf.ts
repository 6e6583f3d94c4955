import { decodeForeign } from '../otlp/decode-foreign.ts';
import { field, many, message, one } from '../otlp/schema.ts';
import { encodeMessage } from '../otlp/tree-encode.ts';
import type { ZipkinEndpoint, ZipkinSpan } from './model.ts';

/** Source: https://github.com/openzipkin/zipkin-api/blob/master/zipkin.proto */
const ENDPOINT = message('Endpoint', [
  field(1, 'service_name', 'string'),
  field(2, 'ipv4', 'bytes'),
  field(3, 'ipv6', 'bytes'),
  field(4, 'port', 'int32'),
]);
const ANNOTATION = message('Annotation', [field(1, 'timestamp', 'fixed64'), field(2, 'value', 'string')]);
const TAG = message('TagsEntry', [field(1, 'key', 'string'), field(2, 'value', 'string')]);
const SPAN = message('Span', [
  field(1, 'trace_id', 'bytes'),
  field(2, 'parent_id', 'bytes'),
  field(3, 'id', 'bytes'),
  field(4, 'kind', 'int32'),
  field(5, 'name', 'string'),
  field(6, 'timestamp', 'fixed64'),
  field(7, 'duration', 'uint64'),
  one(8, 'local_endpoint', ENDPOINT),
  one(9, 'remote_endpoint', ENDPOINT),
  many(10, 'annotations', ANNOTATION),
  many(11, 'tags', TAG),
]);
const LIST_OF_SPANS = message('ListOfSpans', [many(1, 'spans', SPAN)]);

const KINDS = ['', 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'];
const MICROSECOND = 1000n;

interface ProtoSpan {
  traceId: Buffer;
  parentId: Buffer;
  id: Buffer;
  kind: number;
  name: string;
  timestamp: bigint;
  duration: bigint;
  localEndpoint: ProtoEndpoint | undefined;
  remoteEndpoint: ProtoEndpoint | undefined;
  annotations: { timestamp: bigint; value: string }[];
  tags: { key: string; value: string }[];
}
interface ProtoEndpoint {
  serviceName: string;
  ipv4: Buffer;
  ipv6: Buffer;
  port: number;
}

const NONE = Buffer.alloc(0);
const NO_PARENT = Buffer.alloc(8);

/** A ListOfSpans. Times are whole microseconds. */
export function writeProto(spans: readonly ZipkinSpan[]): Buffer {
  return encodeMessage(LIST_OF_SPANS, { spans: spans.map(protoSpan) });
}

function protoSpan(span: ZipkinSpan): ProtoSpan {
  return {
    traceId: span.traceId,
    parentId: span.parentId ?? NO_PARENT,
    id: span.id,
    kind: Math.max(KINDS.indexOf(span.kind), 0),
    name: span.name,
    timestamp: BigInt.asUintN(64, ((span.timestamp ?? 0n) + MICROSECOND / 2n) / MICROSECOND),
    duration: BigInt.asUintN(64, span.duration / MICROSECOND),
    localEndpoint: protoEndpoint(span.localEndpoint),
    remoteEndpoint: protoEndpoint(span.remoteEndpoint),
    annotations: span.annotations.map(({ timestamp, value }) => ({
      timestamp: BigInt.asUintN(64, timestamp) / MICROSECOND,
      value,
    })),
    tags: Array.from(span.tags, ([key, value]) => ({ key, value })),
  };
}

function protoEndpoint(endpoint: ZipkinEndpoint | undefined): ProtoEndpoint | undefined {
  return endpoint && { ...endpoint, ipv4: endpoint.ipv4 ?? NONE, ipv6: endpoint.ipv6 ?? NONE };
}

/** The spans of a ListOfSpans. Throws what is wrong with it. */
export function readProto(bytes: Buffer): ZipkinSpan[] {
  const { spans } = decodeForeign(LIST_OF_SPANS, bytes) as unknown as { spans: ProtoSpan[] };
  return spans.map((span) => {
    if (span.traceId.length !== 16) throw new Error(`invalid TraceID: has length ${span.traceId.length}, not 16`);
    if (span.id.length !== 8) throw new Error(`invalid SpanID: has length ${span.id.length}, not 8`);
    const { parentId } = span;
    if (parentId.length !== 0 && parentId.length !== 8)
      throw new Error(`invalid ParentID: has length ${parentId.length}`);
    return {
      ...span,
      parentId: parentId.length === 0 ? undefined : parentId,
      kind: KINDS[span.kind] ?? '',
      timestamp: BigInt.asIntN(64, span.timestamp * MICROSECOND),
      duration: BigInt.asIntN(64, span.duration * MICROSECOND),
      localEndpoint: readEndpoint(span.localEndpoint),
      remoteEndpoint: readEndpoint(span.remoteEndpoint),
      annotations: span.annotations.map(({ timestamp, value }) => ({
        timestamp: BigInt.asIntN(64, timestamp * MICROSECOND),
        value,
      })),
      tags: new Map(span.tags.map(({ key, value }) => [key, value])),
    };
  });
}

function readEndpoint(endpoint: ProtoEndpoint | undefined): ZipkinEndpoint | undefined {
  if (endpoint === undefined) return undefined;
  const { serviceName, ipv4, ipv6, port } = endpoint;
  const some = (ip: Buffer) => (ip.length === 0 ? undefined : ip);
  return { serviceName, ipv4: some(ipv4), ipv6: some(ipv6), port: port & 0xffff };
}
