import type { MetricKind } from '../parse/page.ts';

/** What a page says of a family of metrics. */
export interface Metadata {
  /** The name that the page gives the family. */
  readonly family: string;
  readonly type: MetricKind;
  readonly help: string;
  readonly unit: string;
}

/** A family is remembered for so many scrapes after it disappeared. */
const KEPT_ITERATIONS = 10;

interface Entry {
  family: string;
  type: MetricKind;
  help: string;
  unit: string;
  seen: number;
}

/** The metadata of one target's families, over its scrapes. */
export class MetadataStore {
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  get(family: string): Metadata | undefined {
    return this.#entries.get(family);
  }

  setType(family: string, type: MetricKind, iteration: number): void {
    this.#entry(family, iteration).type = type;
  }
  setHelp(family: string, help: string, iteration: number): void {
    this.#entry(family, iteration).help = help;
  }
  setUnit(family: string, unit: string, iteration: number): void {
    this.#entry(family, iteration).unit = unit;
  }

  expire(iteration: number): void {
    for (const [family, entry] of this.#entries) {
      if (iteration - entry.seen > KEPT_ITERATIONS) this.#entries.delete(family);
    }
  }

  #entry(family: string, iteration: number): Entry {
    let entry = this.#entries.get(family);
    if (entry === undefined) {
      entry = { family, type: 'unknown', help: '', unit: '', seen: iteration };
      this.#entries.set(family, entry);
    }
    entry.seen = iteration;
    return entry;
  }
}

const gauge = (family: string, help: string, unit = ''): Metadata => ({ family, type: 'gauge', help, unit });

/** What the scrape itself reports. Words of the collector. */
const REPORTS: ReadonlyMap<string, Metadata> = new Map(
  [
    gauge('up', 'The scraping was successful'),
    gauge('scrape_duration_seconds', 'Duration of the scrape', 'seconds'),
    gauge('scrape_samples_scraped', 'The number of samples the target exposed'),
    gauge('scrape_series_added', 'The approximate number of new series in this scrape'),
    gauge(
      'scrape_samples_post_metric_relabeling',
      'The number of samples remaining after metric relabeling was applied',
    ),
  ].map((metadata) => [metadata.family, metadata]),
);

const SUFFIXES = ['_bucket', '_count', '_sum', '_total', '_info', '_created'] as const;

/** The name without the first of the endings that parts of a family have. */
export function withoutSuffix(name: string): string {
  const suffix = SUFFIXES.find((s) => name.endsWith(s) && name !== s);
  return suffix === undefined ? name : name.slice(0, -suffix.length);
}

/** The metadata that a metric belongs to, and the name of the family that it is sent as. */
export function metadataOf(
  metric: string,
  store: MetadataStore,
): { readonly metadata: Metadata; readonly name: string } {
  const own = REPORTS.get(metric) ?? store.get(metric);
  if (own !== undefined) return { metadata: own, name: metric };
  const base = withoutSuffix(metric);
  const metadata = store.get(base);
  if (metadata === undefined)
    return { metadata: { family: metric, type: 'unknown', help: '', unit: '' }, name: metric };
  if (metadata.type !== 'counter') return { metadata, name: base };
  return { metadata, name: metric.endsWith('_created') ? `${base}_total` : metric };
}
