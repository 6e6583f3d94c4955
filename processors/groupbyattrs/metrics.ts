import type { Settings } from '../../core/component.ts';
import type { Counter, Histogram } from '../../core/meter.ts';
import type { Signal } from '../../core/signal.ts';

const PREFIX = 'otelcol_processor_groupbyattrs_';
/** Bounds of histograms for which the reference sets none. */
const BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];
const WORDS: Readonly<Record<Signal, readonly [one: string, many: string]>> = {
  traces: ['span', 'spans'],
  metrics: ['metric', 'metrics'],
  logs: ['log', 'logs'],
};

interface Series {
  readonly groups: Histogram;
  grouped: Counter | undefined;
  others: Counter | undefined;
}

/** The processor's self-metrics. */
export class GroupMetrics {
  readonly #settings: Settings;
  readonly #series = new Map<Signal, Series>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Of one batch: groups that came out, items that had a key, and others. */
  count(signal: Signal, groups: number, grouped: number, others: number): void {
    const [one, many] = WORDS[signal];
    let series = this.#series.get(signal);
    if (series === undefined) {
      series = { groups: this.#histogram(one, many), grouped: undefined, others: undefined };
      this.#series.set(signal, series);
    }
    series.groups.record(groups);
    if (grouped > 0) {
      series.grouped ??= this.#counter(`num_grouped_${many}`, `Number of ${many} that had attributes grouped`);
      series.grouped.add(grouped);
    }
    if (others > 0) {
      const text = `Number of ${many} that did not have attributes grouped`;
      series.others ??= this.#counter(`num_non_grouped_${many}`, text);
      series.others.add(others);
    }
  }

  #counter(name: string, text: string): Counter {
    return this.#settings.meter.counter({
      name: `${PREFIX}${name}`,
      description: `${text} [Development]`,
      unit: '1',
    });
  }

  #histogram(one: string, many: string): Histogram {
    const description = `Distribution of groups extracted for ${many} [Development]`;
    return this.#settings.meter.histogram({ name: `${PREFIX}${one}_groups`, description, unit: '1', bounds: BOUNDS });
  }
}
