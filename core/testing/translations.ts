import { readFileSync } from 'node:fs';
import { decodeTree, type KeyValue } from '../otlp/tree.ts';

/** What the collector made of an input, or why it took none. Bytes are base64. */
export interface Translation {
  readonly kind: string;
  readonly input: string;
  // biome-ignore lint/suspicious/noExplicitAny: of the kind of translation
  readonly output: any;
  readonly error?: string;
}

export function recordedTranslations(url: URL): Translation[] {
  return JSON.parse(readFileSync(url, 'utf8'));
}

/**
 * An export request of spans without what is no difference: the order of attributes, ids of zeros, messages and groups
 * with nothing in them.
 */
export function comparable(request: Buffer) {
  const { resourceSpans } = decodeTree('traces', { ranges: [{ buffer: request, start: 0, end: request.length }] });
  const groups = resourceSpans.filter(({ scopeSpans }) => scopeSpans.some(({ spans }) => spans.length > 0));
  return groups.map(({ resource, scopeSpans }) => ({
    resource: sorted(resource?.attributes ?? []),
    scopes: scopeSpans.map(({ scope, spans }) => ({
      scope: [scope?.name ?? '', scope?.version ?? ''],
      spans: spans.map((span) => ({
        ...span,
        startTimeUnixNano: time(span.startTimeUnixNano),
        endTimeUnixNano: time(span.endTimeUnixNano),
        traceId: withoutZeros(span.traceId),
        spanId: withoutZeros(span.spanId),
        parentSpanId: withoutZeros(span.parentSpanId),
        attributes: sorted(span.attributes),
        events: span.events.map((event) => ({ ...event, attributes: sorted(event.attributes) })),
        links: span.links.map((link) => ({
          ...link,
          traceId: withoutZeros(link.traceId),
          spanId: withoutZeros(link.spanId),
          attributes: sorted(link.attributes),
        })),
        status: span.status ?? { code: 0, message: '' },
      })),
    })),
  }));
}

const sorted = (attributes: readonly KeyValue[]) => [...attributes].sort((a, b) => (a.key < b.key ? -1 : 1));

const withoutZeros = (id: Buffer) => id.toString('hex').replace(/^0+$/, '');

/** What the collector takes no time for: the year 1, which 64 bits of nanoseconds do not hold. We take zero. */
const NO_TIME = 11651379494838206464n;

const time = (unixNanos: bigint) => (unixNanos === NO_TIME ? 0n : unixNanos);
