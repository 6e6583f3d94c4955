import { sanitizeLabelName, sanitizeMetricName, unitWords } from '../../core/prometheus/names.ts';
import { type TextLabels, TextWriter } from '../../core/prometheus/text.ts';
import type { Family, FamilyType, Registry } from './registry.ts';
import type { PrometheusReaderSettings, ResourceLabelFilter } from './types.ts';

/** The instrumentation scope of all metrics of the process. */
export const SCOPE_NAME = 'weir';

export type PageSettings = Omit<PrometheusReaderSettings, 'host' | 'port'>;

/** The metrics in the Prometheus text format, spelled as the settings say; `target_info` has the resource. */
export function renderPage(
  registry: Registry,
  resource: Readonly<Record<string, string>>,
  settings: PageSettings,
): string {
  const writer = new TextWriter();
  const constant: TextLabels = [
    ...constantLabels(resource, settings.with_resource_constant_labels),
    ...(settings.without_scope_info ? [] : SCOPE_LABELS),
  ];
  for (const family of registry.collect()) writeFamily(writer, family, constant, settings);
  writer.family('target_info', 'gauge', 'Target metadata');
  writer.sample('target_info', toLabels(Object.entries(resource)), 1);
  return writer.toString();
}

const SCOPE_LABELS: TextLabels = [
  ['otel_scope_name', SCOPE_NAME],
  ['otel_scope_schema_url', ''],
  ['otel_scope_version', ''],
];

function writeFamily(writer: TextWriter, family: Family, constant: TextLabels, settings: PageSettings): void {
  const { name, unit, description } = family.definition;
  const shown = nameOnPage(name, unit, family.type, settings);
  writer.family(shown, family.type, description);
  for (const point of family.points) {
    const labels = toLabels([...point.labels, ...constant]);
    if (typeof point.value === 'number') writer.sample(shown, labels, point.value);
    else writer.histogram(shown, labels, point.value);
  }
}

/**
 * Unlike in the prometheus exporter, a suffix is only left out where the name ends with it: the collector shows
 * `otelcol_process_runtime_total_alloc_bytes_total`.
 */
export function nameOnPage(name: string, unit: string, type: FamilyType, settings: PageSettings): string {
  let shown = sanitizeMetricName(name);
  const total = type === 'counter' && !settings.without_type_suffix;
  if (total && shown.endsWith('_total')) shown = shown.slice(0, -'_total'.length);
  if (!settings.without_units) {
    const { main, per } = unitWords(unit);
    const ratio = unit === '1' && type === 'gauge' ? 'ratio' : '';
    for (const word of [main, per === '' ? '' : `per_${per}`, ratio]) {
      if (word !== '' && !shown.endsWith(`_${word}`)) shown += `_${word}`;
    }
  }
  return total ? `${shown}_total` : shown;
}

/** Sorted; of two names that become the same the values are joined, as the specification says. */
function toLabels(pairs: TextLabels): TextLabels {
  const labels = new Map<string, string>();
  for (const [key, value] of pairs) {
    const name = sanitizeLabelName(key);
    const before = labels.get(name);
    labels.set(name, before === undefined ? value : `${before};${value}`);
  }
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
}

function constantLabels(
  resource: Readonly<Record<string, string>>,
  filter: ResourceLabelFilter | undefined,
): TextLabels {
  const included = filter?.included?.map(wildcard) ?? [];
  const excluded = filter?.excluded?.map(wildcard) ?? [];
  return Object.entries(resource).filter(
    ([name]) => included.some((p) => p.test(name)) && !excluded.some((p) => p.test(name)),
  );
}

function wildcard(pattern: string): RegExp {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (c) => (c === '*' ? '.*' : c === '?' ? '.' : `\\${c}`));
  return new RegExp(`^${source}$`, 's');
}
