import {
  type Exemplar,
  encodeTree,
  type InstrumentationScope,
  type LogRecord,
  type Metric,
  type NumberDataPoint,
  type Resource,
  type Span,
  type TreeOf,
} from '../../core/otlp/tree.ts';
import type { Signal } from '../../core/signal.ts';
import { randomTree } from '../../core/testing/random-telemetry.ts';
import type { Random } from './random.ts';
import * as words from './vocabulary.ts';

const START = 1_760_000_000_000_000_000n;
const SECOND = 1_000_000_000n;
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

/** Points lie on a grid of seconds, so that deltas sometimes join, and now and then one is late. */
function metric(random: Random): Metric {
  const base = {
    name: random.pick(words.METRICS),
    description: random.pick(['', 'what it is']),
    unit: random.pick(['', 'ms', 'By', '1', '{requests}', 'km/h']),
    metadata: [],
  };
  const aggregationTemporality = random.pick([1, 2, 2, 0]);
  const step = BigInt(random.below(6));
  const point = () => ({
    attributes: words.attributes(random, ['http.method', 'tenant', 'retry', 'http.status_code'], 0, 2),
    startTimeUnixNano: START + (aggregationTemporality === 1 ? step * SECOND : 0n),
    timeUnixNano: START + (step + 1n) * SECOND,
    flags: random.chance(0.03) ? 1 : 0,
  });
  const exemplars = () => random.list(0, 2, () => exemplar(random));
  const number = (): NumberDataPoint => ({
    ...point(),
    ...(random.chance(0.5) ? { asInt: BigInt(random.below(100)) } : { asDouble: random.below(1000) / 8 }),
    exemplars: exemplars(),
  });
  switch (random.below(5)) {
    case 0:
      return { ...base, gauge: { dataPoints: random.list(1, 3, number) } };
    case 1:
      return {
        ...base,
        sum: { dataPoints: random.list(1, 3, number), aggregationTemporality, isMonotonic: random.chance(0.8) },
      };
    case 2:
      return {
        ...base,
        histogram: {
          dataPoints: random.list(1, 2, () => ({ ...point(), ...buckets(random), exemplars: exemplars() })),
          aggregationTemporality,
        },
      };
    case 3:
      return {
        ...base,
        exponentialHistogram: {
          dataPoints: random.list(1, 2, () => ({ ...point(), ...exponential(random), exemplars: exemplars() })),
          aggregationTemporality,
        },
      };
    default:
      return { ...base, summary: { dataPoints: random.list(1, 2, () => ({ ...point(), ...quantiles(random) })) } };
  }
}

function exemplar(random: Random): Exemplar {
  return {
    filteredAttributes: words.attributes(random, words.KEYS, 0, 1),
    timeUnixNano: START,
    asDouble: random.below(100),
    spanId: random.chance(0.7) ? random.bytes(8) : Buffer.alloc(0),
    traceId: random.chance(0.7) ? random.bytes(16) : Buffer.alloc(0),
  };
}

function buckets(random: Random) {
  const explicitBounds = random.pick([[], [10, 50], [5, 10, 100]]);
  const bucketCounts = Array.from({ length: explicitBounds.length + 1 }, () => BigInt(random.below(5)));
  const count = bucketCounts.reduce((a, b) => a + b, 0n);
  return {
    explicitBounds,
    bucketCounts,
    count,
    sum: Number(count) * 2.5,
    ...random.maybe(0.3, 'min', () => 1),
    ...random.maybe(0.3, 'max', () => 99),
  };
}

function exponential(random: Random) {
  const bucketCounts = random.list(0, 4, () => BigInt(random.below(5)));
  const zeroCount = BigInt(random.below(2));
  const count = bucketCounts.reduce((a, b) => a + b, zeroCount);
  const positive = { offset: random.below(6) - 3, bucketCounts };
  return {
    count,
    sum: Number(count),
    scale: random.pick([0, 3]),
    zeroCount,
    positive,
    negative: undefined,
    zeroThreshold: 0,
  };
}

function quantiles(random: Random) {
  const quantileValues = [0.5, 0.99].slice(random.below(3)).map((quantile) => ({ quantile, value: random.below(100) }));
  return { count: BigInt(random.below(10)), sum: random.below(100), quantileValues };
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
