import { exponentialBounds } from '../../core/otlp/exponential-bounds.ts';
import { fixedText, timeText } from '../../core/otlp/go-format.ts';
import {
  type AnyValue,
  decodeTree,
  type Exemplar,
  type ExponentialHistogramDataPoint,
  type HistogramDataPoint,
  type InstrumentationScope,
  type KeyValue,
  type LogRecord,
  type Metric,
  type NumberDataPoint,
  type Resource,
  type Span,
  type SummaryDataPoint,
} from '../../core/otlp/tree.ts';
import { idText, severityName, valueText, valueTypeName } from '../../core/otlp/value-text.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

const SPAN_KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const SPAN_STATUSES = ['Unset', 'Ok', 'Error'];
const TEMPORALITIES = ['Unspecified', 'Delta', 'Cumulative'];
const DATA_TYPES = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;

/** Every field, one a line. */
export function detailedText(batch: Telemetry): string {
  const dump = new Dump();
  dump[batch.signal](batch);
  return dump.text;
}

class Dump {
  text = '';

  traces(batch: Telemetry): void {
    decodeTree('traces', batch).resourceSpans.forEach(({ resource, schemaUrl, scopeSpans }, i) => {
      this.#resource('ResourceSpans', i, resource, schemaUrl);
      scopeSpans.forEach((group, j) => {
        this.#scope('ScopeSpans', j, group.scope, group.schemaUrl);
        for (const [k, span] of group.spans.entries()) this.#span(span, k);
      });
    });
  }

  logs(batch: Telemetry): void {
    decodeTree('logs', batch).resourceLogs.forEach(({ resource, schemaUrl, scopeLogs }, i) => {
      this.#resource('ResourceLog', i, resource, schemaUrl);
      scopeLogs.forEach((group, j) => {
        this.#scope('ScopeLogs', j, group.scope, group.schemaUrl);
        for (const [k, record] of group.logRecords.entries()) this.#logRecord(record, k);
      });
    });
  }

  metrics(batch: Telemetry): void {
    decodeTree('metrics', batch).resourceMetrics.forEach(({ resource, schemaUrl, scopeMetrics }, i) => {
      this.#resource('ResourceMetrics', i, resource, schemaUrl);
      scopeMetrics.forEach((group, j) => {
        this.#scope('ScopeMetrics', j, group.scope, group.schemaUrl);
        for (const [k, metric] of group.metrics.entries()) this.#metric(metric, k);
      });
    });
  }

