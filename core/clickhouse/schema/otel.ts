import type { Column, Index, Table } from './table.ts';

/**
 * The tables of the collector's clickhouse exporter as of v0.155, so that its dashboards and its data fit.
 * Source: exporter/clickhouseexporter/internal/sqltemplates of opentelemetry-collector-contrib.
 */
export const ZSTD = 'ZSTD(1)';
export const TEXT = 'LowCardinality(String)';
export const ATTRIBUTES = 'Map(LowCardinality(String), String)';
const KEYS = 'Array(LowCardinality(String))';
export const SETTINGS = { index_granularity: 8192, ttl_only_drop_parts: 1 };

export const column = (name: string, type: string, comment?: string, codec = ZSTD): Column =>
  comment === undefined ? { name, type, codec } : { name, type, comment, codec };

export const bloom = (name: string, expression: string, rate = '0.01'): Index => ({
  name,
  expression,
  type: `bloom_filter(${rate})`,
  granularity: 1,
});
const words = (name: string, expression: string): Index => ({ name, expression, type: `text(tokenizer = 'array')` });

/** Keys and values of attributes: columns by the short name in the index. */
export function attributeIndexes(make: typeof words, columns: Readonly<Record<string, string>>): Index[] {
  return Object.entries(columns).flatMap(([short, name]) => [
    make(`idx_${short}_key`, `mapKeys(${name})`),
    make(`idx_${short}_value`, `mapValues(${name})`),
  ]);
}

const keyIndexes = (columns: Readonly<Record<string, string>>): Index[] =>
  Object.entries(columns).map(([short, name]) => bloom(`idx_${short}_keys`, `${name}Keys`));

/** With `json`, attributes are JSON, and beside them are the paths in it. */
function attributes(name: string, json: boolean, comment?: string): Column[] {
  if (!json) return [column(name, ATTRIBUTES, comment)];
  return [column(name, 'JSON'), column(`${name}Keys`, KEYS)];
}

export function tracesTable(json: boolean): Table {
  const map = json ? 'JSON' : ATTRIBUTES;
  return {
    columns: [
      column('Timestamp', 'DateTime64(9)', undefined, `Delta, ${ZSTD}`),
      column('TraceId', 'String'),
      column('SpanId', 'String'),
      column('ParentSpanId', 'String'),
      column('TraceState', 'String'),
      column('SpanName', TEXT),
      column('SpanKind', TEXT),
      column('ServiceName', TEXT),
      ...attributes('ResourceAttributes', json),
      column('ScopeName', 'String'),
      column('ScopeVersion', 'String'),
      ...attributes('SpanAttributes', json),
      column('Duration', 'UInt64'),
      column('StatusCode', TEXT),
      column('StatusMessage', 'String'),
      column('Events.Timestamp', 'Array(DateTime64(9))'),
      column('Events.Name', 'Array(LowCardinality(String))'),
      column('Events.Attributes', `Array(${map})`),
      column('Links.TraceId', 'Array(String)'),
      column('Links.SpanId', 'Array(String)'),
      column('Links.TraceState', 'Array(String)'),
      column('Links.Attributes', `Array(${map})`),
    ],
    indexes: [
      ...(json
        ? keyIndexes({ res_attr: 'ResourceAttributes', span_attr: 'SpanAttributes' })
        : [
            bloom('idx_trace_id', 'TraceId', '0.001'),
            ...attributeIndexes(bloom, { res_attr: 'ResourceAttributes', span_attr: 'SpanAttributes' }),
          ]),
      { name: 'idx_duration', expression: 'Duration', type: 'minmax', granularity: 1 },
    ],
    partitionBy: 'toDate(Timestamp)',
    orderBy: json
      ? '(ServiceName, SpanName, toDateTime(Timestamp), Timestamp)'
      : '(ServiceName, SpanName, toDateTime(Timestamp))',
    settings: SETTINGS,
  };
}

