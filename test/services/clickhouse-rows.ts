import type { ClickHouse } from '../../core/clickhouse/client.ts';
import { insertColumns, quoteName, type Table, tableName } from '../../core/clickhouse/schema/table.ts';
import type {
  Exemplar,
  KeyValue,
  LogsTree,
  Metric,
  MetricsTree,
  NumberDataPoint,
  SpanEvent,
  TracesTree,
} from '../../core/otlp/tree.ts';
import { idText, valueText } from '../../core/otlp/value-text.ts';

/** A row by the names of its columns: times and 64 bits as text in decimal, maps as lists of pairs. */
export type TestRow = Readonly<Record<string, unknown>>;

/** Expressions by which nothing is lost on the way into JSON. */
function exact({ name, type }: { readonly name: string; readonly type: string }): string {
  const column = quoteName(name);
  const pairs = (map: string) => `arrayZip(mapKeys(${map}), mapValues(${map}))`;
  if (type === 'DateTime64(9)') return `toUnixTimestamp64Nano(${column})`;
  if (type === 'Array(DateTime64(9))') return `arrayMap(t -> toUnixTimestamp64Nano(t), ${column})`;
  if (type === 'DateTime') return `toUnixTimestamp(${column})`;
  if (type.startsWith('Map(')) return pairs(column);
  if (type.startsWith('Array(Map(')) return `arrayMap(m -> ${pairs('m')}, ${column})`;
  if (type.startsWith('Array(Tuple(')) {
    return `arrayMap(t -> tuple(toUnixTimestamp64Nano(t.1), ${pairs('t.2')}), ${column})`;
  }
  return column;
}

const SETTINGS = {
  output_format_json_quote_64bit_integers: '1',
  output_format_json_quote_denormals: '1',
  output_format_json_named_tuples_as_objects: '0',
};

/** All rows of a table, in any order. */
export async function storedRows(
  ch: ClickHouse,
  at: { readonly database: string; readonly table: string },
  table: Pick<Table, 'columns'>,
): Promise<TestRow[]> {
  const columns = insertColumns(table).map((column) => `${exact(column)} AS ${quoteName(`_${column.name}`)}`);
  const sql = `SELECT ${columns.join(', ')} FROM ${tableName(at)}`;
  const pieces: Uint8Array[] = [];
  for await (const piece of ch.query({ sql, format: 'JSONEachRow', settings: SETTINGS })) pieces.push(piece);
  const lines = Buffer.concat(pieces).toString().split('\n').filter(Boolean);
  return lines.map((line) => {
    const row = JSON.parse(line) as TestRow;
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name.slice(1), value]));
  });
}

/** Rows and their columns in an order that only they decide, to be compared. */
export function sorted(rows: readonly TestRow[]): TestRow[] {
  const keyed = rows.map((row) => {
    const entries = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
    return [JSON.stringify(entries), Object.fromEntries(entries)] as const;
  });
  return keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

export const time = (nanos: bigint): string => BigInt.asIntN(64, nanos).toString();
export const pairs = (attributes: readonly KeyValue[]): [string, string][] =>
  attributes.map(({ key, value }) => [key, valueText(value)]);
export const double = (value: number): unknown =>
  Number.isFinite(value) ? value : Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
const service = (attributes: readonly KeyValue[]): string =>
  valueText(attributes.find(({ key }) => key === 'service.name')?.value);

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUSES = ['Unset', 'Ok', 'Error'];

/** What the collector's exporter makes of spans. */
export function spanRows(tree: TracesTree): TestRow[] {
  return tree.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        Timestamp: time(span.startTimeUnixNano),
        TraceId: idText(span.traceId),
        SpanId: idText(span.spanId),
        ParentSpanId: idText(span.parentSpanId),
        TraceState: span.traceState,
        SpanName: span.name,
        SpanKind: KINDS[span.kind] ?? '',
        ServiceName: service(resource?.attributes ?? []),
        ResourceAttributes: pairs(resource?.attributes ?? []),
        ScopeName: scope?.name ?? '',
        ScopeVersion: scope?.version ?? '',
        SpanAttributes: pairs(span.attributes),
        Duration: BigInt.asUintN(64, span.endTimeUnixNano - span.startTimeUnixNano).toString(),
        StatusCode: STATUSES[span.status?.code ?? 0] ?? '',
        StatusMessage: span.status?.message ?? '',
        'Events.Timestamp': span.events.map((event: SpanEvent) => time(event.timeUnixNano)),
        'Events.Name': span.events.map(({ name }) => name),
        'Events.Attributes': span.events.map(({ attributes }) => pairs(attributes)),
        'Links.TraceId': span.links.map(({ traceId }) => idText(traceId)),
        'Links.SpanId': span.links.map(({ spanId }) => idText(spanId)),
        'Links.TraceState': span.links.map(({ traceState }) => traceState),
        'Links.Attributes': span.links.map(({ attributes }) => pairs(attributes)),
      })),
    ),
  );
}