  #line(text: string): void {
    this.text += `${text}\n`;
  }

  #resource(title: string, index: number, resource: Resource | undefined, schemaUrl: string): void {
    this.#line(`${title} #${index}`);
    this.#line(`Resource SchemaURL: ${schemaUrl}`);
    this.#attributes('Resource attributes', resource?.attributes ?? []);
    const references = resource?.entityRefs ?? [];
    if (references.length > 0) this.#line('Resource entity refs:');
    references.forEach((reference, i) => {
      this.#line(`     -> Entity ref #${i}:`);
      this.#line(`          -> Type: ${reference.type}`);
      if (reference.schemaUrl !== '') this.#line(`          -> Schema URL: ${reference.schemaUrl}`);
      this.#keys('ID keys', reference.idKeys);
      this.#keys('Description keys', reference.descriptionKeys);
    });
  }

  #keys(title: string, keys: readonly string[]): void {
    if (keys.length > 0) this.#line(`          -> ${title}:`);
    for (const key of keys) this.#line(`               -> ${key}`);
  }

  #scope(title: string, index: number, scope: InstrumentationScope | undefined, schemaUrl: string): void {
    this.#line(`${title} #${index}`);
    this.#line(`${title} SchemaURL: ${schemaUrl}`);
    this.#line(`InstrumentationScope ${scope?.name ?? ''} ${scope?.version ?? ''}`);
    this.#attributes('InstrumentationScope attributes', scope?.attributes ?? []);
  }

  #attributes(title: string, attributes: readonly KeyValue[], indent = ''): void {
    if (attributes.length > 0) this.#line(`${title}:`);
    for (const { key, value } of attributes) this.#line(`${indent}     -> ${key}: ${typedText(value)}`);
  }

  /** Attributes of something that is itself indented by an arrow. */
  #innerAttributes(title: string, attributes: readonly KeyValue[]): void {
    this.#attributes(`     -> ${title}`, attributes, '     ');
  }

  #field(label: string, value: string | number): void {
    this.#line(`    ${label.padEnd(15)}: ${value}`);
  }

  #span(span: Span, index: number): void {
    this.#line(`Span #${index}`);
    this.#field('Trace ID', idText(span.traceId));
    this.#field('Parent ID', idText(span.parentSpanId));
    this.#field('ID', idText(span.spanId));
    this.#field('Name', span.name);
    this.#field('Kind', SPAN_KINDS[span.kind] ?? '');
    if (span.traceState !== '') this.#field('TraceState', span.traceState);
    this.#field('Start time', timeText(span.startTimeUnixNano));
    this.#field('End time', timeText(span.endTimeUnixNano));
    this.#field('Status code', SPAN_STATUSES[span.status?.code ?? 0] ?? '');
    this.#field('Status message', span.status?.message ?? '');
    this.#field('DroppedAttributesCount', span.droppedAttributesCount);
    this.#field('DroppedEventsCount', span.droppedEventsCount);
    this.#field('DroppedLinksCount', span.droppedLinksCount);
    this.#attributes('Attributes', span.attributes);
    if (span.events.length > 0) this.#line('Events:');
    span.events.forEach((event, i) => {
      this.#line(`SpanEvent #${i}`);
      this.#line(`     -> Name: ${event.name}`);
      this.#line(`     -> Timestamp: ${timeText(event.timeUnixNano)}`);
      this.#line(`     -> DroppedAttributesCount: ${event.droppedAttributesCount}`);
      this.#innerAttributes('Attributes:', event.attributes);
    });
    if (span.links.length > 0) this.#line('Links:');
    span.links.forEach((link, i) => {
      this.#line(`SpanLink #${i}`);
      this.#line(`     -> Trace ID: ${idText(link.traceId)}`);
      this.#line(`     -> ID: ${idText(link.spanId)}`);
      this.#line(`     -> TraceState: ${link.traceState}`);
      this.#line(`     -> DroppedAttributesCount: ${link.droppedAttributesCount}`);
      this.#innerAttributes('Attributes:', link.attributes);
    });
  }

  #logRecord(record: LogRecord, index: number): void {
    this.#line(`LogRecord #${index}`);
    this.#line(`ObservedTimestamp: ${timeText(record.observedTimeUnixNano)}`);
    this.#line(`Timestamp: ${timeText(record.timeUnixNano)}`);
    this.#line(`SeverityText: ${record.severityText}`);
    this.#line(`SeverityNumber: ${severityName(record.severityNumber)}(${record.severityNumber})`);
    if (record.eventName !== '') this.#line(`EventName: ${record.eventName}`);
    this.#line(`Body: ${typedText(record.body)}`);
    this.#attributes('Attributes', record.attributes);
    this.#line(`Trace ID: ${idText(record.traceId)}`);
    this.#line(`Span ID: ${idText(record.spanId)}`);
    this.#line(`Flags: ${record.flags}`);
  }

  #metric(metric: Metric, index: number): void {
    this.#line(`Metric #${index}`);
    this.#line('Descriptor:');
    this.#line(`     -> Name: ${metric.name}`);
    this.#line(`     -> Description: ${metric.description}`);
    this.#line(`     -> Unit: ${metric.unit}`);
    this.#line(`     -> DataType: ${dataType(metric)}`);
    this.#innerAttributes('Metadata', metric.metadata);
    if (metric.sum !== undefined) this.#line(`     -> IsMonotonic: ${metric.sum.isMonotonic}`);
    const temporal = metric.sum ?? metric.histogram ?? metric.exponentialHistogram;
    if (temporal !== undefined) {
      this.#line(`     -> AggregationTemporality: ${TEMPORALITIES[temporal.aggregationTemporality] ?? ''}`);
    }
    for (const [i, point] of ((metric.gauge ?? metric.sum)?.dataPoints ?? []).entries()) this.#number(point, i);
    for (const [i, point] of (metric.histogram?.dataPoints ?? []).entries()) this.#histogram(point, i);
    for (const [i, point] of (metric.exponentialHistogram?.dataPoints ?? []).entries()) this.#exponential(point, i);
    for (const [i, point] of (metric.summary?.dataPoints ?? []).entries()) this.#summary(point, i);
  }

  #point(title: string, index: number, point: NumberDataPoint | HistogramDataPoint | SummaryDataPoint): void {
    this.#line(`${title} #${index}`);
    this.#attributes('Data point attributes', point.attributes);
    this.#line(`StartTimestamp: ${timeText(point.startTimeUnixNano)}`);
    this.#line(`Timestamp: ${timeText(point.timeUnixNano)}`);
  }

  #number(point: NumberDataPoint, index: number): void {
    this.#point('NumberDataPoints', index, point);
    if (point.asInt !== undefined) this.#line(`Value: ${point.asInt}`);
    else if (point.asDouble !== undefined) this.#line(`Value: ${fixedText(point.asDouble)}`);
    this.#exemplars(point.exemplars);
  }

  #totals(point: HistogramDataPoint | ExponentialHistogramDataPoint): void {
    this.#line(`Count: ${point.count}`);
    if (point.sum !== undefined) this.#line(`Sum: ${fixedText(point.sum)}`);
    if (point.min !== undefined) this.#line(`Min: ${fixedText(point.min)}`);
    if (point.max !== undefined) this.#line(`Max: ${fixedText(point.max)}`);
  }

  #histogram(point: HistogramDataPoint, index: number): void {
    this.#point('HistogramDataPoints', index, point);
    this.#totals(point);
    for (const [i, bound] of point.explicitBounds.entries()) this.#line(`ExplicitBounds #${i}: ${fixedText(bound)}`);
    for (const [i, count] of point.bucketCounts.entries()) this.#line(`Buckets #${i}, Count: ${count}`);
    this.#exemplars(point.exemplars);
  }

  #exponential(point: ExponentialHistogramDataPoint, index: number): void {
    this.#point('ExponentialHistogramDataPoints', index, { ...point, bucketCounts: [], explicitBounds: [] });
    this.#totals(point);
    const { negative, positive } = exponentialBounds(point);
    for (const { low, high, count } of negative) {
      this.#line(`Bucket [${fixedText(-high)}, ${fixedText(-low)}), Count: ${count}`);
    }
    if (point.zeroCount !== 0n) this.#line(`Bucket [0, 0], Count: ${point.zeroCount}`);
    for (const { low, high, count } of positive) {
      this.#line(`Bucket (${fixedText(low)}, ${fixedText(high)}], Count: ${count}`);
    }
    this.#exemplars(point.exemplars);
  }

  #summary(point: SummaryDataPoint, index: number): void {
    this.#point('SummaryDataPoints', index, point);
    this.#line(`Count: ${point.count}`);
    this.#line(`Sum: ${fixedText(point.sum)}`);
    for (const [i, { quantile, value }] of point.quantileValues.entries()) {
      this.#line(`QuantileValue #${i}: Quantile ${fixedText(quantile)}, Value ${fixedText(value)}`);
    }
  }

  #exemplars(exemplars: readonly Exemplar[]): void {
    if (exemplars.length > 0) this.#line('Exemplars:');
    exemplars.forEach((exemplar, i) => {
      this.#line(`Exemplar #${i}`);
      this.#line(`     -> Trace ID: ${idText(exemplar.traceId)}`);
      this.#line(`     -> Span ID: ${idText(exemplar.spanId)}`);
      this.#line(`     -> Timestamp: ${timeText(exemplar.timeUnixNano)}`);
      if (exemplar.asInt !== undefined) this.#line(`     -> Value: ${exemplar.asInt}`);
      else if (exemplar.asDouble !== undefined) this.#line(`     -> Value: ${fixedText(exemplar.asDouble)}`);
      this.#innerAttributes('FilteredAttributes', exemplar.filteredAttributes);
    });
  }
}

const typedText = (value: AnyValue | undefined) => `${valueTypeName(value)}(${valueText(value)})`;

function dataType(metric: Metric): string {
  const name = DATA_TYPES.find((type) => metric[type] !== undefined) ?? 'empty';
  return name.charAt(0).toUpperCase() + name.slice(1);
}
