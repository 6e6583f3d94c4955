/**
 * OTLP/JSON in and out against the obvious way: JSON.parse and protobufjs, JSON.stringify. A request of 100 spans with
 * 10 attributes each. Run: `node test/bench/json.bench.ts`. The peer loses what is beyond 2^53 and cannot say where a
 * body is wrong; it is here as a measure of speed only.
 */
import protobuf from 'protobufjs';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import { EXPORT_REQUEST, type MessageSchema } from '../../core/otlp/schema.ts';

const SPANS = 100;
const ATTRIBUTES = 10;
const ROUNDS = 300;
const REPEATS = 5;

const hex = (value: number, size: number) => value.toString(16).padStart(size * 2, '5a');

function attribute(span: number, i: number): unknown {
  const key = `http.request.header.x_${i}`;
  if (i % 5 === 3) return { key, value: { intValue: String(span * 1000 + i) } };
  if (i % 5 === 4) return { key, value: { doubleValue: span + i / 8 } };
  return { key, value: { stringValue: `/api/v1/products/${span}/item-${i}` } };
}

function request(): Buffer {
  const spans = Array.from({ length: SPANS }, (_, i) => ({
    traceId: hex(i, 16),
    spanId: hex(i, 8),
    parentSpanId: hex(i + 1, 8),
    name: `GET /api/v1/products/${i}`,
    kind: 2,
    startTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(i)),
    endTimeUnixNano: String(1_700_000_000_100_000_000n + BigInt(i)),
    attributes: Array.from({ length: ATTRIBUTES }, (_, k) => attribute(i, k)),
    status: { code: 1 },
  }));
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  return Buffer.from(JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: {}, spans }] }] }));
}

function protobufType(schema: MessageSchema, root: protobuf.Root): protobuf.Type {
  const name = schema.name.replace('.', '_');
  const known = root.get(name);
  if (known instanceof protobuf.Type) return known;
  const type = new protobuf.Type(name);
  root.add(type);
  for (const field of schema.fields) {
    if (field.message !== undefined) protobufType(field.message, root);
    const scalar = field.kind === 'enum' ? 'int32' : field.kind.replace(/^(trace|span)Id$/, 'bytes');
    const kind = field.message?.name.replace('.', '_') ?? scalar;
    type.add(new protobuf.Field(field.jsonName, field.number, kind, field.repeated ? 'repeated' : undefined));
  }
  return type;
}

/** CPU microseconds a call takes: the best of a few repeats, as other work on the machine only adds. */
function measure(work: () => unknown): number {
  for (let i = 0; i < ROUNDS; i++) work();
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = process.cpuUsage();
    for (let i = 0; i < ROUNDS; i++) work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / ROUNDS);
  }
  return best;
}

function report(name: string, bytes: number, ours: number, peer: number): void {
  const speed = (bytes / ours).toFixed(0);
  const ratio = (peer / ours).toFixed(1);
  console.log(
    `${name}: ${ours.toFixed(0)} µs a request, ${speed} MB/s; peer ${peer.toFixed(0)} µs, ${ratio} times ours`,
  );
}

const json = request();
const { bytes } = decodeJson('traces', json);
const batch = { signal: 'traces', ranges: [{ buffer: bytes, start: 0, end: bytes.length }] } as const;
const type = protobufType(EXPORT_REQUEST.traces, new protobuf.Root());

const parse = () => type.encode(type.fromObject(JSON.parse(json.toString()))).finish();
const stringify = () =>
  Buffer.from(JSON.stringify(type.toObject(type.decode(bytes), { longs: String, bytes: String })));

console.log(`${SPANS} spans, ${json.length} bytes of JSON, ${bytes.length} bytes of protobuf`);
report(
  'JSON in',
  json.length,
  measure(() => decodeJson('traces', json)),
  measure(parse),
);
report(
  'JSON in, JSON.parse alone',
  json.length,
  measure(() => decodeJson('traces', json)),
  measure(() => JSON.parse(json.toString())),
);
report(
  'JSON out',
  json.length,
  measure(() => encodeJson(batch)),
  measure(stringify),
);
