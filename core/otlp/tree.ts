import type { Signal } from '../signal.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { EXPORT_REQUEST } from './schema.ts';
import { decodeMessage, emptyMessage, type Message } from './tree-decode.ts';
import { encodeMessage } from './tree-encode.ts';

/**
 * OTLP as plain objects, for tests, dumps and whatever looks at most fields of most items. Everything else reads the
 * bytes (readers/). Names are those of OTLP/JSON.
 *
 * - 64-bit integers are bigints, ids and byte strings Buffers (an id that is not set has length 0).
 * - A scalar that is absent has its default; a message, a member of a oneof and an `optional` field is undefined.
 * - Text that is not UTF-8 is decoded with replacement characters. Fields this version does not know are dropped.
 */
export function decodeTree<S extends Signal>(signal: S, batch: Pick<Telemetry, 'ranges'>): TreeOf[S] {
  const schema = EXPORT_REQUEST[signal];
  const tree = emptyMessage(schema);
  for (const { buffer, start, end } of batch.ranges) decodeMessage(schema, buffer, start, end, tree);
  return tree as unknown as TreeOf[S];
}

/** The bytes of an export request, the canonical ones: fields in order of number, nothing that is a default. */
export function encodeTree<S extends Signal>(signal: S, tree: TreeOf[S]): Buffer {
  return encodeMessage(EXPORT_REQUEST[signal], tree as unknown as Message);
}

export interface TracesTree {
  resourceSpans: ResourceSpans[];
}
export interface MetricsTree {
  resourceMetrics: ResourceMetrics[];
}
export interface LogsTree {
  resourceLogs: ResourceLogs[];
}
export interface TreeOf {
  traces: TracesTree;
  metrics: MetricsTree;
  logs: LogsTree;
}
export type TelemetryTree = TreeOf[keyof TreeOf];

export interface KeyValue {
  key: string;
  value: AnyValue | undefined;
  /** Of the profiles signal: an index into its string table. Carried, not interpreted. */
  keyStrindex?: number;
}
/** At most one member is set; none is the empty value. */
export interface AnyValue {
  stringValue?: string | undefined;
  boolValue?: boolean | undefined;
  intValue?: bigint | undefined;
  doubleValue?: number | undefined;
  arrayValue?: { values: AnyValue[] } | undefined;
  kvlistValue?: { values: KeyValue[] } | undefined;
  bytesValue?: Buffer | undefined;
  /** Of the profiles signal, as above. */
  stringValueStrindex?: number | undefined;
}
export interface EntityRef {
  schemaUrl: string;
  type: string;
  idKeys: string[];
  descriptionKeys: string[];
}
export interface Resource {
  attributes: KeyValue[];
  droppedAttributesCount: number;
  entityRefs: EntityRef[];
}
export interface InstrumentationScope {
  name: string;
  version: string;
  attributes: KeyValue[];
  droppedAttributesCount: number;
}

export interface ResourceSpans {
  resource: Resource | undefined;
  scopeSpans: ScopeSpans[];
  schemaUrl: string;
}
export interface ScopeSpans {
  scope: InstrumentationScope | undefined;
  spans: Span[];
  schemaUrl: string;
}
export interface Span {
  traceId: Buffer;
  spanId: Buffer;
  traceState: string;
  parentSpanId: Buffer;
  flags: number;
  name: string;
  kind: number;
  startTimeUnixNano: bigint;
  endTimeUnixNano: bigint;
  attributes: KeyValue[];
  droppedAttributesCount: number;
  events: SpanEvent[];
  droppedEventsCount: number;
  links: SpanLink[];
  droppedLinksCount: number;
  status: Status | undefined;
}
export interface Status {
  message: string;
  code: number;
}
export interface SpanEvent {
  timeUnixNano: bigint;
  name: string;
  attributes: KeyValue[];
  droppedAttributesCount: number;
}
export interface SpanLink {
  traceId: Buffer;
  spanId: Buffer;
  traceState: string;
  attributes: KeyValue[];
  droppedAttributesCount: number;
  flags: number;
}

export interface ResourceLogs {
  resource: Resource | undefined;
  scopeLogs: ScopeLogs[];
  schemaUrl: string;
}
export interface ScopeLogs {
  scope: InstrumentationScope | undefined;
  logRecords: LogRecord[];
  schemaUrl: string;
}
export interface LogRecord {
  timeUnixNano: bigint;
  observedTimeUnixNano: bigint;
  severityNumber: number;
  severityText: string;
  body: AnyValue | undefined;
  attributes: KeyValue[];
  droppedAttributesCount: number;
  flags: number;
  traceId: Buffer;
  spanId: Buffer;
  eventName: string;
}

export interface ResourceMetrics {
  resource: Resource | undefined;
  scopeMetrics: ScopeMetrics[];
  schemaUrl: string;
}
export interface ScopeMetrics {
  scope: InstrumentationScope | undefined;
  metrics: Metric[];
  schemaUrl: string;
}
/** At most one of the five kinds of data is set. */
export interface Metric {
  name: string;
  description: string;
  unit: string;
  gauge?: { dataPoints: NumberDataPoint[] } | undefined;
  sum?: { dataPoints: NumberDataPoint[]; aggregationTemporality: number; isMonotonic: boolean } | undefined;
  histogram?: { dataPoints: HistogramDataPoint[]; aggregationTemporality: number } | undefined;
  exponentialHistogram?: { dataPoints: ExponentialHistogramDataPoint[]; aggregationTemporality: number } | undefined;
  summary?: { dataPoints: SummaryDataPoint[] } | undefined;
  metadata: KeyValue[];
}
interface DataPoint {
  attributes: KeyValue[];
  startTimeUnixNano: bigint;
  timeUnixNano: bigint;
  flags: number;
}
export interface NumberDataPoint extends DataPoint {
  asDouble?: number | undefined;
  asInt?: bigint | undefined;
  exemplars: Exemplar[];
}
export interface HistogramDataPoint extends DataPoint {
  count: bigint;
  sum?: number | undefined;
  bucketCounts: bigint[];
  explicitBounds: number[];
  exemplars: Exemplar[];
  min?: number | undefined;
  max?: number | undefined;
}
export interface ExponentialHistogramDataPoint extends DataPoint {
  count: bigint;
  sum?: number | undefined;
  scale: number;
  zeroCount: bigint;
  positive: Buckets | undefined;
  negative: Buckets | undefined;
  exemplars: Exemplar[];
  min?: number | undefined;
  max?: number | undefined;
  zeroThreshold: number;
}
export interface Buckets {
  offset: number;
  bucketCounts: bigint[];
}
export interface SummaryDataPoint extends DataPoint {
  count: bigint;
  sum: number;
  quantileValues: { quantile: number; value: number }[];
}
export interface Exemplar {
  filteredAttributes: KeyValue[];
  timeUnixNano: bigint;
  asDouble?: number | undefined;
  asInt?: bigint | undefined;
  spanId: Buffer;
  traceId: Buffer;
}
