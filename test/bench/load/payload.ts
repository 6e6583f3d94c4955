/**
 * Trace export requests, encoded once; only the ids are written anew for every request, whose traces lie within it.
 *
 * A span takes about 430 bytes: ten attributes of mixed types, an event on every fifth, eight spans a trace, an error
 * on every twentieth. A request's spans are spread over two resources.
 */

/** `buffer` is an ExportTraceServiceRequest; the 8-byte span ids are at `ids`. */
export interface Template {
  readonly buffer: Buffer;
  readonly ids: readonly number[];
}

const SPANS_PER_TRACE = 8;
const BASE_NANOS = 1_790_000_000_000_000_000n;
/** Marks where a span id has to go; no other eight bytes of a payload are like it. */
const ID_MARK = Buffer.from('f0e1d2c3b4a59687', 'hex');

const ROUTES = ['/api/v1/orders/{id}', '/api/v1/cart/{user}/items', '/api/v1/search', '/healthz'];
const METHODS = ['GET', 'POST', 'PUT', 'GET'];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  'okhttp/4.12.0 (shop-android/5.4.1; Android 14; Pixel 8)',
  'Go-http-client/2.0 (inventory-sync/1.9.0)',
];

/** Requests that differ in content, `spans` spans each; the same on every call. */
export function templates(count: number, spans: number): Template[] {
  return Array.from({ length: count }, (_, i) => withIds(request(i, spans)));
}

/** Where the third four bytes of a trace id are, counted from the span id, which follows at once. */
const TRACE_ID_PART = -10;

/**
 * Gives request `number` (from 1, because an id of zeros is none) of a run its own ids: the number in the upper half of
 * a span id, the position in the lower; the number in the trace ids.
 */
export function numberSpans({ buffer, ids }: Template, number: number): void {
  for (let i = 0; i < ids.length; i++) {
    buffer.writeUInt32BE(number, ids[i]!);
    buffer.writeUInt32BE(i, ids[i]! + 4);
    buffer.writeUInt32BE(number, ids[i]! + TRACE_ID_PART);
  }
}

/** Sums of this over all spans agree only if the same spans were sent and received. */
export function mixId(high: number, low: number): number {
  const mixed = Math.imul(high ^ Math.imul(low + 1, 0x85ebca6b), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** The sum of `mixId` over the spans of a request. */
export function idSum(number: number, spans: number): number {
  let sum = 0;
  for (let i = 0; i < spans; i++) sum += mixId(number, i);
  return sum;
}

function withIds(buffer: Buffer): Template {
  const ids: number[] = [];
  for (let at = buffer.indexOf(ID_MARK); at >= 0; at = buffer.indexOf(ID_MARK, at + 8)) ids.push(at);
  return { buffer, ids };
}

function request(seed: number, spans: number): Buffer {
  const half = Math.max(1, spans >> 1);
  const groups = [[0, Math.min(half, spans)] as const, [half, spans] as const].filter(([from, to]) => to > from);
  return Buffer.concat(
    groups.map(([from, to], group) => {
      const list = Array.from({ length: to - from }, (_, i) => bytes(2, span(seed * spans + from + i)));
      return bytes(1, bytes(1, resource(group)), bytes(2, bytes(1, text(1, 'bench'), text(2, '1.0.0')), ...list));
    }),
  );
}

function resource(group: number): Buffer {
  const pairs: [string, string][] = [
    ['service.name', group === 0 ? 'checkout' : 'cart'],
    ['service.namespace', 'shop'],
    ['service.version', '2.14.3'],
    ['host.name', `node-${group}.example.org`],
    ['k8s.pod.name', `checkout-7d9f8b6c5-x2x${group}`],
    ['k8s.namespace.name', 'production'],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.version', '2.1.0'],
  ];
  return Buffer.concat(pairs.map(([key, value]) => attribute(key, text(1, value))));
}

function span(n: number): Buffer {
  const trace = Buffer.alloc(16, 0x5a);
  trace.writeUInt32BE(Math.floor(n / SPANS_PER_TRACE), 4);
  const start = BASE_NANOS + BigInt(n) * 1_000_000n;
  const isError = n % 20 === 7;
  return Buffer.concat([
    bytes(1, trace),
    bytes(2, ID_MARK),
    bytes(4, Buffer.alloc(8, n % SPANS_PER_TRACE)),
    text(5, `${METHODS[n % 4]} ${ROUTES[n % 4]}`),
    number(6, 1 + (n % 5)),
    fixed(7, start),
    fixed(8, start + BigInt((n % 1500) + 1) * 1_000_000n),
    ...attributes(n, isError),
    ...(n % 5 === 0
      ? [bytes(11, fixed(1, start), text(2, 'cache.miss'), bytes(3, keyValue('key', text(1, `k${n}`))))]
      : []),
    bytes(15, ...(isError ? [text(2, 'upstream timed out'), number(3, 2)] : [])),
  ]);
}

function attributes(n: number, isError: boolean): Buffer[] {
  const values: [string, Buffer][] = [
    ['http.method', text(1, METHODS[n % 4]!)],
    ['http.route', text(1, ROUTES[n % 4]!)],
    ['http.status_code', number(3, isError ? 504 : 200)],
    ['http.response_content_length', number(3, 1000 + n)],
    ['user_agent.original', text(1, AGENTS[n % 3]!)],
    ['user.id', text(1, `user-${n % 5000}`)],
    ['thread.name', text(1, `worker-${n % 16}`)],
    ['retry', number(2, n % 2)],
    ['sample.ratio', double(4, 0.25 + (n % 3))],
    ['net.peer.ip', text(1, `10.0.${n % 256}.${(n * 7) % 256}`)],
  ];
  return values.map(([key, value]) => bytes(9, keyValue(key, value)));
}

function attribute(key: string, value: Buffer): Buffer {
  return bytes(1, keyValue(key, value));
}

function keyValue(key: string, value: Buffer): Buffer {
  return Buffer.concat([text(1, key), bytes(2, value)]);
}

function bytes(field: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varint((field << 3) | 2), varint(length), ...parts]);
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function fixed(field: number, value: bigint): Buffer {
  const out = Buffer.alloc(9, (field << 3) | 1);
  out.writeBigUInt64LE(value, 1);
  return out;
}

function double(field: number, value: number): Buffer {
  const out = Buffer.alloc(9, (field << 3) | 1);
  out.writeDoubleLE(value, 1);
  return out;
}

function varint(value: number): Buffer {
  const out: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...out, rest]);
    out.push((rest & 0x7f) | 0x80);
  }
}
