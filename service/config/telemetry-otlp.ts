import { bool, headers, int, maybe, oneOf, optional, secret, string, struct } from '../../core/config/fields.ts';

/** Export of what the process tells of itself, in the words of the OpenTelemetry declarative configuration. */

const section = { present: false, enabledKey: false } as const;
const milliseconds = (doc: string) => maybe(int(doc, 0, 'int'));

export const otlpKeys = {
  protocol: oneOf('How to send.', ['grpc', 'http/protobuf', 'http/json'], 'http/protobuf'),
  endpoint: string('URL to send to.'),
  headers: headers('Headers of every request.'),
  headers_list: secret('Headers as name=value, separated by commas.'),
  insecure: bool('Plain text for a gRPC endpoint without a scheme.'),
  timeout: milliseconds('Time limit of one export in milliseconds.'),
  compression: string('gzip or none.'),
  certificate: string('File with the certificates that are trusted.'),
  client_certificate: string('File with the certificate of the client.'),
  client_key: string('File with its key.'),
};

export const consoleExporter = optional(struct('config.Console', 'Prints to standard output.', {}), section);

const otlpMetric = struct('config.OTLPMetric', 'Sends metrics over OTLP.', {
  ...otlpKeys,
  temporality_preference: oneOf('Temporality of sums.', ['cumulative', 'delta', 'lowmemory'], 'cumulative'),
  default_histogram_aggregation: string('explicit_bucket_histogram or base2_exponential_bucket_histogram.'),
});

export const pushMetricExporter = struct('config.PushMetricExporter', 'In which form.', {
  otlp: optional(otlpMetric, section),
  console: consoleExporter,
});

const logRecordExporter = struct('config.LogRecordExporter', 'In which form.', {
  otlp: optional(struct('config.OTLP', 'Sends log lines over OTLP.', otlpKeys), section),
  console: consoleExporter,
});

const batch = struct('config.BatchLogRecordProcessor', 'Sends lines together.', {
  exporter: logRecordExporter,
  schedule_delay: milliseconds('Milliseconds from a line to the export that takes it along; default 1000.'),
  export_timeout: milliseconds('Milliseconds for one export; default 30000.'),
  max_queue_size: maybe(int('Lines that may wait, more are dropped; default 2048.', 0, 'int')),
  max_export_batch_size: maybe(int('Lines in one export; default 512.', 0, 'int')),
});

const simple = struct('config.SimpleLogRecordProcessor', 'Sends lines as they come.', { exporter: logRecordExporter });

/** One of `service::telemetry::logs::processors`. */
export const logRecordProcessor = struct(
  'config.LogRecordProcessor',
  'A way for lines to leave the process: batch or simple.',
  { batch: optional(batch, section), simple: optional(simple, section) },
  {
    validate(value, path, report) {
      if (value.batch !== undefined && value.simple !== undefined) {
        report(path, 'must not specify multiple log processor type');
      }
      const exporter = (value.batch ?? value.simple)?.exporter;
      if (exporter === undefined) report(path, 'unsupported log processor type, must be one of simple or batch');
      else if (exporter.otlp === undefined && exporter.console === undefined) report(path, 'no valid log exporter');
    },
  },
);
