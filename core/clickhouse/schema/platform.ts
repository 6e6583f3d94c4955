import type { Column, Index, Table } from './table.ts';

/**
 * The tables of a platform that keeps traces, business events, logs and aggregated metrics side by side. Each is
 * partitioned by the month and kept by the time of what happened, not of its arrival: a replay of old data is not kept
 * for longer than the data itself.
 */
const NAME = 'LowCardinality(String)';
const TAGS = 'Map(LowCardinality(String), String)';
const TIME = 'DateTime64(9)';

const column = (name: string, type: string, codec = 'ZSTD(1)'): Column => ({ name, type, codec });
const time = (name: string): Column => column(name, TIME, 'Delta(8), ZSTD(1)');
/** For operators: when the row was stored. */
const CREATED: Column = {
  name: 'created_at',
  type: 'DateTime',
  expression: 'DEFAULT now()',
  codec: 'Delta(4), ZSTD(1)',
};

const byId = (name: string): Index => ({
  name: `idx_${name}`,
  expression: name,
  type: 'bloom_filter(0.001)',
  granularity: 1,
});
const bounds = (name: string): Index => ({ name: `idx_${name}`, expression: name, type: 'minmax', granularity: 1 });

/** A span each. */
const traces: Table = {
  columns: [
    column('trace_id', 'String'),
    column('span_id', 'String'),
    column('parent_span_id', 'String'),
    column('service_name', NAME),
    column('operation_name', NAME),
    time('start_time'),
    time('end_time'),
    column('duration_ns', 'UInt64', 'T64, ZSTD(1)'),
    // 0 unset, 1 ok, 2 error
    column('status_code', 'Int8'),
    column('tags', TAGS),
    column('logs', `Array(Tuple(timestamp ${TIME}, fields ${TAGS}))`),
    column('process', TAGS),
    CREATED,
  ],
  indexes: [byId('trace_id'), bounds('duration_ns')],
  partitionBy: 'toYYYYMM(start_time)',
  orderBy: '(service_name, start_time, trace_id, span_id)',
};

/** Log records that are events: they have a name. */
const businessEvents: Table = {
  columns: [
    column('event_id', 'String'),
    column('event_type', NAME),
    column('user_id', 'String'),
    column('session_id', 'String'),
    column('trace_id', 'String'),
    time('timestamp'),
    column('properties', TAGS),
    column('metrics', 'Map(LowCardinality(String), Float64)'),
    CREATED,
  ],
  indexes: [byId('user_id'), byId('trace_id')],
  partitionBy: 'toYYYYMM(timestamp)',
  orderBy: '(event_type, timestamp, user_id, event_id)',
};

/** All other log records. */
const logs: Table = {
  columns: [
    time('timestamp'),
    column('trace_id', 'String'),
    column('span_id', 'String'),
    column('service_name', NAME),
    column('severity_text', NAME),
    column('severity_number', 'UInt8'),
    column('body', 'String'),
    column('tags', TAGS),
    column('process', TAGS),
    CREATED,
  ],
  indexes: [byId('trace_id')],
  partitionBy: 'toYYYYMM(timestamp)',
  orderBy: '(service_name, timestamp, trace_id)',
};

/** What a window, or a point as it was delivered (with `window_size` 0), comes to. */
const aggregatedMetrics: Table = {
  columns: [
    column('service_name', NAME),
    column('metric_name', NAME),
    column('timestamp', 'DateTime', 'Delta(4), ZSTD(1)'),
    // seconds
    column('window_size', 'UInt32'),
    column('count', 'UInt64', 'T64, ZSTD(1)'),
    ...['sum', 'avg', 'min', 'max', 'p95', 'p99'].map((name) => column(name, 'Float64')),
    column('tags', TAGS),
    CREATED,
  ],
  partitionBy: 'toYYYYMM(timestamp)',
  orderBy: '(service_name, metric_name, timestamp)',
};

/** A table of the platform, and how its rows are kept and spread. */
export interface PlatformTable {
  readonly name: PlatformName;
  readonly table: Table;
  /** The column whose age decides, and the days a row stays. */
  readonly time: string;
  readonly days: number;
  /**
   * Which shard a row goes to. It depends on the row alone, so that a repeated insert finds the same shard, which then
   * knows its token; and what is asked for together lies together.
   */
  readonly shardBy: string;
}

export type PlatformName = 'traces' | 'business_events' | 'logs' | 'aggregated_metrics';

export const PLATFORM_TABLES: Readonly<Record<PlatformName, PlatformTable>> = {
  traces: { name: 'traces', table: traces, time: 'start_time', days: 30, shardBy: 'sipHash64(trace_id)' },
  business_events: {
    name: 'business_events',
    table: businessEvents,
    time: 'timestamp',
    days: 90,
    shardBy: 'sipHash64(user_id)',
  },
  logs: { name: 'logs', table: logs, time: 'timestamp', days: 30, shardBy: 'sipHash64(service_name, timestamp)' },
  aggregated_metrics: {
    name: 'aggregated_metrics',
    table: aggregatedMetrics,
    time: 'timestamp',
    days: 180,
    shardBy: 'sipHash64(service_name)',
  },
};

export const HOURLY_VIEW = 'business_metrics_hourly_mv';

/**
 * Events by type and hour: how many (`count`), how many succeeded (`sum`), the share (`avg`). A view sees one insert at
 * a time, so an hour has several rows: who reads them adds `count` and `sum`. Rows count however late they come.
 * `source` is the quoted name of the table of events.
 */
export function hourlyQuery(source: string): string {
  const success = `toFloat64(properties['success'] = 'true')`;
  return `SELECT
    'business' AS service_name,
    event_type AS metric_name,
    toDateTime(toStartOfHour(events.timestamp)) AS timestamp,
    toUInt32(3600) AS window_size,
    count() AS count,
    sum(${success}) AS sum,
    avgOrDefault(${success}) AS avg,
    minOrDefault(${success}) AS min,
    maxOrDefault(${success}) AS max,
    quantileOrDefault(0.95)(${success}) AS p95,
    quantileOrDefault(0.99)(${success}) AS p99,
    map('event_type', event_type) AS tags,
    now() AS created_at
FROM ${source} AS events
GROUP BY event_type, toDateTime(toStartOfHour(events.timestamp))`;
}
