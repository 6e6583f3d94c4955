/** The formats of pages that can be asked for, and how a request names them. */
const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['OpenMetricsText0.0.1', 'application/openmetrics-text;version=0.0.1'],
  ['OpenMetricsText1.0.0', 'application/openmetrics-text;version=1.0.0'],
  ['PrometheusProto', 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'],
  ['PrometheusText0.0.4', 'text/plain;version=0.0.4'],
  ['PrometheusText1.0.0', 'text/plain;version=1.0.0'],
]);
const TEXT = ['OpenMetricsText1.0.0', 'OpenMetricsText0.0.1', 'PrometheusText1.0.0', 'PrometheusText0.0.4'] as const;

/** Only the newer formats can say how names are written. */
const ESCAPED: readonly string[] = ['PrometheusText1.0.0', 'OpenMetricsText1.0.0'];

/** How names of any characters are asked for. */
export const ESCAPINGS = ['allow-utf-8', 'underscores', 'dots', 'values'] as const;

export const isProtocol = (name: string): boolean => PROTOCOLS.has(name);

/** What is asked for unless the configuration says. */
export const defaultProtocols = (nativeHistograms: boolean): readonly string[] =>
  nativeHistograms ? ['PrometheusProto', ...TEXT] : TEXT;

/** What is wrong with a list of formats, in Prometheus's words. */
export function protocolsFault(names: readonly string[]): string | undefined {
  if (names.length === 0) return 'scrape_protocols cannot be empty';
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name.toLowerCase())) return `duplicated protocol in scrape_protocols, got [${names.join(' ')}]`;
    seen.add(name.toLowerCase());
    const known = [...PROTOCOLS.keys()].join(' ');
    if (!isProtocol(name)) return `scrape_protocols: unknown scrape protocol ${name}, supported: [${known}]`;
  }
  return undefined;
}

/** The Accept header that asks for these formats, the first one most. */
export function acceptHeader(names: readonly string[], escaping: string): string {
  let weight = PROTOCOLS.size + 1;
  const wanted = names.map((name) => {
    const escaped = ESCAPED.includes(name) ? `;escaping=${escaping}` : '';
    return `${PROTOCOLS.get(name)}${escaped};q=0.${weight--}`;
  });
  return [...wanted, `*/*;q=0.${weight}`].join(',');
}

export type PageFormat = 'openmetrics' | 'protobuf' | 'text';

const FORMATS: ReadonlyMap<string, PageFormat> = new Map([
  ['application/openmetrics-text', 'openmetrics'],
  ['application/vnd.google.protobuf', 'protobuf'],
  ['text/plain', 'text'],
]);

/** The format of a page; `fallback` is the format of one that does not say, or says another. */
export function pageFormat(contentType: string | undefined, fallback: string): PageFormat {
  const [type = ''] = (contentType ?? '').split(';');
  const [other = ''] = (PROTOCOLS.get(fallback) ?? '').split(';');
  return FORMATS.get(type.trim().toLowerCase()) ?? FORMATS.get(other) ?? 'text';
}
