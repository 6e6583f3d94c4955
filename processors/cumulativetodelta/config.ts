import { duration, type Infer, oneOf, optional, string, stringList, struct } from '../../core/config/fields.ts';
import { matchCache } from '../../core/match/config.ts';

const METRIC_TYPES = ['sum', 'histogram', 'exponentialhistogram'] as const;

const match = struct(
  'cumulativetodeltaprocessor.MatchMetrics',
  'Metrics by name and type; given both, both must fit.',
  {
    match_type: string('strict or regexp (RE2 syntax, anywhere in the name). Required with metrics.'),
    regexp: optional(matchCache, { present: false, enabledKey: false, whenNull: 'off' }),
    metrics: stringList('Names, one of which must fit.'),
    metric_types: stringList('sum, histogram, exponentialhistogram; in any case.'),
  },
);
export type Match = Infer<typeof match>;

export const config = struct(
  'cumulativetodeltaprocessor.Config',
  'Which metrics are converted, and how.',
  {
    max_staleness: duration('A series is forgotten so long after its last point; 0 keeps all.', '1h'),
    initial_value: oneOf(
      'What becomes of the first point of a series: keep sends it, drop does not, auto sends it if the series began ' +
        'after this process.',
      ['auto', 'keep', 'drop'],
      'auto',
      (found) => `unknown initial_value: ${found}`,
    ),
    include: match,
    exclude: match,
  },
  {
    validate(value, path, report) {
      const sections = [value.include, value.exclude];
      if (sections.some((section) => section.metrics.length > 0 && section.match_type === '')) {
        report(path, 'match_type must be set if metrics are supplied');
      }
      if (sections.some((section) => section.match_type !== '' && section.metrics.length === 0)) {
        report(path, 'metrics must be supplied if match_type is set');
      }
      for (const name of ['exclude', 'include'] as const) {
        for (const type of value[name].metric_types) {
          if (METRIC_TYPES.some((known) => known === type.toLowerCase())) continue;
          const known = `[${METRIC_TYPES.join(' ')}]`;
          report(path, `found invalid metric type in ${name}.metric_types: ${type}. Valid values are ${known}`);
        }
      }
    },
  },
);
export type Config = Infer<typeof config>;
