import { bytesField, readFields, stringField, varintField } from './fields.ts';

/**
 * Why a request was refused, as gRPC and OTLP/HTTP peers tell each other (google.rpc.Status):
 *
 *   Status    { int32 code = 1; string message = 2; repeated Any details = 3 }
 *   Any       { string type_url = 1; bytes value = 2 }
 *   RetryInfo { Duration retry_delay = 1 }       Duration { int64 seconds = 1; int32 nanos = 2 }
 */
export interface Status {
  readonly code: number;
  readonly message: string;
  /** From a RetryInfo among the details; absent when there is none. Zero is a RetryInfo without a delay. */
  readonly retryAfterMs?: number;
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

/** Binary: the body of an OTLP/HTTP error and the `grpc-status-details-bin` trailer. */
export function encodeStatus(status: Status): Buffer {
  const parts = [varintField(1, BigInt(status.code)), stringField(2, status.message)];
  if (status.retryAfterMs !== undefined) {
    const any = Buffer.concat([stringField(1, RETRY_INFO), bytesField(2, encodeRetryInfo(status.retryAfterMs))]);
    parts.push(bytesField(3, any));
  }
  return Buffer.concat(parts);
}

function encodeRetryInfo(delayMs: number): Buffer {
  const { seconds, nanos } = durationOf(delayMs);
  return bytesField(1, Buffer.concat([varintField(1, BigInt(seconds)), varintField(2, BigInt(nanos))]));
}

function durationOf(ms: number): { seconds: number; nanos: number } {
  const total = Math.round(ms * 1e6);
  const seconds = Math.floor(total / 1e9);
  return { seconds, nanos: total - seconds * 1e9 };
}

/** Undefined for bytes that are no Status: a peer's error page must not hide the error itself. */
export function decodeStatus(bytes: Buffer): Status | undefined {
  try {
    return readStatus(bytes);
  } catch {
    return undefined;
  }
}

function readStatus(bytes: Buffer): Status {
  let code = 0;
  let message = '';
  let retryAfterMs: number | undefined;
  for (const { number, value } of readFields(bytes)) {
    if (number === 1 && typeof value === 'bigint') code = Number(BigInt.asIntN(32, value));
    else if (number === 2 && typeof value !== 'bigint') message = value.toString();
    else if (number === 3 && typeof value !== 'bigint') retryAfterMs ??= readDetail(value);
  }
  return { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function readDetail(any: Buffer): number | undefined {
  let type = '';
  let detail: Buffer = Buffer.alloc(0);
  for (const { number, value } of readFields(any)) {
    if (typeof value === 'bigint') continue;
    if (number === 1) type = value.toString();
    else if (number === 2) detail = value;
  }
  // the part before the last slash is where a definition could be found, and no part of the type's identity
  if (type.slice(type.lastIndexOf('/') + 1) !== 'google.rpc.RetryInfo') return undefined;
  let delayMs = 0;
  for (const { number, value } of readFields(detail)) {
    if (number === 1 && typeof value !== 'bigint') delayMs = readDuration(value);
  }
  return delayMs;
}

function readDuration(bytes: Buffer): number {
  let ms = 0;
  for (const { number, value } of readFields(bytes)) {
    if (typeof value !== 'bigint') continue;
    if (number === 1) ms += Number(BigInt.asIntN(64, value)) * 1000;
    else if (number === 2) ms += Number(BigInt.asIntN(32, value)) / 1e6;
  }
  return ms;
}

/** The body of an OTLP/HTTP error to a client that sent JSON. */
export function encodeStatusJson(status: Status): Buffer {
  const { code, message, retryAfterMs } = status;
  const retryInfo = { '@type': RETRY_INFO, retryDelay: formatDuration(retryAfterMs ?? 0) };
  // undefined is left out
  const details = retryAfterMs === undefined ? undefined : [retryInfo];
  return Buffer.from(JSON.stringify({ code: code || undefined, message: message || undefined, details }));
}

/** `1.500s`: whole seconds, or a fraction of three, six or nine digits (the JSON form of protobuf's Duration). */
function formatDuration(ms: number): string {
  const { seconds, nanos } = durationOf(ms);
  if (nanos === 0) return `${seconds}s`;
  const digits = String(nanos).padStart(9, '0');
  return `${seconds}.${digits.replace(/(?:000){1,2}$/, '')}s`;
}

/** Undefined for text that is no Status in JSON. */
export function decodeStatusJson(bytes: Buffer): Status | undefined {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const { code = 0, message = '', details = [] } = json as Record<string, unknown>;
  if (typeof code !== 'number' || typeof message !== 'string' || !Array.isArray(details)) return undefined;
  const retryAfterMs = retryDelayOf(details);
  return { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function retryDelayOf(details: readonly unknown[]): number | undefined {
  for (const detail of details) {
    if (typeof detail !== 'object' || detail === null) continue;
    const { '@type': type, retryDelay = '0s' } = detail as Record<string, unknown>;
    if (typeof type !== 'string' || !type.endsWith('/google.rpc.RetryInfo')) continue;
    const seconds = /^(-?\d+(?:\.\d+)?)s$/.exec(String(retryDelay))?.[1];
    return seconds === undefined ? 0 : Number(seconds) * 1000;
  }
  return undefined;
}
