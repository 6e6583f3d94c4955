import { Output } from '../output.ts';
import type { TextLabels } from '../text.ts';
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
  /** Sorted by name, `__name__` among them; no name twice, no value empty. */
  readonly labels: TextLabels;
  /** The same as fields of the first version, a character for each byte. */
  readonly encoded: string;
  readonly metadata: RemoteMetadata;
  readonly samples: RemoteSample[];
  readonly exemplars: RemoteExemplar[];
  readonly histograms: RemoteHistogram[];
}

/** Series by their labels: points with the same labels are points of one series. */
export class SeriesSet {
  readonly #series = new Map<string, RemoteSeries>();
  readonly #scratch = new Output();

  get size(): number {
    return this.#series.size;
  }

  /** The series with these labels, which are as `RemoteSeries` has them. */
  of(labels: TextLabels, metadata: RemoteMetadata): RemoteSeries {
    const { writer } = this.#scratch;
    writer.clear();
    writeLabels(this.#scratch, labels);
    const encoded = writer.buffer.toString('latin1', 0, writer.length);
    let series = this.#series.get(encoded);
    if (series === undefined) {
      series = { labels, encoded, metadata, samples: [], exemplars: [], histograms: [] };
      this.#series.set(encoded, series);
    }
    return series;
  }

  /** All of them, the points of each in the order of time, which receivers demand. */
  *sorted(): Iterable<RemoteSeries> {
    for (const series of this.#series.values()) {
      for (const points of [series.samples, series.exemplars, series.histograms]) {
        if (points.length > 1) points.sort(byTime);
      }
      yield series;
    }
  }
}

const byTime = (a: { readonly timestampMs: number }, b: { readonly timestampMs: number }): number =>
  a.timestampMs - b.timestampMs;
