import { ipText, parseIp } from './ip.ts';
import type { ZipkinEndpoint, ZipkinSpan } from './model.ts';

const MICROSECOND = 1000n;
/** What rounds to the next microsecond. */
const HALF = 500n;
const SECOND = 1_000_000_000n;

/** A list of spans as JSON. Throws where one ends before it begins, or begins before 1970. */
export function writeJson(spans: readonly ZipkinSpan[]): Buffer {
  return Buffer.from(JSON.stringify(spans.map(plainSpan)));
}

function plainSpan(span: ZipkinSpan): object {
  const { timestamp, duration } = span;
  if (timestamp !== undefined && timestamp < SECOND) throw new Error('valid annotation timestamp required');
  if (duration < 0n) throw new Error('valid duration required');
  const micros = duration > 0n && duration < MICROSECOND ? 1 : Number((duration + HALF) / MICROSECOND);
  return {
    timestamp: timestamp === undefined ? undefined : rounded(timestamp),
    duration: micros || undefined,
    traceId: span.traceId.toString('hex').replace(/^0{16}/, ''),
    id: span.id.toString('hex'),
    parentId: span.parentId?.toString('hex'),
    name: span.name.toLowerCase() || undefined,
    kind: span.kind || undefined,
    localEndpoint: plainEndpoint(span.localEndpoint),
    remoteEndpoint: plainEndpoint(span.remoteEndpoint),
    annotations:
      span.annotations.length === 0
        ? undefined
        : span.annotations.map(({ timestamp: at, value }) => ({ timestamp: rounded(at), value })),
    tags: span.tags.size === 0 ? undefined : Object.fromEntries(span.tags),
  };
}

/** To microseconds; halves away from zero. */
const rounded = (nanos: bigint) => Number((nanos + (nanos < 0n ? -HALF : HALF)) / MICROSECOND);

function plainEndpoint(endpoint: ZipkinEndpoint | undefined): object | undefined {
  if (endpoint === undefined) return undefined;
  return {
    serviceName: endpoint.serviceName.toLowerCase() || undefined,
    ipv4: endpoint.ipv4 && ipText(endpoint.ipv4),
    ipv6: endpoint.ipv6 && ipText(endpoint.ipv6),
    port: endpoint.port || undefined,
  };
}

/** The spans of a JSON list. Throws what is wrong with it. Keys that are not known are passed over. */
export function readJson(bytes: Buffer): ZipkinSpan[] {
  const list: unknown = JSON.parse(bytes.toString());
  if (list === null) return [];
  if (!Array.isArray(list)) throw new Error('not a list of spans');
  return list.filter((span) => span !== null).map((span) => readSpan(object(span, 'span')));
}

type Json = Readonly<Record<string, unknown>>;

function readSpan(span: Json): ZipkinSpan {
  const id = readId(span.id, 8, 'id');
  if (id === undefined || id.every((byte) => byte === 0)) throw new Error('valid span id required');
  if (span.traceId === '') throw new Error('valid traceId required');
  const timestamp = whole(span.timestamp, 'timestamp');
  return {
    traceId: readId(span.traceId, 16, 'traceId') ?? Buffer.alloc(16),
    id,
    parentId: readId(span.parentId, 8, 'parentId'),
    name: text(span.name, 'name'),
    kind: text(span.kind, 'kind'),
    timestamp: timestamp === 0n ? undefined : timestamp * MICROSECOND,
    duration: whole(span.duration, 'duration') * MICROSECOND,
    localEndpoint: readEndpoint(span.localEndpoint),
    remoteEndpoint: readEndpoint(span.remoteEndpoint),
    annotations: readAnnotations(span.annotations),
    tags: new Map(Object.entries(object(span.tags ?? {}, 'tags')).map(([key, value]) => [key, text(value, key)])),
  };
}

function readAnnotations(list: unknown): ZipkinSpan['annotations'] {
  if (!Array.isArray(list ?? [])) throw new Error('annotations is no list');
  return ((list ?? []) as unknown[]).map((one) => {
    const { timestamp, value } = object(one, 'annotation');
    const micros = whole(timestamp, 'timestamp');
    if (micros < 1n) throw new Error('valid annotation timestamp required');
    return { timestamp: micros * MICROSECOND, value: text(value, 'value') };
  });
}

function readEndpoint(json: unknown): ZipkinEndpoint | undefined {
  if (json === undefined || json === null) return undefined;
  const { serviceName, ipv4, ipv6, port } = object(json, 'endpoint');
  const number = Number(whole(port, 'port'));
  if (number > 0xffff) throw new Error(`port ${number} is too large`);
  return { serviceName: text(serviceName, 'serviceName'), ipv4: readIp(ipv4), ipv6: readIp(ipv6), port: number };
}

function readIp(json: unknown): Buffer | undefined {
  const address = text(json, 'address');
  if (address === '') return undefined;
  const ip = parseIp(address);
  if (ip === undefined) throw new Error(`invalid IP address: ${address}`);
  return ip;
}

/** Hexadecimal digits, from the right; undefined where there are none. */
function readId(json: unknown, bytes: number, what: string): Buffer | undefined {
  const digits = text(json, what);
  if (digits === '') return undefined;
  if (!/^[0-9a-f]+$/i.test(digits) || digits.length > bytes * 2) throw new Error(`${what} is no id: ${digits}`);
  return Buffer.from(digits.padStart(bytes * 2, '0'), 'hex');
}

function text(json: unknown, what: string): string {
  if (json === undefined || json === null) return '';
  if (typeof json !== 'string') throw new Error(`${what} is no text`);
  return json;
}

function whole(json: unknown, what: string): bigint {
  if (json === undefined || json === null) return 0n;
  if (!Number.isSafeInteger(json) || (json as number) < 0) throw new Error(`${what} is no whole number`);
  return BigInt(json as number);
}

function object(json: unknown, what: string): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error(`${what} is no object`);
  return json as Json;
}
