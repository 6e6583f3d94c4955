import type { Exemplar, Metric, NumberDataPoint } from '../../core/otlp/tree.ts';
import type { Random } from './random.ts';
import * as words from './vocabulary.ts';
import { SECOND, START } from './vocabulary.ts';

/** Points lie on a grid of seconds, so that deltas sometimes join, and now and then one is late. */
export function metric(random: Random): Metric {
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
