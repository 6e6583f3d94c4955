/** Which names are accepted: any text, or Prometheus's original alphabet. */
export type NameScheme = 'utf8' | 'legacy';

const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LONE_SURROGATE = /\p{Surrogate}/u;

export function isLabelName(name: string, scheme: NameScheme): boolean {
  return scheme === 'legacy' ? LEGACY_LABEL.test(name) : name !== '' && !LONE_SURROGATE.test(name);
}

export function isMetricName(name: string, scheme: NameScheme): boolean {
  return scheme === 'legacy' ? LEGACY_METRIC.test(name) : name !== '' && !LONE_SURROGATE.test(name);
}
