import type { Random } from '../random.ts';
import type { ConfigMap, Stage } from '../stage.ts';
import { KEYS, RESOURCE_KEYS } from '../vocabulary.ts';

/** Two flushes of the timer come before the end, so that the first, which has zeros, is not the last. */
export const spanMetrics: Stage = {
  name: 'span_metrics',
  pipeline(random) {
    const dimensions = (left: string[]) =>
      random
        .list(1, 2, () => left.splice(random.below(left.length), 1)[0] ?? 'k')
        .map((name) => ({
          name,
          ...random.maybe(0.4, 'default', () => random.pick(['', 'none'])),
        }));
    const names = [...KEYS, 'env', 'host.name'];
    const config = {
      metrics_flush_interval: '1s',
      ...random.maybe(0.6, 'histogram', () => histogram(random)),
      ...random.maybe(0.7, 'dimensions', () => dimensions(names)),
      ...random.maybe(0.2, 'calls_dimensions', () => dimensions(names)),
      ...random.maybe(0.3, 'exclude_dimensions', () =>
        random.some(['span.kind', 'status.code', 'service.name', 'span.name'], 1, 2),
      ),
      ...random.maybe(0.4, 'namespace', () => random.pick(['', 'app', 'a.b'])),
      ...random.maybe(0.3, 'events', () => ({ enabled: true, dimensions: [{ name: random.pick(KEYS) }] })),
      ...random.maybe(0.3, 'resource_metrics_key_attributes', () => random.some(RESOURCE_KEYS, 1, 2)),
      ...random.maybe(0.2, 'include_instrumentation_scope', () => ['my.scope']),
    };
    return { signal: 'traces', kind: 'connector', type: 'span_metrics', config };
  },
  compare: {
    ignore: ['timeUnixNano', 'startTimeUnixNano', 'exemplars'],
    ignoreAttributes: ['collector.instance.id'],
    metrics: 'last',
  },
  settleMs: 3300,
};

function histogram(random: Random): ConfigMap {
  const buckets = { explicit: { buckets: random.pick([['1ms', '10ms', '1s'], ['4ms'], ['7500us', '1200ms']]) } };
  return {
    ...random.maybe(0.5, 'unit', () => random.pick(['ms', 's'])),
    ...random.pick<ConfigMap>([
      buckets,
      { exponential: random.maybe(0.5, 'max_size', () => random.pick([2, 10])) },
      { disable: true },
      {},
    ]),
  };
}

/** The conditions of OTTL are not there yet; names and attributes are. */
export const count: Stage = {
  name: 'count',
  pipeline(random) {
    const signal = random.pick(['traces', 'metrics', 'logs'] as const);
    const keys = random.some([...KEYS, ...RESOURCE_KEYS], 0, 2).map((key) => ({
      key,
      ...random.maybe(0.5, 'default_value', () => random.pick(['none', 1, false])),
    }));
    const section = { traces: ['spans', 'spanevents'], metrics: ['metrics', 'datapoints'], logs: ['logs'] }[signal];
    const entries = random.some(section, 0, 2).map((name) => {
      const attributes = name === 'metrics' ? {} : { attributes: keys };
      return [name, { [`my.${name}`]: { description: 'counted', ...attributes } }] as const;
    });
    return { signal, kind: 'connector', type: 'count', config: Object.fromEntries(entries) };
  },
  compare: { ignore: ['timeUnixNano', 'startTimeUnixNano'], metrics: 'sum' },
};
