/**
 * What the telemetry of the process itself needs to know: `service::telemetry` after its configuration was read.
 * Property names are the keys of the configuration; a read section can be passed as it is.
 */
export interface TelemetrySettings {
  /** Attributes of the process, after defaults and removals: `service.name`, `service.version` … */
  readonly resource: Readonly<Record<string, string>>;
  readonly logs: LogSettings;
  readonly metrics: MetricSettings;
  readonly traces?: { readonly processors: readonly unknown[] } | undefined;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'dpanic', 'panic', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogSettings {
  readonly level: LogLevel;
  readonly encoding: 'console' | 'json';
  /** Stacks of errors are printed after their line. */
  readonly development: boolean;
  readonly disable_stacktrace: boolean;
  /** Leaves the resource attributes out of each line. */
  readonly disable_zap_resource: boolean;
  /** `stdout`, `stderr` or a file, which is appended to. */
  readonly output_paths: readonly string[];
  /** Where a failure to write the log is told. */
  readonly error_output_paths: readonly string[];
  readonly initial_fields: Readonly<Record<string, unknown>>;
  readonly sampling: LogSampling | undefined;
  /** Where lines go beside the outputs. */
  readonly processors?: readonly { readonly [kind in 'batch' | 'simple']?: LogProcessorSettings | undefined }[];
}

/** Of lines with the same level and message, the first `initial` of each `tick` pass, then each `thereafter`-th. */
export interface LogSampling {
  readonly enabled: boolean;
  /** Milliseconds. */
  readonly tick: number;
  readonly initial: number;
  /** 0 lets none pass after the first. */
  readonly thereafter: number;
}

/** Names and meaning as in the OpenTelemetry declarative configuration; what is absent has the default there. */
export interface LogProcessorSettings {
  readonly exporter: {
    readonly otlp?: OtlpSettings | undefined;
    /** Set, and empty, to print to standard output. */
    readonly console?: object | undefined;
  };
  /** Milliseconds, as the next. */
  readonly schedule_delay?: number | undefined;
  readonly export_timeout?: number | undefined;
  /** Lines. */
  readonly max_queue_size?: number | undefined;
  readonly max_export_batch_size?: number | undefined;
}

export const METRICS_LEVELS = ['none', 'basic', 'normal', 'detailed'] as const;
export type MetricsLevel = (typeof METRICS_LEVELS)[number];

export interface MetricSettings {
  readonly level: MetricsLevel;
  readonly readers: readonly ReaderSettings[];
  /** Accepted; metrics are exposed as they are, and the log says so. */
  readonly views?: readonly unknown[] | undefined;
}

/** Exactly one of the two is set. */
export interface ReaderSettings {
  readonly pull?: { readonly exporter: { readonly prometheus: PrometheusReaderSettings } } | undefined;
  readonly periodic?: PeriodicReaderSettings | undefined;
}

export interface PrometheusReaderSettings {
  readonly host: string;
  readonly port: number;
  /** Default true, as the next two: names and labels as the collector's default page has them. */
  readonly without_scope_info: boolean;
  /** No unit in the name: `otelcol_process_uptime`, not `otelcol_process_uptime_seconds`. */
  readonly without_units: boolean;
  /** No `_total` at the end of a counter's name. */
  readonly without_type_suffix: boolean;
  /** Resource attributes that become labels of each sample. Names, `*` and `?` are wildcards. */
  readonly with_resource_constant_labels?: ResourceLabelFilter | undefined;
}

export interface ResourceLabelFilter {
  readonly included?: readonly string[] | undefined;
  readonly excluded?: readonly string[] | undefined;
}

export interface PeriodicReaderSettings {
  /** Milliseconds. */
  readonly interval: number;
  /** Milliseconds for one export. */
  readonly timeout: number;
  readonly exporter: {
    readonly otlp?: OtlpReaderSettings | undefined;
    /** Set, and empty, to print to standard output. */
    readonly console?: object | undefined;
  };
}

export interface OtlpReaderSettings extends OtlpSettings {
  readonly temporality_preference?: 'cumulative' | 'delta' | 'lowmemory' | undefined;
}

export interface OtlpSettings {
  readonly protocol: 'grpc' | 'http/protobuf' | 'http/json';
  /** `http://host:port`, `https://…`; for HTTP without a path `/v1/<signal>` is added. */
  readonly endpoint: string;
  readonly headers: ReadonlyMap<string, { reveal(): string }>;
  /** More headers, as `name=value,name=value`. */
  readonly headers_list?: { reveal(): string } | undefined;
  /** Plain text for a gRPC endpoint without a scheme. */
  readonly insecure: boolean;
  /** Milliseconds; overrides the timeout of the reader. */
  readonly timeout?: number | undefined;
  readonly compression?: string | undefined;
  /** PEM files: the server's authority, and the client's own pair; empty where there is none. */
  readonly certificate?: string | undefined;
  readonly client_certificate?: string | undefined;
  readonly client_key?: string | undefined;
}
