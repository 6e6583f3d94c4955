/** The kinds of telemetry a pipeline can carry, spelled as in pipeline ids. */
export const SIGNALS = ['traces', 'metrics', 'logs'] as const;
export type Signal = (typeof SIGNALS)[number];

/** What one item of a signal is called in metric names and log fields (`otelcol_exporter_sent_spans`). */
export const ITEM_NAME: Readonly<Record<Signal, string>> = {
  traces: 'spans',
  metrics: 'metric_points',
  logs: 'log_records',
};
