import {
  any,
  bool,
  duration,
  type Infer,
  int,
  list,
  mapOf,
  maybe,
  oneOf,
  optional,
  string,
  stringList,
  struct,
} from '../../core/config/fields.ts';
import type { ConfigNode } from '../../core/config/node.ts';
import { LOG_LEVELS, type LogLevel, type ReaderSettings, type TelemetrySettings } from '../telemetry/types.ts';
import { telemetryLevel } from './metrics-level.ts';
import { resource } from './resource.ts';
import { logRecordProcessor, pushMetricExporter } from './telemetry-otlp.ts';
import { traces } from './telemetry-traces.ts';
import { view } from './telemetry-views.ts';

/** The collector also knows these: an empty level is `info`. */
const WRITTEN_LEVELS = [...LOG_LEVELS, 'warning', ''] as const;

function logLevel(written: (typeof WRITTEN_LEVELS)[number]): LogLevel {
  if (written === 'warning') return 'warn';
  return written === '' ? 'info' : written;
}

const sampling = struct('migration.LogsSamplingConfig', 'Thins out repeated lines.', {
  enabled: bool('Whether repeated lines are thinned out.', true),
  tick: duration('Lines are counted for this time.', '10s'),
  initial: int('Lines of one message that pass in each tick.', 10, 'int'),
  thereafter: int('Of the rest each of this number passes; 0 means none.', 100, 'int'),
});

const logs = struct('migration.LogsConfigV030', 'The log of the process.', {
  level: oneOf(
    'Least level that is written.',
    WRITTEN_LEVELS,
    'info',
    (found) => `unrecognized level: ${JSON.stringify(found)}`,
    {
      ignoreCase: true,
    },
  ),
  encoding: string('Form of the lines: console or json.', 'console'),
  development: bool('Prints stacks of errors.'),
  disable_caller: bool('Leaves out where a line comes from.'),
  disable_stacktrace: bool('Leaves out stacks.'),
  disable_zap_resource: bool('Leaves out the attributes of the process.'),
  sampling: optional(sampling, { present: true, whenNull: 'off' }),
  output_paths: stringList('Where lines go: stderr, stdout or files.', ['stderr']),
  error_output_paths: stringList('Where failures to write the log go.', ['stderr']),
  initial_fields: mapOf('Fields of every line.', any('Any value.')),
  processors: list('Export of log lines over OTLP.', logRecordProcessor),
});

const resourceLabels = struct('config.IncludeExclude', 'Which attributes of the process become labels.', {
  included: stringList('Names, * and ? are wildcards.'),
  excluded: stringList('Names that are left out.'),
});

const prometheus = struct('config.Prometheus', 'A page that Prometheus reads.', {
  host: string('Host to listen on.'),
  port: int('Port to listen on.', 0, 'int'),
  without_scope_info: bool('No labels and series about scopes.', true),
  without_units: bool('No units in names.', true),
  without_type_suffix: bool('No _total behind counters.', true),
  with_resource_constant_labels: optional(resourceLabels, { present: false, whenNull: 'off', enabledKey: false }),
});

const section = { present: false, enabledKey: false } as const;
const limits = { producers: any('Further sources of metrics.'), cardinality_limits: any('Limits by instrument.') };

const pull = struct('config.PullMetricReader', 'Others fetch the metrics.', {
  exporter: struct('config.PullMetricExporter', 'In which form.', { prometheus: optional(prometheus, section) }),
  ...limits,
});

const periodic = struct('config.PeriodicMetricReader', 'Metrics are sent from time to time.', {
  interval: int('Milliseconds from one export to the next.', 60_000, 'int'),
  timeout: int('Milliseconds for one export.', 30_000, 'int'),
  exporter: pushMetricExporter,
  ...limits,
});

