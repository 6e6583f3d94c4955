import { bool, float, type Infer, list, mapOf, maybe, type Report, struct, uint64 } from '../../config/fields.ts';
import { discoveries } from '../discovery/config.ts';
import { prometheusDuration, text } from '../fields.ts';
import { httpClientConfig } from '../http-client-config/config.ts';
import type { NameScheme } from '../names-valid.ts';
import { relabelConfig, validateRules } from '../relabel-config.ts';
import { type GlobalConfig, SHARED_LIMITS } from './global-config.ts';
import { ESCAPINGS, isProtocol, protocolsFault } from './protocols.ts';

/** One entry of `scrape_configs`. What is 0, empty or undefined is as `global` says. */
export const scrapeConfig = struct(
  'config.ScrapeConfig',
  'What is scraped, and how.',
  {
    job_name: text('The job: label job of all samples.'),
    honor_labels: bool('Labels of the page win over those of the target; otherwise they are renamed exported_….'),
    honor_timestamps: bool('Samples have the time that the page states.', true),
    track_timestamps_staleness: bool('Series with times of their own are marked as stale too.'),
    params: mapOf('Parameters of the URL.', list('Values of a parameter.', text('A value.'))),
    scrape_interval: prometheusDuration('How often targets are scraped.'),
    scrape_timeout: prometheusDuration('How long a scrape may take.'),
    fallback_scrape_protocol: text('The format of pages that do not say theirs; PrometheusText0.0.4 unless set.'),
    metrics_path: text('The path of the page.', '/metrics'),
    scheme: text('http or https.', 'http'),
    enable_compression: bool('Asks for gzip.', true),
    native_histogram_bucket_limit: uint64('Native histograms get coarser until they have no more buckets.'),
    native_histogram_min_bucket_factor: float('Native histograms get coarser until buckets grow by this factor.'),
    relabel_configs: list('Rules for the labels of targets.', relabelConfig),
    metric_relabel_configs: list('Rules for the labels of samples.', relabelConfig),
    scrape_native_histograms: maybe(bool('Reads native histograms as such.')),
    always_scrape_classic_histograms: maybe(bool('Reads the classic form of native histograms too.')),
    convert_classic_histograms_to_nhcb: maybe(bool('Classic histograms arrive with their own bounds either way.')),
    extra_scrape_metrics: maybe(bool('Adds scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes.')),
    ...SHARED_LIMITS,
  },
  {
    embed: [discoveries, httpClientConfig],
    validate(value, path, report) {
      if (value.job_name === '') report(`${path}::job_name`, 'job_name is empty');
      if (value.relabel_configs.length === 0) checkTargets(value, path, report);
    },
  },
);
export type ScrapeConfig = Infer<typeof scrapeConfig>;

/** Scheme and path have keys of their own; rules may make an address of anything. */
function checkTargets({ static_configs }: ScrapeConfig, path: string, report: Report): void {
  for (const [i, { targets }] of static_configs.entries()) {
    for (const target of targets.filter((address) => address.includes('/'))) {
      report(`${path}::static_configs::${i}`, `${JSON.stringify(target)} is not a valid hostname`);
    }
  }
}

/** The first thing that is wrong with a job beside its global section, in Prometheus's words. */
export function validateWithGlobal(config: ScrapeConfig, global: GlobalConfig, path: string, report: Report): void {
  const named = `for scrape config with job name ${JSON.stringify(config.job_name)}`;
  const { scrape_timeout: timeout, scrape_interval: interval } = config;
  if (timeout > (interval || global.scrape_interval))
    report(path, `scrape timeout greater than scrape interval ${named}`);
  const fault = config.scrape_protocols === undefined ? undefined : protocolsFault(config.scrape_protocols);
  if (fault !== undefined) report(`${path}::scrape_protocols`, `${fault} ${named}`);
  const fallback = config.fallback_scrape_protocol;
  if (fallback !== '' && !isProtocol(fallback)) {
    report(
      `${path}::fallback_scrape_protocol`,
      `invalid fallback_scrape_protocol ${named}: ${protocolsFault([fallback])}`,
    );
  }
  const escaping = config.metric_name_escaping_scheme;
  const scheme = schemeOf(config, global);
  if (escaping === 'allow-utf-8' && scheme === 'legacy') {
    report(path, 'utf8 metric names requested but validation scheme is not set to UTF8');
  } else if (escaping !== '' && !ESCAPINGS.some((known) => known === escaping)) {
    report(
      path,
      `unknown scrape config name escaping method specified, must be one of ${ESCAPING_LIST}, got "${escaping}"`,
    );
  }
  validateRules(config.relabel_configs, scheme, `${path}::relabel_configs`, report);
  validateRules(config.metric_relabel_configs, scheme, `${path}::metric_relabel_configs`, report);
}

const ESCAPING_LIST = `${ESCAPINGS.slice(0, -1)
  .map((name) => `'${name}'`)
  .join(', ')}, or '${ESCAPINGS.at(-1)}'`;

/** The names that a job accepts. */
export function schemeOf(config: ScrapeConfig, global: GlobalConfig): NameScheme {
  return (config.metric_name_validation_scheme || global.metric_name_validation_scheme) === 'legacy'
    ? 'legacy'
    : 'utf8';
}
