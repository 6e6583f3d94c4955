import { preferences } from '../http/preferences.ts';
import type { NameEscaping } from './names.ts';

export interface PageFormat {
  readonly kind: 'text' | 'openmetrics' | 'protobuf';
  readonly escaping: NameEscaping;
  readonly contentType: string;
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const PROTOBUF = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
const ESCAPINGS: readonly string[] = ['allow-utf-8', 'underscores', 'dots', 'values'] satisfies NameEscaping[];

/**
 * The format that the `Accept` header likes best of those we have: protobuf in the delimited encoding, text 0.0.4 and,
 * if allowed, OpenMetrics. An `escaping` parameter of what comes before in the order of preference counts as well.
 * Source: https://prometheus.io/docs/instrumenting/content_negotiation/
 */
export function negotiate(accept: string | undefined, openMetrics: boolean): PageFormat {
  let escaping: NameEscaping = 'underscores';
  const format = (kind: PageFormat['kind'], type: string) => ({
    kind,
    escaping,
    contentType: `${type}; escaping=${escaping}`,
  });
  for (const { value, parameters } of preferences(accept ?? '')) {
    const wanted = parameters.get('escaping') ?? '';
    if (ESCAPINGS.includes(wanted)) escaping = wanted as NameEscaping;
    const version = parameters.get('version') ?? '';
    if (
      value === 'application/vnd.google.protobuf' &&
      parameters.get('proto') === 'io.prometheus.client.MetricFamily' &&
      parameters.get('encoding') === 'delimited'
    ) {
      return format('protobuf', PROTOBUF);
    }
    if (value === 'text/plain' && (version === '' || version === '0.0.4')) return format('text', TEXT);
    if (openMetrics && value === 'application/openmetrics-text' && ['', '0.0.1', '1.0.0'].includes(version)) {
      return format('openmetrics', `${value}; version=${version === '1.0.0' ? version : '0.0.1'}; charset=utf-8`);
    }
  }
  return format('text', TEXT);
}
