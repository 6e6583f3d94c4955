import { bool, duration, type Infer, int, mapOf, oneOf, string, struct } from '../../core/config/fields.ts';
import { httpServer } from '../../core/config/sections/http-server.ts';
import { queue, sendingQueue } from '../../core/config/sections/queue.ts';

/** At about 1.5 KiB a series this is 1.5 GiB, more than one scrape can carry. */
const MAX_SERIES = 1_000_000;

const resourceToTelemetry = struct('resourcetotelemetry.Settings', 'Attributes of the resource as labels.', {
  enabled: bool('Whether every series gets the attributes of its resource as labels.'),
  exclude_service_attributes: bool('Leaves out service.name, service.namespace and service.instance.id.'),
});

export const config = struct(
  'prometheusexporter.Config',
  'Where the page is served and what is on it.',
  {
    sending_queue: sendingQueue(queue, false),
    namespace: string('Comes before every name.'),
    const_labels: mapOf('Labels of every series.', string('Value of the label.')),
    send_timestamps: bool('Whether the samples have the time of their data points.'),
    metric_expiration: duration('A series that had no new data point for this time is no longer served.', '5m'),
    resource_to_telemetry_conversion: resourceToTelemetry,
    enable_open_metrics: bool('Whether scrapers that ask for OpenMetrics get it, with exemplars.'),
    without_scope_info: bool('Leaves out the labels about the instrumentation scope.'),
    add_metric_suffixes: bool(
      'Whether names end with unit and type. Without effect unless the feature gate ' +
        'exporter.prometheusexporter.DisableAddMetricSuffixes is off; see translation_strategy.',
      true,
    ),
    translation_strategy: oneOf(
      'How names are made: other characters become underscores or stay, unit and type are added or not.',
      [
        '',
        'UnderscoreEscapingWithSuffixes',
        'UnderscoreEscapingWithoutSuffixes',
        'NoUTF8EscapingWithSuffixes',
        'NoTranslation',
      ],
      '',
      (found) => `invalid translation_strategy: ${found}`,
    ),
    max_series: int('So many series are kept, points of further ones are dropped; 0 means no limit.', MAX_SERIES),
  },
  {
    embed: [httpServer],
    validate(value, path, report) {
      if (value.endpoint.trim() === '') {
        report(path, 'endpoint: expecting a non-blank address to run the Prometheus metrics handler');
      }
      if (value.max_series < 0) report(path, 'max_series must not be negative');
    },
  },
);
export type Config = Infer<typeof config>;
