/** The `service::telemetry::metrics::level` from which on a metric is exposed. */
export type MetricLevel = 'basic' | 'normal' | 'detailed';

export interface MetricDefinition {
  /** Full name without type and unit suffixes, e.g. `otelcol_processor_incoming_items`. */
  readonly name: string;
  readonly description: string;
  /** UCUM as in OTLP: `s`, `By`, `{spans}`; only a reader with unit suffixes shows it in the name. */
  readonly unit: string;
  /** Default `basic`. */
  readonly level?: MetricLevel;
}

export interface HistogramDefinition extends MetricDefinition {
  readonly bounds: readonly number[];
}

export type Labels = Readonly<Record<string, string>>;

/** A monotonic sum. */
export interface Counter {
  add(value: number): void;
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number): void;
  add(value: number): void;
}

export interface Histogram {
  record(value: number): void;
}

/**
 * Self-metrics. Asking twice for the same name and labels gives the same series. Get series once and keep them: the
 * call that finds a series builds strings, `add` and `record` do not. A series shows from the moment it is asked for,
 * with 0.
 */
export interface Meter {
  /** False where the configured level leaves the metric out; then its series may still be used, to no effect. */
  enabled(definition: MetricDefinition): boolean;
  counter(definition: MetricDefinition, labels?: Labels): Counter;
  gauge(definition: MetricDefinition, labels?: Labels): Gauge;
  /** Reads the value when somebody scrapes; the returned function ends the series. */
  observe(definition: MetricDefinition, labels: Labels, type: 'counter' | 'gauge', read: () => number): () => void;
  histogram(definition: HistogramDefinition, labels?: Labels): Histogram;
}
