import { exponentialBounds } from '../../core/otlp/exponential-bounds.ts';
import { fixedText, shortText } from '../../core/otlp/go-format.ts';
import {
  decodeTree,
  type InstrumentationScope,
  type KeyValue,
  type Metric,
  type Resource,
} from '../../core/otlp/tree.ts';
import { idText, valueText } from '../../core/otlp/value-text.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/** One line per span, data point or log record, under lines for their resource and scope. */
export function normalText(batch: Telemetry): string {
  switch (batch.signal) {
    case 'traces':
      return tracesText(batch);
    case 'metrics':
      return metricsText(batch);
    case 'logs':
      return logsText(batch);
  }
}

function tracesText(batch: Telemetry): string {
  const lines: string[] = [];
  decodeTree('traces', batch).resourceSpans.forEach(({ resource, schemaUrl, scopeSpans }, i) => {
    lines.push(resourceLine('ResourceTraces', i, resource, schemaUrl));
    for (const group of scopeSpans) {
      lines.push(scopeLine('ScopeTraces', i, group.scope, group.schemaUrl));
      for (const { name, traceId, spanId, attributes } of group.spans) {
        lines.push([name, idText(traceId), idText(spanId), ...pairs(attributes)].join(' '));
      }
    }
  });
  return joined(lines);
}

function logsText(batch: Telemetry): string {
  const lines: string[] = [];
  decodeTree('logs', batch).resourceLogs.forEach(({ resource, schemaUrl, scopeLogs }, i) => {
    lines.push(resourceLine('ResourceLog', i, resource, schemaUrl));
    for (const group of scopeLogs) {
      lines.push(scopeLine('ScopeLog', i, group.scope, group.schemaUrl));
      for (const { body, attributes } of group.logRecords) {
        lines.push(`${valueText(body)} ${pairs(attributes).join(' ')}`);
      }
    }
  });
  return joined(lines);
}

function metricsText(batch: Telemetry): string {
  const lines: string[] = [];
  decodeTree('metrics', batch).resourceMetrics.forEach(({ resource, schemaUrl, scopeMetrics }, i) => {
    lines.push(resourceLine('ResourceMetrics', i, resource, schemaUrl));
    for (const group of scopeMetrics) {
      lines.push(scopeLine('ScopeMetrics', i, group.scope, group.schemaUrl));
      for (const metric of group.metrics) lines.push(...metricLines(metric));
    }
  });
  return joined(lines);
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function resourceLine(title: string, index: number, resource: Resource | undefined, schemaUrl: string): string {
  const schema = schemaUrl === '' ? [] : [`[${schemaUrl}]`];
  return [`${title} #${index}`, ...schema, ...pairs(resource?.attributes ?? [])].join(' ');
}

/** The number is that of the resource, as the collector prints it. */
function scopeLine(title: string, index: number, scope: InstrumentationScope | undefined, schemaUrl: string): string {
  const name = `${scope?.name ?? ''}${scope === undefined || scope.version === '' ? '' : `@${scope.version}`}`;
  const schema = schemaUrl === '' ? [] : [`[${schemaUrl}]`];
  return [`${title} #${index}`, ...(name === '' ? [] : [name]), ...schema, ...pairs(scope?.attributes ?? [])].join(' ');
}

function pairs(attributes: readonly KeyValue[]): string[] {
  return attributes.map(({ key, value }) => `${key}=${valueText(value)}`);
}

function metricLines(metric: Metric): string[] {
  const line = (attributes: readonly KeyValue[], value: string) =>
    `${metric.name}{${pairs(attributes).join(',')}} ${value}`;
  const numbers = (metric.gauge ?? metric.sum)?.dataPoints ?? [];
  return [
    ...numbers.map((p) => line(p.attributes, p.asInt?.toString() ?? optionalText(p.asDouble))),
    ...(metric.histogram?.dataPoints ?? []).map((p) =>
      line(p.attributes, [...totals(p), ...bucketTexts(p.bucketCounts, p.explicitBounds)].join(' ')),
    ),
    ...(metric.exponentialHistogram?.dataPoints ?? []).map((p) =>
      line(p.attributes, [...totals(p), ...exponentialTexts(p)].join(' ')),
    ),
    ...(metric.summary?.dataPoints ?? []).map((p) => {
      const quantiles = p.quantileValues.map((q) => `q${shortText(q.quantile)}=${shortText(q.value)}`);
      return line(p.attributes, [`count=${p.count}`, `sum=${fixedText(p.sum)}`, ...quantiles].join(' '));
    }),
  ];
}

const optionalText = (value: number | undefined) => (value === undefined ? '' : shortText(value));

function totals(point: {
  readonly count: bigint;
  readonly sum?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}): string[] {
  const optional = (['sum', 'min', 'max'] as const).flatMap((name) => {
    const value = point[name];
    return value === undefined ? [] : [`${name}=${shortText(value)}`];
  });
  return [`count=${point.count}`, ...optional];
}

function bucketTexts(counts: readonly bigint[], bounds: readonly number[]): string[] {
  return counts.map((count, i) => {
    const bound = bounds[i];
    return bound === undefined ? `${count}` : `le${shortText(bound)}=${count}`;
  });
}

function exponentialTexts(point: Parameters<typeof exponentialBounds>[0]): string[] {
  const { negative, positive } = exponentialBounds(point);
  return [
    ...negative.map(({ low, count }) => `le${shortText(-low)}=${count}`),
    ...(point.zeroCount === 0n ? [] : [`zero=${point.zeroCount}`]),
    ...positive.map(({ high, count }) => `le${shortText(high)}=${count}`),
  ];
}