export function logRows(tree: LogsTree): TestRow[] {
  return tree.resourceLogs.flatMap(({ resource, scopeLogs, schemaUrl }) =>
    scopeLogs.flatMap(({ scope, logRecords, schemaUrl: scopeSchema }) =>
      logRecords.map((record) => ({
        Timestamp: time(record.timeUnixNano || record.observedTimeUnixNano),
        TraceId: idText(record.traceId),
        SpanId: idText(record.spanId),
        TraceFlags: record.flags & 0xff,
        SeverityText: record.severityText,
        SeverityNumber: record.severityNumber & 0xff,
        ServiceName: service(resource?.attributes ?? []),
        Body: valueText(record.body),
        ResourceSchemaUrl: schemaUrl,
        ResourceAttributes: pairs(resource?.attributes ?? []),
        ScopeSchemaUrl: scopeSchema,
        ScopeName: scope?.name ?? '',
        ScopeVersion: scope?.version ?? '',
        ScopeAttributes: pairs(scope?.attributes ?? []),
        LogAttributes: pairs(record.attributes),
        EventName: record.eventName,
      })),
    ),
  );
}

const number = ({ asInt, asDouble }: Pick<NumberDataPoint, 'asInt' | 'asDouble'>): unknown =>
  double(asInt === undefined ? (asDouble ?? 0) : Number(asInt));
/** Ids of exemplars are zeros where there are none. */
const fullId = (id: Buffer, size: number): string => (id.length === 0 ? '00'.repeat(size) : id.toString('hex'));

function exemplarColumns(exemplars: readonly Exemplar[]): TestRow {
  return {
    'Exemplars.FilteredAttributes': exemplars.map(({ filteredAttributes }) => pairs(filteredAttributes)),
    'Exemplars.TimeUnix': exemplars.map(({ timeUnixNano }) => time(timeUnixNano)),
    'Exemplars.Value': exemplars.map(number),
    'Exemplars.SpanId': exemplars.map(({ spanId }) => fullId(spanId, 8)),
    'Exemplars.TraceId': exemplars.map(({ traceId }) => fullId(traceId, 16)),
  };
}

type Kind = 'gauge' | 'sum' | 'summary' | 'histogram' | 'exponential_histogram';

/** Rows of one kind of metric. */
export function metricRows(tree: MetricsTree, kind: Kind): TestRow[] {
  return tree.resourceMetrics.flatMap(({ resource, scopeMetrics, schemaUrl }) =>
    scopeMetrics.flatMap(({ scope, metrics, schemaUrl: scopeSchema }) =>
      metrics.flatMap((metric) =>
        ofKind(metric, kind).map(({ point, columns }) => ({
          ResourceAttributes: pairs(resource?.attributes ?? []),
          ResourceSchemaUrl: schemaUrl,
          ScopeName: scope?.name ?? '',
          ScopeVersion: scope?.version ?? '',
          ScopeAttributes: pairs(scope?.attributes ?? []),
          ScopeDroppedAttrCount: scope?.droppedAttributesCount ?? 0,
          ScopeSchemaUrl: scopeSchema,
          ServiceName: service(resource?.attributes ?? []),
          MetricName: metric.name,
          MetricDescription: metric.description,
          MetricUnit: metric.unit,
          Attributes: pairs(point.attributes),
          StartTimeUnix: time(point.startTimeUnixNano),
          TimeUnix: time(point.timeUnixNano),
          Flags: point.flags,
          ...columns,
        })),
      ),
    ),
  );
}

type PointRow = { readonly point: Omit<NumberDataPoint, 'exemplars'>; readonly columns: TestRow };

function ofKind(metric: Metric, kind: Kind): PointRow[] {
  const { gauge, sum, summary, histogram, exponentialHistogram: exponential } = metric;
  const temporality = { AggregationTemporality: (sum ?? histogram ?? exponential)?.aggregationTemporality };
  if (kind === 'gauge' || kind === 'sum') {
    const monotonic = kind === 'sum' ? { ...temporality, IsMonotonic: sum?.isMonotonic } : {};
    return ((kind === 'sum' ? sum : gauge)?.dataPoints ?? []).map((point) => ({
      point,
      columns: { Value: number(point), ...monotonic, ...exemplarColumns(point.exemplars) },
    }));
  }
  if (kind === 'summary') {
    return (summary?.dataPoints ?? []).map((point) => ({
      point,
      columns: {
        Count: point.count.toString(),
        Sum: double(point.sum),
        'ValueAtQuantiles.Quantile': point.quantileValues.map(({ quantile }) => double(quantile)),
        'ValueAtQuantiles.Value': point.quantileValues.map(({ value }) => double(value)),
      },
    }));
  }
  const points = kind === 'histogram' ? histogram?.dataPoints : exponential?.dataPoints;
  return (points ?? []).map((point) => ({
    point,
    columns: {
      Count: point.count.toString(),
      Sum: double(point.sum ?? 0),
      Min: double(point.min ?? 0),
      Max: double(point.max ?? 0),
      ...temporality,
      ...exemplarColumns(point.exemplars),
      ...('bucketCounts' in point
        ? { BucketCounts: point.bucketCounts.map(String), ExplicitBounds: point.explicitBounds.map(double) }
        : {
            Scale: point.scale,
            ZeroCount: point.zeroCount.toString(),
            PositiveOffset: point.positive?.offset ?? 0,
            PositiveBucketCounts: (point.positive?.bucketCounts ?? []).map(String),
            NegativeOffset: point.negative?.offset ?? 0,
            NegativeBucketCounts: (point.negative?.bucketCounts ?? []).map(String),
          }),
    },
  }));
}