const reader = struct(
  'config.MetricReader',
  'A way for metrics to leave the process: pull or periodic.',
  { pull: optional(pull, section), periodic: optional(periodic, section) },
  {
    validate(value, path, report) {
      const exporters = [
        value.pull?.exporter.prometheus,
        value.periodic?.exporter.otlp,
        value.periodic?.exporter.console,
      ];
      if (value.pull === undefined && value.periodic === undefined) report(path, 'no valid metric reader');
      else if (value.pull !== undefined && value.periodic !== undefined) {
        report(path, 'must not specify multiple metric reader type');
      } else if (exporters.every((exporter) => exporter === undefined)) report(path, 'no valid metric exporter');
      const page = value.pull?.exporter.prometheus;
      if (page?.host === '') report(path, 'host must be specified');
      if (page?.port === 0) report(path, 'port must be specified');
    },
  },
);

const metrics = struct(
  'migration.MetricsConfigV030',
  'The metrics of the process.',
  {
    level: telemetryLevel('How many metrics there are: none, basic, normal or detailed.'),
    readers: maybe(list('How metrics leave the process; without it a Prometheus page at localhost:8888.', reader)),
    views: maybe(list('Changes to metrics. Accepted; metrics stay as they are.', view)),
  },
  { legacy: { address: { standard: 'readers', convert: readersAt } } },
);

/** `service::telemetry`. */
export const telemetry = struct(
  'telemetry.Config',
  'Log and metrics of the process itself.',
  { logs, metrics, traces, resource: resource('Attributes of the process, as names and values; null removes one.') },
  {
    validate(value, path, report) {
      const { level, readers, views } = value.metrics;
      if (level !== 'none' && readers?.length === 0) {
        report(path, 'collector telemetry metrics reader should exist when metric level is not none');
      }
      if (!['console', 'json'].includes(value.logs.encoding)) {
        report(`${path}::logs`, `no encoder registered for name ${JSON.stringify(value.logs.encoding)}`);
      }
      if (level !== 'detailed' && views !== undefined) {
        const key = 'service::telemetry::metrics';
        report(path, `${key}::views can only be set when ${key}::level is detailed`);
      }
    },
  },
);
export type TelemetryConfig = Infer<typeof telemetry>;

/** With the attributes of the process and the readers filled in. */
export function telemetrySettings(
  config: TelemetryConfig,
  defaults: Readonly<Record<string, string>>,
): TelemetrySettings {
  const attributes: Record<string, string> = { ...defaults };
  for (const [name, value] of Object.entries(config.resource)) {
    if (value === null) delete attributes[name];
    else attributes[name] = value;
  }
  const { level, readers, views } = config.metrics;
  const { encoding, level: written, ...logs } = config.logs;
  return {
    resource: attributes,
    logs: { ...logs, level: logLevel(written), encoding: encoding === 'json' ? 'json' : 'console' },
    metrics: { level, readers: readers?.map(readerSettings) ?? [defaultReader()], views },
    traces: { processors: config.traces.processors },
  };
}

/** The page at localhost:8888 that is there without configuration. */
function defaultReader(): ReaderSettings {
  return { pull: { exporter: { prometheus: { ...prometheus.absent(), host: 'localhost', port: 8888 } } } };
}

function readerSettings({ pull: pulled, periodic: sent }: Infer<typeof reader>): ReaderSettings {
  const page = pulled?.exporter.prometheus;
  return page === undefined ? { periodic: sent } : { pull: { exporter: { prometheus: page } } };
}

/** `metrics.address` of old configurations: a page with `_total` in the names, as those collectors had it. */
function readersAt(node: ConfigNode): ConfigNode | undefined {
  const address = node.kind === 'scalar' ? String(node.value ?? '') : '';
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1');
  const scalar = (value: string | number | boolean): ConfigNode => ({ kind: 'scalar', value, at: node.at });
  const map = (entries: readonly (readonly [string, ConfigNode])[]): ConfigNode => ({
    kind: 'map',
    entries: new Map(entries.map(([key, inner]) => [key, { keyAt: node.at, node: inner }])),
    at: node.at,
  });
  const page = map([
    // no host meant every interface
    ['host', scalar(host === '' ? '0.0.0.0' : host)],
    ['port', scalar(/^\d+$/.test(address.slice(colon + 1)) ? Number(address.slice(colon + 1)) : address)],
    ['without_type_suffix', scalar(false)],
  ]);
  const nested = ['prometheus', 'exporter', 'pull'].reduce((inner, key) => map([[key, inner]]), page);
  return { kind: 'list', items: [nested], at: node.at };
}
