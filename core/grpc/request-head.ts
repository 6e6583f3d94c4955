import type { HeaderField } from './hpack-decoder.ts';
import { parseTimeout } from './timeout.ts';

/** Belong to the protocol, not to the application's metadata. */
const RESERVED = new Set(['te', 'grpc-encoding', 'grpc-message', 'grpc-message-type', 'grpc-status', 'grpc-timeout']);

/** Belong to one HTTP/1.1 connection and make a request malformed (RFC 9113 section 8.2.2). */
const CONNECTION_SPECIFIC = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** The header section of a request. Immutable, so equal sections of several requests share one. */
export class RequestHead {
  readonly fields: readonly HeaderField[];
  method = '';
  scheme = '';
  path = '';
  authority = '';
  contentType = '';
  encoding = '';
  /** NaN where it is malformed. */
  timeoutMs: number | undefined;
  /** Memory of the fields, as HPACK counts it. */
  readonly size: number;
  contentLength: number | undefined;
  #metadata: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(fields: readonly HeaderField[]) {
    this.fields = fields;
    this.size = fields.reduce((sum, field) => sum + field.size, 0);
  }

  get(name: string): string | undefined {
    for (const field of this.fields) if (field.name === name) return field.value;
    return undefined;
  }

  get metadata(): ReadonlyMap<string, readonly string[]> {
    this.#metadata ??= toMetadata(this.fields);
    return this.#metadata;
  }
}

function toMetadata(fields: readonly HeaderField[]): ReadonlyMap<string, readonly string[]> {
  const metadata = new Map<string, string[]>();
  for (const { name, value } of fields) {
    if (RESERVED.has(name) || (name.startsWith(':') && name !== ':authority')) continue;
    const values = metadata.get(name);
    if (values === undefined) metadata.set(name, [value]);
    else values.push(value);
  }
  return metadata;
}

/** Undefined where the request is malformed (RFC 9113 sections 8.2 and 8.3): its stream is to be reset. */
export function parseRequestHead(fields: readonly HeaderField[]): RequestHead | undefined {
  const head = new RequestHead(fields);
  let pseudoAllowed = true;
  for (const field of fields) {
    if (field.malformed) return undefined;
    if (field.name.startsWith(':')) {
      if (!pseudoAllowed || !setPseudo(head, field)) return undefined;
    } else {
      pseudoAllowed = false;
      if (!setRegular(head, field)) return undefined;
    }
  }
  return head.method === '' || head.scheme === '' || head.path === '' ? undefined : head;
}

/** Each at most once, and none that RFC 9113 does not know. */
function setPseudo(head: RequestHead, { name, value }: HeaderField): boolean {
  const key = name.slice(1);
  if (key !== 'method' && key !== 'scheme' && key !== 'path' && key !== 'authority') return false;
  if (head[key] !== '') return false;
  head[key] = value;
  return true;
}

function setRegular(head: RequestHead, { name, value }: HeaderField): boolean {
  switch (name) {
    case 'content-type':
      head.contentType = value;
      return true;
    case 'grpc-encoding':
      head.encoding = value === 'identity' ? '' : value;
      return true;
    case 'grpc-timeout':
      head.timeoutMs = parseTimeout(value) ?? Number.NaN;
      return true;
    case 'content-length':
      if (!/^\d{1,15}$/.test(value)) return false;
      head.contentLength = Number(value);
      return true;
    case 'te':
      return value === 'trailers';
    default:
      return !CONNECTION_SPECIFIC.has(name);
  }
}

/** Trailers hold no pseudo-headers (RFC 9113 section 8.1). */
export function trailersAreMalformed(fields: readonly HeaderField[]): boolean {
  return fields.some((field) => field.malformed || field.name.startsWith(':'));
}
