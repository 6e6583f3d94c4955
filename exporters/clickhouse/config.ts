import { isDeepStrictEqual } from 'node:util';
import { connection } from '../../core/clickhouse/config.ts';
import { isEmbedded } from '../../core/clickhouse/embedded/directory.ts';
import { joinPath } from '../../core/config/collections.ts';
import {
  bool,
  duration,
  type Infer,
  oneOf,
  type Report,
  string,
  struct,
  withoutEffect,
} from '../../core/config/fields.ts';
import type { ConfigNode } from '../../core/config/node.ts';
import { sendingQueue } from '../../core/config/sections/queue.ts';
import { retry } from '../../core/config/sections/retry.ts';
import { timeout } from '../../core/config/sections/timeout.ts';

const table = (what: string, def: string) =>
  struct('metrics.MetricTypeConfig', `Table of ${what}.`, { name: string('Name of the table.', def) });

const metricsTables = struct('clickhouseexporter.MetricTablesConfig', 'Tables of metrics.', {
  gauge: table('gauges', 'otel_metrics_gauge'),
  sum: table('sums', 'otel_metrics_sum'),
  summary: table('summaries', 'otel_metrics_summary'),
  histogram: table('histograms', 'otel_metrics_histogram'),
  exponential_histogram: table('exponential histograms', 'otel_metrics_exponential_histogram'),
});

const engine = struct('clickhouseexporter.TableEngine', 'How tables are made that are not there.', {
  name: string('Engine; `MergeTree` where it is empty.'),
  params: string('What is in its brackets.'),
});

export const config = struct(
  'clickhouseexporter.Config',
  'The clickhouse exporter.',
  {
    schema: oneOf(
      'Tables: `otel` are those of the collector, `platform` spans, business events and aggregated metrics.',
      ['otel', 'platform'],
      'otel',
    ),
    create_schema: bool('Whether database and tables that are not there are made at start.', true),
    cluster_name: string('Tables are made `ON CLUSTER` of this name.'),
    table_engine: engine,
    ttl: duration('Rows are removed after this time; 0 means never, or for `platform` after 30, 90 and 180 days.'),
    json: bool('Whether attributes of spans and log records are JSON columns instead of maps.'),
    logs_table_name: string('Table of log records.', 'otel_logs'),
    traces_table_name: string('Table of spans.', 'otel_traces'),
    metrics_tables: metricsTables,
    metrics_table_name: withoutEffect('each table in metrics_tables has a name', (doc) => string(doc)),
    sending_queue: sendingQueue(),
    retry_on_failure: retry,
  },
  {
    embed: [connection, timeout],
    ours: ['schema'],
    legacy: { dsn: { standard: 'endpoint' }, ttl_days: { standard: 'ttl', convert: daysToHours } },
    validate(value, path, report) {
      validateEmbedded(value, path, report);
      if (value.schema === 'platform') validatePlatform(value, path, report);
    },
    finish(value, isSet) {
      // its view has to know repeated inserts, which servers before 26 cannot do for collected ones
      if (value.schema === 'platform' && !isSet('async_insert')) return { ...value, async_insert: false };
      return value;
    },
  },
);
export type Config = Infer<typeof config>;

/** What is no number is left to the key it stands for. */
function daysToHours(node: ConfigNode): ConfigNode {
  if (node.kind !== 'scalar' || typeof node.value !== 'number') return node;
  return { kind: 'scalar', value: `${24 * node.value}h`, at: node.at };
}

/** Keys about tables that only those of the collector have. */
const OF_OTEL = ['json', 'table_engine', 'logs_table_name', 'traces_table_name', 'metrics_tables'] as const;

function validatePlatform(value: Partial<Record<(typeof OF_OTEL)[number], unknown>>, path: string, report: Report) {
  for (const key of OF_OTEL) {
    if (isDeepStrictEqual(value[key], config.fields.get(key)?.absent())) continue;
    report(joinPath(path, key), 'the platform schema has tables of its own: leave this out');
  }
}

interface MayBeEmbedded {
  readonly endpoint: string;
  readonly cluster_name: string;
  readonly table_engine: { readonly name: string };
}

/** What the embedded engine cannot do is known without it. */
function validateEmbedded(value: MayBeEmbedded, path: string, report: Report): void {
  if (!isEmbedded(value.endpoint)) return;
  if (value.cluster_name !== '') report(`${path}::cluster_name`, 'an embedded engine has no cluster');
  if (/^(Replicated|Shared|Distributed)/.test(value.table_engine.name)) {
    report(`${path}::table_engine`, `an embedded engine has no tables of type ${value.table_engine.name}`);
  }
}
