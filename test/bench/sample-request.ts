import { encodeTree, type KeyValue, type Span } from '../../core/otlp/tree.ts';

export const SPANS = 100;
const ATTRIBUTES = [
  'http.request.method',
  'http.response.status_code',
  'url.full',
  'thread.name',
  'user.id',
  'network.peer.address',
  'service.instance.id',
  'db.system',
  'retry.count',
  'duration.ms',
];

function attribute(key: string, span: number, index: number): KeyValue {
  if (index === 1 || index === 8) return { key, value: { intValue: BigInt(200 + span) } };
  if (index === 9) return { key, value: { doubleValue: span / 8 } };
  return { key, value: { stringValue: `some-value-${span}-${'x'.repeat(index * 2)}` } };
}

function span(i: number): Span {
  return {
    traceId: Buffer.alloc(16, i + 1),
    spanId: Buffer.alloc(8, i + 1),
    parentSpanId: Buffer.alloc(8, i + 2),
    traceState: '',
    flags: 0,
    name: `GET /api/v1/users/${i}`,
    kind: 2,
    startTimeUnixNano: 1_700_000_000_000_000_000n,
    endTimeUnixNano: 1_700_000_000_100_000_000n,
    attributes: ATTRIBUTES.map((key, index) => attribute(key, i, index)),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 1 },
  };
}

/** An export request of 100 spans with 10 attributes each, about 43 KB: what SDKs send under load. */
export function sampleRequest(): Buffer {
  const resource = { attributes: [attribute('service.name', 0, 0)], droppedAttributesCount: 0, entityRefs: [] };
  const scope = { name: 'library', version: '1.0.0', attributes: [], droppedAttributesCount: 0 };
  const spans = Array.from({ length: SPANS }, (_, i) => span(i));
  return encodeTree('traces', {
    resourceSpans: [{ resource, schemaUrl: '', scopeSpans: [{ scope, spans, schemaUrl: '' }] }],
  });
}

const ROUNDS = 1000;
const REPEATS = 7;

/** CPU nanoseconds a span: the best of several repeats, as other work on the machine only adds. */
export function nanosPerSpan(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = process.cpuUsage();
    for (let i = 0; i < ROUNDS; i++) work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, ((user + system) * 1000) / ROUNDS / SPANS);
  }
  return best;
}

export function report(name: string, nanos: number, base: number): void {
  console.log(
    `${name.padEnd(44)} ${nanos.toFixed(0).padStart(6)} ns a span  ${(nanos / base).toFixed(2).padStart(6)}x`,
  );
}
