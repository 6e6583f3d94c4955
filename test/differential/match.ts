import type { Signal } from '../../core/signal.ts';
import type { Random } from './random.ts';
import type { ConfigMap, ConfigValue } from './stage.ts';
import * as words from './vocabulary.ts';

/** `include` and `exclude`, each sometimes. */
export function includeExclude(random: Random, signal: Signal): ConfigMap {
  return {
    ...random.maybe(0.4, 'include', () => matchProperties(random, signal)),
    ...random.maybe(0.25, 'exclude', () => matchProperties(random, signal)),
  };
}

function matchProperties(random: Random, signal: Signal): ConfigMap {
  const regexp = random.chance(0.5);
  const names = (from: readonly string[]) => random.list(1, 2, () => random.pick(regexp ? words.PATTERNS : from));
  const pairs = (keys: readonly string[]) => random.list(1, 2, () => keyAndValue(random, keys, regexp));
  const fields: Record<string, () => ConfigValue> = {
    resources: () => pairs(words.RESOURCE_KEYS),
    libraries: () => [
      { name: names(words.SCOPES)[0] ?? '', ...random.maybe(0.4, 'version', () => random.pick(words.VERSIONS)) },
    ],
    attributes: () => pairs(words.KEYS),
  };
  if (signal === 'traces') {
    fields.services = () => names(words.SERVICES);
    fields.span_names = () => names(words.SPAN_NAMES);
    fields.span_kinds = () =>
      random.list(1, 2, () => random.pick(['SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT', 'SPAN_KIND_INTERNAL']));
  } else if (signal === 'logs') {
    fields.log_bodies = () => names(words.BODIES);
    fields.log_severity_texts = () => names(words.SEVERITIES);
    fields.log_severity_number = () => ({
      min: random.pick([9, 17, 6]),
      match_undefined: random.chance(0.5),
    });
  } else {
    delete fields.libraries;
    delete fields.attributes;
    fields.metric_names = () => names(words.METRICS);
  }
  const chosen = random.some(Object.keys(fields), 1, 2).map((key) => [key, fields[key]?.() ?? null] as const);
  return { match_type: regexp ? 'regexp' : 'strict', ...Object.fromEntries(chosen) };
}

function keyAndValue(random: Random, keys: readonly string[], regexp: boolean): ConfigMap {
  const value = () => (regexp ? random.pick(words.PATTERNS) : words.configValue(random));
  return { key: random.pick(keys), ...random.maybe(0.7, 'value', value) };
}
