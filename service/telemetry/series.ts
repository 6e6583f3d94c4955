import type { Counter, Gauge, Histogram } from '../../core/meter.ts';

export interface HistogramValue {
  readonly bounds: readonly number[];
  /** Per bucket, not cumulative; one more than bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export class Series implements Counter, Gauge {
  value = 0;

  add(value: number): void {
    this.value += value;
  }

  set(value: number): void {
    this.value = value;
  }
}

export class HistogramSeries implements Histogram {
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
export class ObservedSeries {
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

export type AnySeries = Series | HistogramSeries | ObservedSeries;

/** Undefined where there is nothing to read. */
export function readSeries(series: AnySeries): number | HistogramValue | undefined {
  if (series instanceof HistogramSeries) return series.snapshot();
  if (series instanceof Series) return series.value;
  try {
    return series.read();
  } catch {
    // one component that cannot tell its value does not take the whole page away
    return undefined;
  }
}
