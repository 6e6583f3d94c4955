import type { HttpClientConfig } from '../http-client-config/config.ts';
import { byName, type Labels } from '../labels.ts';
import type { NameScheme } from '../names-valid.ts';
import { schemaFor } from '../native-histogram.ts';
import type { ProtobufOptions } from '../parse/protobuf-page.ts';
import { compileRelabeling, type Relabeling } from '../relabel.ts';
import { type ScrapeConfig, schemeOf } from './config.ts';
import type { GlobalConfig } from './global-config.ts';
import { acceptHeader, defaultProtocols } from './protocols.ts';
import type { LabelLimits } from './sample-labels.ts';
import type { TargetDefaults } from './target.ts';

/** One scrape configuration with what `global` says where it says nothing. 0 is no limit. */
export interface Job extends TargetDefaults {
  readonly config: ScrapeConfig;
  readonly client: HttpClientConfig;
  readonly accept: string;
  readonly compression: boolean;
  readonly fallbackProtocol: string;
  readonly protobuf: ProtobufOptions;
  readonly scheme: string;
  readonly names: NameScheme;
  readonly metricRelabel: Relabeling | undefined;
  readonly honorLabels: boolean;
  readonly honorTimestamps: boolean;
  readonly trackTimestamps: boolean;
  readonly labelLimits: LabelLimits;
  readonly sampleLimit: number;
  readonly bucketLimit: number;
  readonly maxSchema: number;
  readonly targetLimit: number;
  readonly bodySizeLimit: number;
  readonly extraMetrics: boolean;
  readonly failureLog: string;
  readonly externalLabels: Labels;
}

/** Takes what a job and `global` say together. Throws a RegexpError for a rule that cannot be compiled. */
export function jobOf(config: ScrapeConfig, global: GlobalConfig): Job {
  const interval = config.scrape_interval || global.scrape_interval;
  const names = schemeOf(config, global);
  const native = config.scrape_native_histograms ?? global.scrape_native_histograms;
  const protocols = config.scrape_protocols ?? global.scrape_protocols ?? defaultProtocols(native);
  return {
    config,
    client: config,
    job: config.job_name,
    interval,
    timeout: config.scrape_timeout || Math.min(global.scrape_timeout, interval),
    metricsPath: config.metrics_path,
    scheme: config.scheme,
    params: config.params,
    relabel: compileRelabeling(config.relabel_configs, names),
    metricRelabel:
      config.metric_relabel_configs.length === 0 ? undefined : compileRelabeling(config.metric_relabel_configs, names),
    accept: acceptHeader(protocols, escapingOf(config, global, names)),
    compression: config.enable_compression,
    fallbackProtocol: config.fallback_scrape_protocol || 'PrometheusText0.0.4',
    protobuf: {
      nativeHistograms: native,
      alsoClassic: config.always_scrape_classic_histograms ?? global.always_scrape_classic_histograms,
    },
    names,
    honorLabels: config.honor_labels,
    honorTimestamps: config.honor_timestamps,
    trackTimestamps: config.track_timestamps_staleness,
    labelLimits: {
      count: config.label_limit || global.label_limit,
      nameLength: config.label_name_length_limit || global.label_name_length_limit,
      valueLength: config.label_value_length_limit || global.label_value_length_limit,
    },
    sampleLimit: config.sample_limit || global.sample_limit,
    bucketLimit: config.native_histogram_bucket_limit,
    maxSchema: schemaFor(config.native_histogram_min_bucket_factor),
    targetLimit: config.target_limit || global.target_limit,
    bodySizeLimit: config.body_size_limit || global.body_size_limit,
    extraMetrics: config.extra_scrape_metrics ?? global.extra_scrape_metrics,
    failureLog: config.scrape_failure_log_file || global.scrape_failure_log_file,
    externalLabels: externalLabels(global),
  };
}

/** What a job asks for follows from the names it accepts, unless it says. */
function escapingOf(config: ScrapeConfig, global: GlobalConfig, names: NameScheme): string {
  const own = config.metric_name_escaping_scheme;
  if (own !== '') return own;
  if (config.metric_name_validation_scheme === '' && global.metric_name_escaping_scheme !== '') {
    return global.metric_name_escaping_scheme;
  }
  return names === 'legacy' ? 'underscores' : 'allow-utf-8';
}

const VARIABLE = /\$(?:\{([^}]*)\}|([A-Za-z0-9_]+)|(\$))/g;

/** `${X}` and `$X` are variables of the environment. */
function externalLabels({ external_labels: labels }: GlobalConfig): Labels {
  const expand = (value: string) =>
    value.replace(VARIABLE, (_, braced?: string, plain?: string, dollar?: string) =>
      dollar === undefined ? (process.env[braced ?? plain ?? ''] ?? '') : '$',
    );
  return Object.entries(labels)
    .map(([name, value]) => [name, expand(value)] as const)
    .filter(([, value]) => value !== '')
    .sort(byName);
}
