import { bool, type Infer, list, mapOf, maybe, oneOf, struct, uint64 } from '../../config/fields.ts';
import { size } from '../bytes-field.ts';
import { prometheusDuration, text } from '../fields.ts';
import { isLabelName } from '../names-valid.ts';
import { ESCAPINGS, protocolsFault } from './protocols.ts';

/** Keys that `global` and each job have. */
export const SHARED_LIMITS = {
  scrape_protocols: maybe(list('Formats that are asked for, the best one first.', text('A format.'))),
  scrape_failure_log_file: text('A file that gets a line of JSON for each scrape that fails.'),
  body_size_limit: size('A larger page, decompressed, makes the scrape fail; 0 is no limit, here and below.'),
  sample_limit: uint64('More samples make the scrape fail.'),
  target_limit: uint64('More targets make all their scrapes fail.'),
  label_limit: uint64('More labels make the scrape fail.'),
  label_name_length_limit: uint64('A longer name of a label makes the scrape fail.'),
  label_value_length_limit: uint64('A longer value of a label makes the scrape fail.'),
  keep_dropped_targets: uint64('No effect: dropped targets are not kept.'),
  metric_name_validation_scheme: oneOf(
    'Names that are accepted: utf8 for any, legacy for the original alphabet.',
    ['', 'utf8', 'legacy'],
    '',
    (found) => `unrecognized ValidationScheme: ${JSON.stringify(found)}`,
  ),
  metric_name_escaping_scheme: text(`How other names are asked for: ${ESCAPINGS.join(', ')}.`),
} as const;

const DEFAULT_TIMEOUT_MS = 10_000;

/** The `global` section: defaults of all jobs. */
export const globalConfig = struct(
  'config.GlobalConfig',
  'Defaults of all jobs.',
  {
    scrape_interval: prometheusDuration('How often targets are scraped.', '1m'),
    scrape_timeout: prometheusDuration('How long a scrape may take; at most the interval.', '10s'),
    evaluation_interval: prometheusDuration('No effect: there are no rules.', '1m'),
    rule_query_offset: prometheusDuration('No effect: there are no rules.'),
    query_log_file: text('No effect: there are no queries.'),
    external_labels: mapOf('Labels that all samples get.', text('A value.')),
    scrape_native_histograms: bool('Reads native histograms as such.'),
    convert_classic_histograms_to_nhcb: bool('Classic histograms arrive with their own bounds either way.'),
    always_scrape_classic_histograms: bool('Reads the classic form of native histograms too.'),
    extra_scrape_metrics: bool('Adds scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes.'),
    ...SHARED_LIMITS,
  },
  {
    finish(value, isSet) {
      const interval = value.scrape_interval || 60_000;
      const stated = isSet('scrape_timeout') ? value.scrape_timeout : 0;
      return { ...value, scrape_interval: interval, scrape_timeout: stated || Math.min(DEFAULT_TIMEOUT_MS, interval) };
    },
    validate(value, path, report) {
      if (value.scrape_timeout > value.scrape_interval)
        report(path, 'global scrape timeout greater than scrape interval');
      const fault = value.scrape_protocols === undefined ? undefined : protocolsFault(value.scrape_protocols);
      if (fault !== undefined) report(`${path}::scrape_protocols`, `${fault} for global config`);
      const scheme = value.metric_name_validation_scheme === 'legacy' ? 'legacy' : 'utf8';
      for (const name of Object.keys(value.external_labels)) {
        if (!isLabelName(name, scheme)) report(path, `${JSON.stringify(name)} is not a valid label name`);
      }
      const escaping = value.metric_name_escaping_scheme;
      if (escaping !== '' && !ESCAPINGS.some((known) => known === escaping)) {
        report(path, `unknown global name escaping method specified, got ${JSON.stringify(escaping)}`);
      }
    },
  },
);
export type GlobalConfig = Infer<typeof globalConfig>;
