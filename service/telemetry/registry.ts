import type {
  Counter,
  Gauge,
  Histogram,
  HistogramDefinition,
  Labels,
  Meter,
  MetricDefinition,
} from '../../core/meter.ts';
import { type AnySeries, HistogramSeries, type HistogramValue, ObservedSeries, readSeries, Series } from './series.ts';
import type { MetricsLevel } from './types.ts';

/** One series, as read by a reader. */
export interface Point {
  /** Sorted by name. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number | HistogramValue;
}

export type FamilyType = 'counter' | 'gauge' | 'histogram';

export interface Family {
  readonly definition: MetricDefinition;
  readonly type: FamilyType;
  readonly points: readonly Point[];
}

interface Entry {
  readonly labels: Point['labels'];
  readonly series: AnySeries;
  /** Scopes that asked for it and have not ended; without any it is not shown. */
  users: number;
  /** Nobody has asked for it since a scope ended. */
  stale: boolean;
}

interface Metric {
  readonly definition: MetricDefinition;
  readonly type: FamilyType;
  readonly series: Map<string, Entry>;
}

/** What a metric above the configured level gets: it takes values and shows nowhere. */
const IGNORED = Object.freeze({ add(): void {}, set(): void {}, record(): void {} });

const RANK: Readonly<Record<MetricsLevel, number>> = { none: 0, basic: 1, normal: 2, detailed: 3 };

/** Metrics that end together: those of the components of one configuration. */
export interface MeterScope extends Meter {
  /**
   * Series that no other scope asked for are no longer shown. One that is asked for before the next scope ends goes on
   * counting where it was. Safe to repeat; what this scope asks for later stays unseen.
   */
  end(): void;
}

abstract class SeriesMeter implements Meter {
  abstract enabled(definition: MetricDefinition): boolean;

  /** Undefined where the level of the metric is above the configured one. */
  protected abstract find<S extends AnySeries>(
    definition: MetricDefinition,
    type: FamilyType,
    labels: Labels,
    make: () => S,
  ): S | undefined;

  counter(definition: MetricDefinition, labels: Labels = {}): Counter {
    return this.find(definition, 'counter', labels, () => new Series()) ?? IGNORED;
  }

  gauge(definition: MetricDefinition, labels: Labels = {}): Gauge {
    return this.find(definition, 'gauge', labels, () => new Series()) ?? IGNORED;
  }

  histogram(definition: HistogramDefinition, labels: Labels = {}): Histogram {
    return this.find(definition, 'histogram', labels, () => new HistogramSeries(definition.bounds)) ?? IGNORED;
  }

  observe(definition: MetricDefinition, labels: Labels, type: 'counter' | 'gauge', read: () => number): () => void {
    const series = this.find(definition, type, labels, () => new ObservedSeries());
    return series === undefined ? () => {} : series.observe(read);
  }
}

/** All metrics of the process, once; readers render them in their own ways. */
export class Registry extends SeriesMeter {
  readonly level: MetricsLevel;
  readonly #metrics = new Map<string, Metric>();

  constructor(level: MetricsLevel) {
    super();
    this.level = level;
  }

  enabled(definition: MetricDefinition): boolean {
    return RANK[definition.level ?? 'basic'] <= RANK[this.level];
  }

  /** What is asked for here ends with the scope, what is asked for at the registry itself never. */
  scope(): MeterScope {
    return new Scope(this);
  }

  /** Values of now, by metric name; metrics without series are left out. */
  collect(): Family[] {
    const families: Family[] = [];
    for (const name of [...this.#metrics.keys()].sort()) {
      const { definition, type, series } = this.#metrics.get(name) as Metric;
      const points: Point[] = [];
      for (const { labels, series: one, users } of series.values()) {
        const value = users === 0 ? undefined : readSeries(one);
        if (value !== undefined) points.push({ labels, value });
      }
      if (points.length > 0) families.push({ definition, type, points });
    }
    return families;
  }

  protected find<S extends AnySeries>(
    definition: MetricDefinition,
    type: FamilyType,
    labels: Labels,
    make: () => S,
  ): S | undefined {
    const entry = this.entry(definition, type, labels, make);
    if (entry !== undefined) entry.users = Number.POSITIVE_INFINITY;
    // callers that share a name agree on how its values come about
    return entry?.series as S | undefined;
  }

  /** For scopes. */
  entry(definition: MetricDefinition, type: FamilyType, labels: Labels, make: () => AnySeries): Entry | undefined {
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
      entry = { labels: sorted, series: make(), users: 0, stale: false };
      metric.series.set(key, entry);
    }
    entry.stale = false;
    return entry;
  }

  /** A scope ended: what nobody has asked for since the last time is forgotten. */
  sweep(): void {
    for (const [name, { series }] of this.#metrics) {
      for (const [key, entry] of series) {
        if (entry.users > 0) continue;
        if (entry.stale) series.delete(key);
        entry.stale = true;
      }
      if (series.size === 0) this.#metrics.delete(name);
    }
  }
}

class Scope extends SeriesMeter implements MeterScope {
  readonly #registry: Registry;
  readonly #entries = new Set<Entry>();
  #ended = false;

  constructor(registry: Registry) {
    super();
    this.#registry = registry;
  }

  enabled(definition: MetricDefinition): boolean {
    return this.#registry.enabled(definition);
  }

  protected find<S extends AnySeries>(
    definition: MetricDefinition,
    type: FamilyType,
    labels: Labels,
    make: () => S,
  ): S | undefined {
    if (this.#ended) return make();
    const entry = this.#registry.entry(definition, type, labels, make);
    if (entry !== undefined && !this.#entries.has(entry)) {
      this.#entries.add(entry);
      entry.users++;
    }
    return entry?.series as S | undefined;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const entry of this.#entries) entry.users--;
    this.#entries.clear();
    this.#registry.sweep();
  }
}
