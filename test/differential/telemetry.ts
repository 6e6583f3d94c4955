import {
  encodeTree,
  type InstrumentationScope,
  type LogRecord,
  type Resource,
  type Span,
  type TreeOf,
} from '../../core/otlp/tree.ts';
import type { Signal } from '../../core/signal.ts';
import { randomTree } from '../../core/testing/random-telemetry.ts';
import { metric } from './metrics.ts';
import type { Random } from './random.ts';
import * as words from './vocabulary.ts';
import { SECOND, START } from './vocabulary.ts';

/** Traces that several requests have spans of. */
const SHARED_TRACES = 12;
/** Requests of every kind of message in place of those made for the configurations. */
const STRANGE = 0.15;

/** A request for the signal: mostly telemetry that the configurations speak of. */
export function randomRequest(signal: Signal, random: Random, strange = STRANGE): Buffer {
  if (random.chance(strange)) return encodeTree(signal, plain(randomTree(signal, random.below(2 ** 31))));
  return encodeTree(signal, telemetryTree(signal, random));
}

export function telemetryTree<S extends Signal>(signal: S, random: Random): TreeOf[S];
export function telemetryTree(signal: Signal, random: Random): TreeOf[Signal] {
  const groups = <T>(items: () => T[], member: string, scopes: string) =>
    random.list(1, 3, () => ({
      resource: resource(random),
      schemaUrl: random.pick(['', 'https://example.com/1']),
      [scopes]: random.list(1, 2, () => ({
        scope: scope(random),
        schemaUrl: random.pick(['', 's']),
        [member]: items(),
      })),
    })) as never;
  if (signal === 'traces')
    return { resourceSpans: groups(() => random.list(1, 6, () => span(random)), 'spans', 'scopeSpans') };
  if (signal === 'logs') {
    return { resourceLogs: groups(() => random.list(1, 4, () => logRecord(random)), 'logRecords', 'scopeLogs') };
  }
  return { resourceMetrics: groups(() => random.list(1, 4, () => metric(random)), 'metrics', 'scopeMetrics') };
}

export function resource(random: Random): Resource | undefined {
  if (random.chance(0.1)) return undefined;
  const attributes = words.attributes(random, words.RESOURCE_KEYS, 0, 4);
  return { attributes, droppedAttributesCount: random.below(2), entityRefs: [] };
}

export function scope(random: Random): InstrumentationScope | undefined {
  if (random.chance(0.1)) return undefined;
  const attributes = random.chance(0.3) ? words.attributes(random, words.KEYS, 0, 2) : [];
  return {
    name: random.pick(words.SCOPES),
    version: random.pick(words.VERSIONS),
    attributes,
    droppedAttributesCount: 0,
  };
}

function traceIdOf(random: Random): Buffer {
  if (random.chance(0.03)) return Buffer.alloc(random.chance(0.5) ? 0 : 16);
  if (random.chance(0.5)) return random.bytes(16);
  return Buffer.alloc(16, random.below(SHARED_TRACES) + 1);
}

const TRACE_STATES = [
  '',
  '',
  '',
  'ot=th:8',
  'ot=th:c;rv:80000000000000',
  'ot=rv:ffffffffffffff',
  'vendor=a,ot=th:fe',
  'ot=th:zz',
  'k=v',
];

function span(random: Random): Span {
  const start = START + BigInt(random.below(1000)) * 1_000_000n;
  const duration = random.pick([0n, 1_000n, 4_000_000n, 7_500_000n, 1_200_000_000n, 30n * SECOND, -1_000_000n]);
  return {
    traceId: traceIdOf(random),
    spanId: random.bytes(8),
    traceState: random.pick(TRACE_STATES),
    parentSpanId: random.chance(0.3) ? Buffer.alloc(0) : random.bytes(8),
    flags: random.below(3),
    name: random.pick(words.SPAN_NAMES),
    kind: random.below(6),
    startTimeUnixNano: start,
    endTimeUnixNano: start + duration,
    attributes: words.attributes(random, words.KEYS, 0, 7),
    droppedAttributesCount: random.below(2),
    events: random.list(0, 2, () => ({
      timeUnixNano: start,
      name: random.pick(['exception', 'log']),
      attributes: words.attributes(random, words.KEYS, 0, 3),
      droppedAttributesCount: 0,
    })),
    droppedEventsCount: 0,
    links: random.list(0, 1, () => ({
      traceId: random.bytes(16),
      spanId: random.bytes(8),
      traceState: '',
      attributes: words.attributes(random, words.KEYS, 0, 1),
      droppedAttributesCount: 0,
      flags: 0,
    })),
    droppedLinksCount: 0,
    status: random.chance(0.3) ? undefined : { code: random.below(3), message: random.pick(['', 'failed']) },
  };
}

function logRecord(random: Random): LogRecord {
  const text = { stringValue: random.pick(words.BODIES) };
  const attributes = words.attributes(random, words.KEYS, 0, 6);
  if (random.chance(0.2))
    attributes.push({ key: 'sampling.threshold', value: { stringValue: random.pick(['c', '08', '']) } });
  return {
    timeUnixNano: START + BigInt(random.below(1000)),
    observedTimeUnixNano: START,
    severityNumber: random.below(25),
    severityText: random.pick(words.SEVERITIES),
    body: random.chance(0.7) ? text : random.chance(0.2) ? undefined : words.valueFor(random.pick(words.KEYS), random),
    attributes,
    droppedAttributesCount: 0,
    flags: 0,
    traceId: random.chance(0.5) ? traceIdOf(random) : Buffer.alloc(0),
    spanId: random.chance(0.5) ? random.bytes(8) : Buffer.alloc(0),
    eventName: random.pick(['', 'login']),
  };
}

/** Fields that only profiles use. */
const OF_PROFILES = new Set(['keyStrindex', 'stringValueStrindex']);

/**
 * Without fields of another signal, and with the first of attributes that have one key: what a second one means differs
 * from SDK to SDK, and OTLP forbids it.
 */
// biome-ignore lint/suspicious/noExplicitAny: walks trees of any message
function plain(value: any): any {
  if (Array.isArray(value)) {
    const seen = new Set<string>();
    const keyed = value.length > 0 && typeof value[0]?.key === 'string';
    const kept = keyed ? value.filter(({ key }) => !seen.has(key) && seen.add(key)) : value;
    return kept.map(plain);
  }
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !OF_PROFILES.has(key))
      .map(([key, inner]) => [key, plain(inner)]),
  );
}
