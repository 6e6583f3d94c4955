import type { InstrumentationScope, KeyValue, LogsTree, Metric, MetricsTree, Resource } from '../../core/otlp/tree.ts';
import { SCOPE_NAME } from './page.ts';
import type { Family, Point } from './registry.ts';

/** Cumulative since `startNanos`, as an OTLP export request. */
export function metricsTree(
  families: readonly Family[],
  resource: Readonly<Record<string, string>>,
  startNanos: bigint,
  nowNanos: bigint,
): MetricsTree {
  const metrics = families.map((family) => toMetric(family, startNanos, nowNanos));
  return {
    resourceMetrics: [
      {
        resource: resourceOf(resource),
        scopeMetrics: [
          {
            scope: SCOPE,
            metrics,
            schemaUrl: '',
          },
        ],
        schemaUrl: '',
      },
    ],
  };
}

/** The tree as OTLP/JSON; what the process tells of itself has no ids, whose spelling would differ. */
export function toOtlpJson(tree: MetricsTree | LogsTree): string {
  return JSON.stringify(tree, (key, value) => {
    if (key === 'traceId' || key === 'spanId') return undefined;
    return typeof value === 'bigint' ? String(value) : value;
  });
}

export const SCOPE: InstrumentationScope = { name: SCOPE_NAME, version: '', attributes: [], droppedAttributesCount: 0 };

export function resourceOf(resource: Readonly<Record<string, string>>): Resource {
  return { attributes: attributes(Object.entries(resource)), droppedAttributesCount: 0, entityRefs: [] };
}

const CUMULATIVE = 2;

function toMetric({ definition, type, points }: Family, start: bigint, now: bigint): Metric {
  const { name, description, unit } = definition;
  const metric: Metric = { name, description, unit, metadata: [] };
  const common = (point: Point) => ({
    attributes: attributes(point.labels),
    startTimeUnixNano: type === 'gauge' ? 0n : start,
    timeUnixNano: now,
    flags: 0,
    exemplars: [],
  });
  if (type === 'histogram') {
    const dataPoints = points.flatMap((point) => {
      if (typeof point.value === 'number') return [];
      const { counts, bounds, sum } = point.value;
      const count = BigInt(counts.reduce((total, n) => total + n, 0));
      return [{ ...common(point), count, sum, bucketCounts: counts.map(BigInt), explicitBounds: [...bounds] }];
    });
    metric.histogram = { dataPoints, aggregationTemporality: CUMULATIVE };
    return metric;
  }
  const dataPoints = points.flatMap((point) =>
    typeof point.value === 'number' ? [{ ...common(point), ...numberOf(point.value) }] : [],
  );
  if (type === 'gauge') metric.gauge = { dataPoints };
  else metric.sum = { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true };
  return metric;
}

function numberOf(value: number): { asInt: bigint } | { asDouble: number } {
  return Number.isSafeInteger(value) ? { asInt: BigInt(value) } : { asDouble: value };
}

function attributes(pairs: readonly (readonly [string, string])[]): KeyValue[] {
  return pairs.map(([key, value]) => ({ key, value: { stringValue: value } }));
}
