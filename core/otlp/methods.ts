import type { Signal } from '../signal.ts';

/** The gRPC methods of OTLP, source: https://github.com/open-telemetry/opentelemetry-proto */
export const EXPORT_METHOD: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/** What a partial success is called in the log, per signal. */
export const DROPPED_FIELD: Readonly<Record<Signal, string>> = {
  traces: 'dropped_spans',
  metrics: 'dropped_data_points',
  logs: 'dropped_log_records',
};
