import type { Stage } from '../stage.ts';

export const probabilisticSampler: Stage = {
  name: 'probabilistic_sampler',
  pipeline(random) {
    const signal = random.pick(['traces', 'traces', 'logs'] as const);
    const forLogs = {
      ...random.maybe(0.4, 'attribute_source', () => random.pick(['traceID', 'record'])),
      ...random.maybe(0.4, 'from_attribute', () => random.pick(['tenant', 'user_id', 'http.status_code'])),
      ...random.maybe(0.3, 'sampling_priority', () => 'sampling.priority'),
    };
    const config = {
      sampling_percentage: random.pick([0, 0.5, 10, 33.3, 50, 75, 99.9, 100, 150]),
      ...random.maybe(0.5, 'hash_seed', () => random.pick([0, 22, 4294967295])),
      ...random.maybe(0.6, 'mode', () => random.pick(['hash_seed', 'proportional', 'equalizing'])),
      ...random.maybe(0.3, 'fail_closed', () => random.chance(0.5)),
      ...random.maybe(0.3, 'sampling_precision', () => 1 + random.below(14)),
      ...(signal === 'logs' ? forLogs : {}),
    };
    return { signal, kind: 'processor', type: 'probabilistic_sampler', config };
  },
};
