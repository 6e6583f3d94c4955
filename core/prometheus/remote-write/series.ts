import type { Attributes } from '../../otlp/readers/attributes.ts';
import { KeyRows } from '../../series/key-rows.ts';
import { KeyWriter } from '../../series/key-writer.ts';
import { Output } from '../output.ts';
import type { TextLabels } from '../text.ts';
import type { LabelPlan } from './label-plan.ts';
import { writeLabels } from './labels.ts';

/** Times are milliseconds since the Unix epoch. */
export interface RemoteSample {
  readonly timestampMs: number;
  readonly value: number;
  /** The series has ended, and the value does not count. */
  readonly stale: boolean;
}

export interface RemoteExemplar {
  readonly timestampMs: number;
  readonly value: number;
  readonly labels: TextLabels;
}

/** A native histogram. Counts by index of its buckets, none of them zero. */
export interface RemoteHistogram {
  readonly timestampMs: number;
  readonly stale: boolean;
  readonly schema: number;
  readonly count: bigint;
  readonly sum: number;
  readonly zeroThreshold: number;
  readonly zeroCount: bigint;
  readonly positive: ReadonlyMap<number, bigint>;
  readonly negative: ReadonlyMap<number, bigint>;
}

/** What a metric is, as both versions number it. */
export const RemoteType = {
  UNKNOWN: 0,
  COUNTER: 1,
  GAUGE: 2,
  HISTOGRAM: 3,
  SUMMARY: 5,
  INFO: 6,
  STATESET: 7,
} as const;
export type RemoteType = (typeof RemoteType)[keyof typeof RemoteType];

export interface RemoteMetadata {
  /** Of the family: without `_bucket` and the like. */
  readonly name: string;
  readonly type: RemoteType;
  readonly help: string;
  readonly unit: string;
}

export interface RemoteSeries {
  /** Sorted by name, `__name__` among them; no name twice, no value empty. None where they came encoded. */
  readonly labels: TextLabels;
  readonly metadata: RemoteMetadata;
  readonly samples: RemoteSample[];
  readonly exemplars: RemoteExemplar[];
  readonly histograms: RemoteHistogram[];
  /** The same labels as fields of the first version: `encoded[start, end)`. */
  readonly encoded: Buffer;
  readonly start: number;
  readonly end: number;
}

interface Row {
  readonly labels: TextLabels;
  readonly metadata: RemoteMetadata;
  samples: RemoteSample[];
  exemplars: RemoteExemplar[];
  histograms: RemoteHistogram[];
}

const NO_LABELS: TextLabels = [];
/** Stand for lists that nothing is in: most series have but one of the three. */
const NO_SAMPLES: RemoteSample[] = [];
const NO_EXEMPLARS: RemoteExemplar[] = [];
const NO_HISTOGRAMS: RemoteHistogram[] = [];

/** Series by their labels: points with the same labels are points of one series, which is known by its row. */
export class SeriesSet {
  readonly #table = new KeyRows();
  readonly #rows: Row[] = [];
  readonly #keys: KeyWriter;
  readonly #scratch = new Output();

  /** `seed`: see KeyWriter. */
  constructor(seed: number) {
    this.#keys = new KeyWriter(seed);
  }

  get size(): number {
    return this.#rows.length;
  }

  /** The series with these labels, which are as `RemoteSeries` has them. */
  of(labels: TextLabels, metadata: RemoteMetadata): number {
    const { writer } = this.#scratch;
    writer.clear();
    writeLabels(this.#scratch, labels);
    this.#keys.begin();
    this.#keys.copy(writer.buffer, 0, writer.length);
    return this.#row(labels, metadata);
  }

  /** The series with the labels that a plan makes of attributes; -1 where it cannot. */
  planned(plan: LabelPlan, attributes: Attributes, metadata: RemoteMetadata): number {
    this.#keys.begin();
    return plan.write(attributes, this.#keys) ? this.#row(NO_LABELS, metadata) : -1;
  }

  addSample(row: number, sample: RemoteSample): void {
    const series = this.#rows[row] as Row;
    if (series.samples === NO_SAMPLES) series.samples = [sample];
    else series.samples.push(sample);
  }

  addExemplars(row: number, exemplars: readonly RemoteExemplar[]): void {
    if (exemplars.length === 0) return;
    const series = this.#rows[row] as Row;
    series.exemplars = [...series.exemplars, ...exemplars];
  }

  addHistogram(row: number, histogram: RemoteHistogram): void {
    const series = this.#rows[row] as Row;
    series.histograms = [...series.histograms, histogram];
  }

  /** All of them, the points of each in the order of time, which receivers demand. */
  *sorted(): Iterable<RemoteSeries> {
    for (const [row, series] of this.#rows.entries()) {
      const { samples, exemplars, histograms } = series;
      if (samples.length > 1) samples.sort(byTime);
      if (exemplars.length > 1) exemplars.sort(byTime);
      if (histograms.length > 1) histograms.sort(byTime);
      const encoded = this.#table.bytesOf(row);
      const start = this.#table.startOf(row);
      const end = start + encoded.readInt32LE(start);
      yield { ...series, encoded, start: start + KEY_HEAD, end };
    }
  }

  #row(labels: TextLabels, metadata: RemoteMetadata): number {
    this.#keys.finish();
    const found = this.#table.find(this.#keys);
    if (found >= 0) return found;
    this.#rows.push({ labels, metadata, samples: NO_SAMPLES, exemplars: NO_EXEMPLARS, histograms: NO_HISTOGRAMS });
    return this.#table.add(this.#keys);
  }
}

/** The length of the key. */
const KEY_HEAD = 4;

const byTime = (a: { readonly timestampMs: number }, b: { readonly timestampMs: number }): number =>
  a.timestampMs - b.timestampMs;
