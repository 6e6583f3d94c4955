import type {
  Counter,
  Gauge,
  Histogram,
  HistogramDefinition,
  Labels,
  Meter,
  MetricDefinition,
} from '../../core/meter.ts';
import type { MetricsLevel } from './types.ts';

/** One series, as read by a reader. */
export interface Point {
  /** Sorted by name. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number | HistogramValue;
}

export interface HistogramValue {
  readonly bounds: readonly number[];
  /** Per bucket, not cumulative; one more than bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export type FamilyType = 'counter' | 'gauge' | 'histogram';

export interface Family {
  readonly definition: MetricDefinition;
  readonly type: FamilyType;
  readonly points: readonly Point[];
}

class Series implements Counter, Gauge {
  value = 0;

  add(value: number): void {
    this.value += value;
  }

  set(value: number): void {
    this.value = value;
  }
}

class HistogramSeries implements Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
  }

  snapshot(): HistogramValue {
    return { bounds: this.bounds, counts: [...this.counts], sum: this.sum };
  }
}

/** Read functions for one series; while a configuration is replaced, the old and the new one both have theirs. */
class ObservedSeries {
  readonly #reads: (() => number)[] = [];

  observe(read: () => number): () => void {
    this.#reads.push(read);
    return () => {
      const index = this.#reads.indexOf(read);
      if (index >= 0) this.#reads.splice(index, 1);
    };
  }

  /** The newest one counts; undefined when there is none left. */
  read(): number | undefined {
    return this.#reads.at(-1)?.();
  }
}

type AnySeries = Series | HistogramSeries | ObservedSeries;

interface Metric {
  readonly definition: MetricDefinition;
  readonly type: FamilyType;
  readonly series: Map<string, { readonly labels: Point['labels']; readonly series: AnySeries }>;
}

/** What a metric above the configured level gets: it takes values and shows nowhere. */
const IGNORED = Object.freeze({ add(): void {}, set(): void {}, record(): void {} });

const RANK: Readonly<Record<MetricsLevel, number>> = { none: 0, basic: 1, normal: 2, detailed: 3 };

/** All metrics of the process, once; readers render them in their own ways. */
export class Registry implements Meter {
  readonly level: MetricsLevel;
  readonly #metrics = new Map<string, Metric>();

  constructor(level: MetricsLevel) {
    this.level = level;
  }

  enabled(definition: MetricDefinition): boolean {
    return RANK[definition.level ?? 'basic'] <= RANK[this.level];
  }

  counter(definition: MetricDefinition, labels: Labels = {}): Counter {
    return this.#series(definition, 'counter', labels, () => new Series()) ?? IGNORED;
  }

  gauge(definition: MetricDefinition, labels: Labels = {}): Gauge {
    return this.#series(definition, 'gauge', labels, () => new Series()) ?? IGNORED;
  }

  histogram(definition: HistogramDefinition, labels: Labels = {}): Histogram {
    return this.#series(definition, 'histogram', labels, () => new HistogramSeries(definition.bounds)) ?? IGNORED;
  }

  observe(definition: MetricDefinition, labels: Labels, type: 'counter' | 'gauge', read: () => number): () => void {
    const series = this.#series(definition, type, labels, () => new ObservedSeries());
    return series === undefined ? () => {} : series.observe(read);
  }

  /** Values of now, by metric name; metrics without series are left out. */
  collect(): Family[] {
    const families: Family[] = [];
    for (const name of [...this.#metrics.keys()].sort()) {
      const { definition, type, series } = this.#metrics.get(name) as Metric;
      const points: Point[] = [];
      for (const { labels, series: one } of series.values()) {
        const value = readSeries(one);
        if (value !== undefined) points.push({ labels, value });
      }
      if (points.length > 0) families.push({ definition, type, points });
    }
    return families;
  }

  /** Undefined where the level of the metric is above the configured one. */
  #series<S extends AnySeries>(
    definition: MetricDefinition,
    type: FamilyType,
    labels: Labels,
    make: () => S,
  ): S | undefined {
    if (!this.enabled(definition)) return undefined;
    let metric = this.#metrics.get(definition.name);
    if (metric === undefined) {
      metric = { definition, type, series: new Map() };
      this.#metrics.set(definition.name, metric);
    }
    if (metric.type !== type) throw new Error(`metric ${definition.name} is a ${metric.type}, not a ${type}`);
    const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify(sorted);
    let entry = metric.series.get(key);
    if (entry === undefined) {
      entry = { labels: sorted, series: make() };
      metric.series.set(key, entry);
    }
    // callers that share a name agree on how its values come about
    return entry.series as S;
  }
}

function readSeries(series: AnySeries): Point['value'] | undefined {
  if (series instanceof HistogramSeries) return series.snapshot();
  if (series instanceof Series) return series.value;
  try {
    return series.read();
  } catch {
    // one component that cannot tell its value does not take the whole page away
    return undefined;
  }
}
