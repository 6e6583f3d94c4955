import { encodeTree, type KeyValue, type Metric, type MetricsTree, type Resource } from '../../../core/otlp/tree.ts';
import { Random } from '../random.ts';
import type { Stage } from '../stage.ts';
import { resource, scope, telemetryTree } from '../telemetry.ts';

const SCOPES = [1, 2, 3].map((seed) => scope(new Random(seed)));
const RESOURCES: readonly (Resource | undefined)[] = [1, 2, 3, 4, 5].map((seed) => resource(new Random(seed)));

/**
 * Where series exclude each other, which one the collector serves is chance. So a name has one type, one unit, one
 * description, one scope, and a job one resource.
 */
function withoutConflicts(tree: MetricsTree, random: Random): MetricsTree {
  for (const group of tree.resourceMetrics) {
    group.resource = random.pick(RESOURCES);
    for (const inner of group.scopeMetrics) {
      const number = random.below(SCOPES.length);
      inner.scope = SCOPES[number];
      inner.schemaUrl = number === 0 ? 's' : '';
      for (const metric of inner.metrics) {
        unify(metric, number);
        for (const point of pointsOf(metric)) point.attributes.push(...oddAttributes(random));
      }
    }
  }
  return tree;
}

/** Labels that need another name, that become one label, or that cannot be; each with a value of its own. */
const ODD_KEYS = [
  'a.b',
  'a_b',
  '1digit',
  'ünï 🙂',
  '_x',
  '__x',
  '__x__',
  '_',
  'le',
  'quantile',
  'job',
  'otel_scope_name',
];

function oddAttributes(random: Random): KeyValue[] {
  if (random.chance(0.7)) return [];
  return random.some(ODD_KEYS, 1, 2).map((key) => ({ key, value: { stringValue: `${ODD_KEYS.indexOf(key)}\\"\n` } }));
}

function pointsOf(metric: Metric): readonly { readonly attributes: KeyValue[] }[] {
  const { gauge, sum, histogram, exponentialHistogram, summary } = metric;
  return (gauge ?? sum ?? histogram ?? exponentialHistogram ?? summary)?.dataPoints ?? [];
}

const UNITS = ['', 'ms', 'By', '1', '{requests}', 'km/h', 's', 'm/s'];

function unify(metric: Metric, scopeNumber: number): void {
  const kinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;
  const kind = kinds.findIndex((name) => metric[name] !== undefined);
  const monotonic = metric.sum?.isMonotonic === true ? 1 : 0;
  const hash = (metric.name.length + kind + monotonic) % UNITS.length;
  metric.name += `${metric.name.endsWith('!') ? '%' : '.'}${kinds[kind] ?? ''}${monotonic}${scopeNumber}`;
  metric.unit = UNITS[hash] ?? '';
  metric.description = hash % 2 === 0 ? '' : `about "${metric.name}"\\\n`;
}

/** The pages are compared line by line. */
export const prometheus: Stage = {
  name: 'prometheus',
  pipeline(random) {
    const config = {
      ...random.maybe(0.3, 'namespace', () => random.pick(['app', 'a-b', '1x'])),
      ...random.maybe(0.3, 'const_labels', () => ({ region: 'eu', 'x.y': 'z' })),
      ...random.maybe(0.3, 'send_timestamps', () => true),
      ...random.maybe(0.4, 'resource_to_telemetry_conversion', () => ({
        enabled: true,
        ...random.maybe(0.3, 'exclude_service_attributes', () => true),
      })),
      ...random.maybe(0.5, 'enable_open_metrics', () => true),
      ...random.maybe(0.2, 'without_scope_info', () => true),
      ...random.maybe(0.3, 'add_metric_suffixes', () => false),
      ...random.maybe(0.4, 'translation_strategy', () =>
        random.pick([
          'UnderscoreEscapingWithSuffixes',
          'UnderscoreEscapingWithoutSuffixes',
          'NoUTF8EscapingWithSuffixes',
          'NoTranslation',
        ]),
      ),
    };
    return { signal: 'metrics', kind: 'exporter', type: 'prometheus', config };
  },
  request: (_, random) => encodeTree('metrics', withoutConflicts(telemetryTree('metrics', random), random)),
};
