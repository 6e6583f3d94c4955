import type { Stage } from '../stage.ts';
import { randomRequest } from '../telemetry.ts';
import { METRICS, PATTERNS } from '../vocabulary.ts';

export const cumulativetodelta: Stage = {
  name: 'cumulativetodelta',
  pipeline(random) {
    const filter = () => ({
      match_type: random.pick(['strict', 'regexp']),
      metrics: random.list(1, 2, () => random.pick([...METRICS, ...PATTERNS.slice(0, 4)])),
      ...random.maybe(0.3, 'metric_types', () => random.some(['sum', 'histogram', 'exponentialhistogram'], 1, 2)),
    });
    const config = {
      ...random.maybe(0.3, 'include', filter),
      ...random.maybe(0.2, 'exclude', filter),
      ...random.maybe(0.3, 'max_staleness', () => '1h'),
      ...random.maybe(0.6, 'initial_value', () => random.pick(['auto', 'keep', 'drop'])),
    };
    return { signal: 'metrics', kind: 'processor', type: 'cumulativetodelta', config };
  },
};

/** The interval is longer than the requests take, and shorter than the wait for the end. */
export const interval: Stage = {
  name: 'interval',
  pipeline: (random) => ({
    signal: 'metrics',
    kind: 'processor',
    type: 'interval',
    config: {
      interval: '2s',
      ...random.maybe(0.4, 'pass_through', () => ({ gauge: random.chance(0.5), summary: random.chance(0.5) })),
    },
  }),
  // the collector answers a metric without data with an error, and passes it all the same
  request: (signal, random) => randomRequest(signal, random, 0),
  settleMs: 3000,
};
