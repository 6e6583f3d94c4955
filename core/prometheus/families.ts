import type { MetricType, TextLabels } from './text.ts';

/** One of the observations behind a value. Time in nanoseconds since the Unix epoch. */
export interface PageExemplar {
  readonly labels: TextLabels;
  readonly value: number;
  readonly timeNanos: bigint;
}

interface SampleBase {
  /** Sorted by name, names unique. */
  readonly labels: TextLabels;
  readonly timestampMs?: number | undefined;
  /** When counting began; only the protobuf page has it. */
  readonly createdNanos?: bigint | undefined;
}

export interface NumberSample extends SampleBase {
  readonly value: number;
  readonly exemplar?: PageExemplar | undefined;
}

export interface SummarySample extends SampleBase {
  readonly count: bigint;
  readonly sum: number;
  /** Ascending. */
  readonly quantiles: readonly (readonly [quantile: number, value: number])[];
}

export interface PageBucket {
  readonly upperBound: number;
  /** Of all values up to the bound. */
  readonly cumulative: bigint;
  readonly exemplar?: PageExemplar | undefined;
}

export interface BucketsSample extends SampleBase {
  readonly count: bigint;
  readonly sum: number;
  /** Ascending; the one up to +Inf may be left out. */
  readonly buckets: readonly PageBucket[];
  /** Exponential buckets, which only the protobuf page has; the others show count and sum. */
  readonly native?: NativeBuckets | undefined;
}

/** Source: https://prometheus.io/docs/specs/native_histograms/ */
export interface NativeBuckets {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: bigint;
  /** Index → count; the bucket with index i ends at 2^(i × 2^-schema). */
  readonly positive: ReadonlyMap<number, bigint>;
  readonly negative: ReadonlyMap<number, bigint>;
  readonly exemplars: readonly PageExemplar[];
}

export type Family = { readonly name: string; readonly help: string } & (
  | { readonly type: 'counter' | 'gauge' | 'untyped'; readonly samples: NumberSample[] }
  | { readonly type: 'summary'; readonly samples: SummarySample[] }
  | { readonly type: 'histogram'; readonly samples: BucketsSample[] }
);

export type Sample = NumberSample | SummarySample | BucketsSample;

/** Collects what goes on one page and refuses what scrapers could not tell apart. */
export class Families {
  readonly #families = new Map<string, Family>();
  readonly #seen = new Set<string>();

  /** The sample must have the type's shape. Returns why it was refused. */
  add(name: string, help: string, type: MetricType, sample: Sample): string | undefined {
    const known = this.#families.get(name);
    if (known !== undefined && known.help !== help)
      return `has help ${quote(help)} but should have ${quote(known.help)}`;
    if (known !== undefined && known.type !== type) return `should be a ${known.type}`;
    if (known === undefined) {
      const collision = this.#collision(name, type);
      if (collision !== undefined) return collision;
    }
    const series = identity(name, sample);
    if (this.#seen.has(series)) return 'was collected before with the same name and label values';
    this.#seen.add(series);
    if (known !== undefined) (known.samples as Sample[]).push(sample);
    else this.#families.set(name, { name, help, type, samples: [sample] } as Family);
    return undefined;
  }

  /** Families by name, samples by the values of their labels. */
  sorted(): Family[] {
    const families = [...this.#families.values()].sort((a, b) => compare(a.name, b.name));
    for (const { samples } of families) (samples as Sample[]).sort(compareSamples);
    return families;
  }

  /** A histogram `a` has lines named `a_count`, so there cannot be another metric of that name. */
  #collision(name: string, type: MetricType): string | undefined {
    const [, base, suffix] = /^(.*)_(count|sum|bucket)$/s.exec(name) ?? [];
    const owner = base === undefined || base === '' ? undefined : this.#families.get(base);
    if (owner?.type === 'histogram' || (owner?.type === 'summary' && suffix !== 'bucket')) {
      return `collides with previously collected ${owner.type} named "${owner.name}"`;
    }
    const own = type === 'histogram' ? ['_count', '_sum', '_bucket'] : type === 'summary' ? ['_count', '_sum'] : [];
    const taken = own.find((ending) => this.#families.has(name + ending));
    return taken === undefined ? undefined : `collides with previously collected metric named "${name}${taken}"`;
  }
}

/** Two texts that hold the separator could be taken for one series; then one of them is left out. */
function identity(name: string, { labels, timestampMs }: Sample): string {
  let text = timestampMs === undefined ? name : `${name}\0${timestampMs}`;
  for (const [label, value] of labels) text += `\0${label}\0${value}`;
  return text;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareSamples(a: Sample, b: Sample): number {
  if (a.labels.length !== b.labels.length) return a.labels.length - b.labels.length;
  for (const [i, [, value]] of a.labels.entries()) {
    const order = compare(value, (b.labels[i] as TextLabels[number])[1]);
    if (order !== 0) return order;
  }
  return (a.timestampMs ?? Infinity) < (b.timestampMs ?? Infinity) ? -1 : 1;
}
