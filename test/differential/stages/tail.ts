import type { Random } from '../random.ts';
import type { ConfigMap, Stage } from '../stage.ts';
import { KEYS, PATTERNS, SERVICES, TEXTS } from '../vocabulary.ts';

/** What depends on the time of day (limits per second) cannot be compared; what does not, can. */
const LEAVES: Readonly<Record<string, (random: Random) => ConfigMap>> = {
  always_sample: () => ({}),
  latency: (random) => ({
    latency: {
      threshold_ms: random.pick([0, 1, 7, 1200, 5000]),
      ...random.maybe(0.3, 'upper_threshold_ms', () => random.pick([1200, 30_000])),
    },
  }),
  numeric_attribute: (random) => ({
    numeric_attribute: {
      key: random.pick(['http.status_code', 'sampling.priority', 'user_id']),
      // with neither, or with zeros, the collector ends with a panic
      min_value: random.pick([1, 300, -5]),
      ...random.maybe(0.8, 'max_value', () => random.pick([0, 1, 499, 1000])),
      ...random.maybe(0.3, 'invert_match', () => true),
    },
  }),
  probabilistic: (random) => ({
    probabilistic: {
      sampling_percentage: random.pick([0, 10, 50, 100]),
      ...random.maybe(0.4, 'hash_salt', () => random.pick(['', 'pepper'])),
    },
  }),
  status_code: (random) => ({ status_code: { status_codes: random.some(['OK', 'ERROR', 'UNSET'], 1, 2) } }),
  string_attribute: (random) => {
    const regexp = random.chance(0.4);
    return {
      string_attribute: {
        key: random.pick([...KEYS, 'service.name', 'tenant']),
        values: random.list(1, 3, () => random.pick(regexp ? PATTERNS : [...TEXTS, ...SERVICES])),
        ...(regexp ? { enabled_regex_matching: true } : {}),
        ...random.maybe(0.3, 'invert_match', () => true),
      },
    };
  },
  boolean_attribute: (random) => ({
    boolean_attribute: {
      key: random.pick(['retry', 'tenant']),
      value: random.chance(0.5),
      ...random.maybe(0.3, 'invert_match', () => true),
    },
  }),
  trace_state: (random) => ({
    trace_state: { key: random.pick(['ot', 'vendor', 'k']), values: random.some(['a', 'v', 'th:8'], 1, 2) },
  }),
  trace_flags: () => ({}),
  span_count: (random) => ({
    span_count: { min_spans: random.below(5), ...random.maybe(0.4, 'max_spans', () => random.below(8)) },
  }),
};

function leaf(random: Random): ConfigMap {
  const type = random.pick(Object.keys(LEAVES));
  return { type, ...(LEAVES[type] as (random: Random) => ConfigMap)(random) };
}

function policy(random: Random, name: string): ConfigMap {
  const subs = () => random.list(1, 3, () => 0).map((_, i) => ({ name: `${name}-${i}`, ...leaf(random) }));
  switch (random.below(8)) {
    case 0:
      return { name, type: 'and', and: { and_sub_policy: subs() } };
    case 1:
      return { name, type: 'drop', drop: { drop_sub_policy: subs() } };
    case 2:
      return { name, type: 'not', not: { not_sub_policy: { name: `${name}-not`, ...leaf(random) } } };
    default:
      return { name, ...leaf(random) };
  }
}

export const tailSampling: Stage = {
  name: 'tail_sampling',
  pipeline(random) {
    const config = {
      decision_wait: random.pick(['60s', '60s', '1s']),
      policies: random.list(1, 5, () => 0).map((_, i) => policy(random, `p${i}`)),
      ...random.maybe(0.2, 'sample_on_first_match', () => true),
    };
    return { signal: 'traces', kind: 'processor', type: 'tail_sampling', config };
  },
  settleMs: 3500,
};
