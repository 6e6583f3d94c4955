import {
  duration,
  float,
  type Infer,
  int,
  maybe,
  oneOf,
  optional,
  string,
  stringList,
  struct,
} from '../../core/config/fields.ts';
import { SEVERITIES } from '../../core/stream/alert.ts';
import { stream, streamFaults } from '../../core/stream/config.ts';

const ewma = struct('anomaly.EWMAConfig', 'Exponentially weighted mean and variance of a series.', {
  alpha: float('How much a new value counts: above 0, at most 1.', 0.1),
  threshold: float('An alert is due where a value is more than so many standard deviations off.', 3),
  min_samples: int('So many values have to come before one can be off.', 1),
});

const seasonal = struct(
  'anomaly.SeasonalConfig',
  'The same for each part of a period: values at night are compared with nights.',
  {
    period: duration('After so long the same values are expected again.', '24h'),
    buckets: int('The period is divided into so many parts, each with a mean and variance of its own.', 24),
    alpha: float('As for ewma.', 0.1),
    threshold: float('As for ewma.', 3),
    min_samples: int('As for ewma, of a part.', 3),
  },
);

const fixed = struct('anomaly.StaticConfig', 'Bounds that do not move.', {
  above: maybe(float('An alert is due above this value.')),
  below: maybe(float('An alert is due below this value.')),
});

const alert = struct('anomaly.AlertConfig', 'What alerts say.', {
  type: string('alert.type.', 'ANOMALY_DETECTED'),
  severity: oneOf('alert.severity.', Object.keys(SEVERITIES), 'HIGH'),
});

/** A part of a period costs 24 bytes a series. */
const MOST_BUCKETS = 1_000;

export const config = struct(
  'anomaly.Config',
  'What is compared with what.',
  {
    key: stringList('What tells series apart: fields as in the window connector.', [
      'resource.service.name',
      'metric.name',
    ]),
    ewma: optional(ewma, { present: false }),
    seasonal: optional(seasonal, { present: false }),
    static: optional(fixed, { present: false }),
    cooldown: duration('After an alert a series has no other one for so long, in event time.'),
    expire_after: duration('A series without values for so long, in event time, is forgotten; 0 keeps all.', '24h'),
    alert,
    baseline_file: string('A file of baselines, as export_file has them: where series that are new here begin.'),
    export_file: string('The baselines are written to this file, at each interval and at the end.'),
    export_interval: duration('How often.', '5m'),
  },
  {
    embed: [stream],
    finish: (value) => {
      const none = value.ewma === undefined && value.seasonal === undefined && value.static === undefined;
      return none ? { ...value, ewma: ewma.absent() } : value;
    },
    validate(value, path, report) {
      for (const [key, message] of faultsOf(value)) report(`${path}::${key}`, message);
    },
  },
);
export type Config = Infer<typeof config>;

function* faultsOf(value: Config): Iterable<[key: string, message: string]> {
  const { ewma, seasonal, static: bounds } = value;
  for (const [name, section] of [
    ['ewma', ewma],
    ['seasonal', seasonal],
  ] as const) {
    if (section === undefined) continue;
    if (!(section.alpha > 0 && section.alpha <= 1)) yield [`${name}::alpha`, 'must be above 0 and at most 1'];
    if (!(section.threshold >= 0)) yield [`${name}::threshold`, 'must not be negative'];
    if (section.min_samples < 1) yield [`${name}::min_samples`, 'must be at least 1'];
  }
  if (seasonal !== undefined) {
    if (seasonal.period < 1) yield ['seasonal::period', 'must be at least 1ms'];
    if (seasonal.buckets < 1 || seasonal.buckets > MOST_BUCKETS) {
      yield ['seasonal::buckets', `must be between 1 and ${MOST_BUCKETS}`];
    }
  }
  if (bounds !== undefined && bounds.above === undefined && bounds.below === undefined) {
    yield ['static', 'needs above, below or both'];
  }
  yield* streamFaults(value);
  if (value.export_file !== '' && value.export_interval < 1) yield ['export_interval', 'must be at least 1ms'];
  if (value.cooldown < 0) yield ['cooldown', 'must not be negative'];
  if (value.expire_after < 0) yield ['expire_after', 'must not be negative'];
}