/** When each trace was, so that it is found by its id alone. A materialized view fills it from the table of traces. */
export const TRACE_TIMES: Table = {
  columns: [
    column('TraceId', 'String'),
    column('Start', 'DateTime', undefined, `Delta, ${ZSTD}`),
    column('End', 'DateTime', undefined, `Delta, ${ZSTD}`),
  ],
  indexes: [bloom('idx_trace_id', 'TraceId')],
  partitionBy: 'toDate(Start)',
  orderBy: '(TraceId, Start)',
  settings: SETTINGS,
};

/** What the view of `TRACE_TIMES` selects; `source` is the quoted name of the table of traces. */
export function traceTimesQuery(source: string): string {
  const times = 'min(Timestamp) AS Start, max(Timestamp) AS End';
  return `SELECT TraceId, ${times} FROM ${source} WHERE TraceId != '' GROUP BY TraceId`;
}

const MATERIALIZED = [
  'k8s.cluster.name',
  'k8s.container.name',
  'k8s.deployment.name',
  'k8s.namespace.name',
  'k8s.node.name',
  'k8s.pod.name',
  'k8s.pod.uid',
  'deployment.environment.name',
];

const LOG_ATTRIBUTES = { res_attr: 'ResourceAttributes', scope_attr: 'ScopeAttributes', log_attr: 'LogAttributes' };

function logColumns(json: boolean): Column[] {
  const describe = (comment: string) => (json ? undefined : comment);
  const plain = (name: string, comment: string): Column => ({
    name,
    type: 'UInt8',
    ...(json ? {} : { comment }),
  });
  return [
    column('Timestamp', 'DateTime64(9)', describe('Event timestamp with nanosecond precision'), `Delta(8), ${ZSTD}`),
    column('TraceId', 'String', describe('W3C trace identifier')),
    column('SpanId', 'String', describe('W3C span identifier')),
    plain('TraceFlags', 'W3C trace flags'),
    column('SeverityText', TEXT, describe('Log severity as text')),
    plain('SeverityNumber', 'Log severity as number (1-24)'),
    column('ServiceName', TEXT, describe('Service that emitted the log')),
    column('Body', 'String', describe('Log message body')),
    column('ResourceSchemaUrl', TEXT, describe('Schema URL for the resource')),
    ...attributes('ResourceAttributes', json, 'Resource attributes as key-value pairs'),
    column('ScopeSchemaUrl', TEXT, describe('Schema URL for the instrumentation scope')),
    column('ScopeName', 'String', describe('Instrumentation scope name')),
    column('ScopeVersion', TEXT, describe('Instrumentation scope version')),
    ...attributes('ScopeAttributes', json, 'Instrumentation scope attributes'),
    ...attributes('LogAttributes', json, 'Log record attributes'),
    column('EventName', 'String', describe('Event name for log records representing events')),
  ];
}

/** `textIndexes`: the server knows them, from version 26.2 on. */
export function logsTable(json: boolean, textIndexes: boolean): Table {
  const base = { partitionBy: 'toDate(Timestamp)', settings: SETTINGS };
  const bucket = 'toStartOfFiveMinutes(Timestamp)';
  const orderBy = `(${bucket}, ServiceName, Timestamp)`;
  const tokens = { type: 'tokenbf_v1(32768, 3, 0)', granularity: 8 };
  if (json) {
    const indexes = [...keyIndexes(LOG_ATTRIBUTES), { name: 'idx_body', expression: 'Body', ...tokens }];
    return { columns: logColumns(true), indexes, primaryKey: `(${bucket}, ServiceName)`, orderBy, ...base };
  }
  const materialized = MATERIALIZED.map((key) => ({
    name: `__otel_materialized_${key}`,
    type: TEXT,
    expression: `MATERIALIZED ResourceAttributes['${key}']`,
    codec: ZSTD,
  }));
  const body = { name: 'idx_lower_body', expression: 'lower(Body)' };
  const indexes = textIndexes
    ? [
        words('idx_trace_id', 'TraceId'),
        ...attributeIndexes(words, LOG_ATTRIBUTES),
        { ...body, type: `text(tokenizer = 'splitByNonAlpha')` },
      ]
    : [bloom('idx_trace_id', 'TraceId', '0.001'), ...attributeIndexes(bloom, LOG_ATTRIBUTES), { ...body, ...tokens }];
  return { columns: [...logColumns(false), ...materialized], indexes, orderBy, ...base };
}
