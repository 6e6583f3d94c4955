import { any, bool, duration, type Infer, list, optional, type Report, struct } from '../../core/config/fields.ts';
import { httpServer } from '../../core/config/sections/http-server.ts';
import { text } from '../../core/prometheus/fields.ts';
import { scrapeConfig, validateWithGlobal } from '../../core/prometheus/scrape/config.ts';
import { loadScrapeConfigs } from '../../core/prometheus/scrape/config-files.ts';
import { globalConfig } from '../../core/prometheus/scrape/global-config.ts';
import { targetAllocator } from './target-allocator-config.ts';

const REFUSED = 'Refused where it has entries: the receiver only scrapes.';
const IDLE = 'No effect: this is about storing and asking, which the receiver does not.';
/** A path may have one star, in its last part. */
const FILE_PATTERN = /^[^*]*(\*[^/]*)?$/;

const prometheusConfig = struct(
  'config.Config',
  'Prometheus’s own configuration. A dollar sign is written as two.',
  {
    global: globalConfig,
    scrape_configs: list('What is scraped.', scrapeConfig),
    scrape_config_files: list('Files with further scrape_configs.', text('A path, which may have one *.')),
    rule_files: list(REFUSED, text('A path.')),
    alerting: any(REFUSED),
    remote_write: any(REFUSED),
    remote_read: any(REFUSED),
    storage: any(IDLE),
    tracing: any(IDLE),
    otlp: any(IDLE),
    runtime: any(IDLE),
  },
  { validate: (value, path, report) => validatePrometheus(value, path, report) },
);
export type PrometheusConfig = Infer<typeof prometheusConfig>;

function validatePrometheus(value: PrometheusConfig, path: string, report: Report): void {
  const unsupported = unsupportedIn(value);
  if (unsupported.length > 0) report(path, `unsupported features:\n\t${unsupported.join('\n\t')}`);
  const jobs = new Set<string>();
  for (const [i, config] of value.scrape_configs.entries()) {
    const { job_name: job } = config;
    validateWithGlobal(config, value.global, `${path}::scrape_configs::${i}`, report);
    if (jobs.has(job)) {
      report(`${path}::scrape_configs::${i}`, `found multiple scrape configs with job name ${JSON.stringify(job)}`);
    }
    jobs.add(job);
  }
  for (const pattern of value.scrape_config_files) {
    if (!FILE_PATTERN.test(pattern)) report(path, `invalid scrape config file path ${JSON.stringify(pattern)}`);
  }
  for (const fault of loadScrapeConfigs(value.scrape_config_files, value.global, jobs).faults) {
    report(`${path}::scrape_config_files`, `failed to get scrape configs: ${fault}`);
  }
}

function unsupportedIn(value: PrometheusConfig): readonly string[] {
  const isFilled = (section: unknown) => Array.isArray(section) && section.length > 0;
  const alerting = (value.alerting ?? {}) as {
    readonly alertmanagers?: unknown;
    readonly alert_relabel_configs?: unknown;
  };
  const features = [
    ['alert_config.alertmanagers', alerting.alertmanagers],
    ['alert_config.relabel_configs', alerting.alert_relabel_configs],
    ['remote_read', value.remote_read],
    ['remote_write', value.remote_write],
    ['rule_files', value.rule_files],
  ] as const;
  return features.filter(([, section]) => isFilled(section)).map(([name]) => name);
}

const apiServer = struct(
  'prometheusreceiver.APIServer',
  'Prometheus’s API about targets.',
  {
    enabled: bool('Must be false: there is no such server. The state of targets is in the metric up.'),
    server_config: httpServer,
  },
  {
    validate({ enabled, server_config: server }, path, report) {
      if (!enabled) return;
      if (server.endpoint === '') {
        report(path, 'if api_server is enabled, it requires a non-empty server_config endpoint');
      } else report(`${path}::enabled`, 'api_server is not supported: the state of targets is in the metric up');
    },
  },
);

export const config = struct(
  'prometheusreceiver.Config',
  'Scrapes Prometheus pages.',
  {
    config: prometheusConfig,
    trim_metric_suffixes: bool('Takes the unit and _total off the names of metrics.'),
    target_allocator: optional(targetAllocator, { present: false }),
    api_server: apiServer,
    scrape_on_shutdown: bool('Scrapes every target once more before the end.'),
    discovery_reload_on_startup: bool('No effect: targets are always scraped as soon as they are found.'),
    initial_scrape_offset: duration('Added before the first scrape of each target.'),
  },
  {
    validate(value, path, report) {
      const { scrape_configs: configs, scrape_config_files: files } = value.config;
      if (configs.length === 0 && files.length === 0 && value.target_allocator === undefined) {
        report(path, 'no Prometheus scrape_configs or target_allocator set');
      }
    },
  },
);
export type Config = Infer<typeof config>;
