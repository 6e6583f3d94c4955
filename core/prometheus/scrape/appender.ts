import { duplicateName, type Labels } from '../labels.ts';
import type { NameScheme } from '../names-valid.ts';
import { atSchema, MAX_SCHEMA, type NativeHistogram, withinLimit } from '../native-histogram.ts';
import { type Exemplar, type MetricKind, PageError, type PageSink, type Sample } from '../parse/page.ts';
import { checkLabels, type LabelLimits, type SampleLabels, sampleLabels } from './sample-labels.ts';
import { State } from './series.ts';
import type { TargetCache } from './target-cache.ts';
import type { Transaction } from './transaction.ts';

/** Samples from further ahead are refused. */
const MAX_AHEAD_MS = 10 * 60_000;

export interface AppendOptions {
  readonly rules: SampleLabels;
  readonly scheme: NameScheme;
  readonly labelLimits: LabelLimits;
  /** 0 is no limit, here and below. */
  readonly sampleLimit: number;
  readonly bucketLimit: number;
  readonly maxSchema: number;
  readonly honorTimestamps: boolean;
  readonly trackTimestamps: boolean;
  /** Start times that the page states become those of the points. */
  readonly startTimestamps: boolean;
}

/** More samples, or buckets, than are allowed. */
export class LimitError extends Error {
  override readonly name = 'LimitError';
}

/** What a page's samples come to. */
export interface AppendCounts {
  /** Samples on the page. */
  total: number;
  /** Those that relabeling left. */
  added: number;
  /** Those whose series was not there before. */
  series: number;
  duplicates: number;
  outOfBounds: number;
}

/** Takes a page's samples into a transaction as Prometheus takes them into its storage. */
export class Appender implements PageSink {
  readonly counts: AppendCounts = { total: 0, added: 0, series: 0, duplicates: 0, outOfBounds: 0 };
  readonly #cache: TargetCache;
  readonly #transaction: Transaction;
  readonly #options: AppendOptions;
  /** Milliseconds since the Unix epoch. */
  readonly #time: number;
  readonly #latest: number;
  #appended = 0;
  #limit: LimitError | undefined;
  #bucketLimit: LimitError | undefined;

  constructor(cache: TargetCache, transaction: Transaction, options: AppendOptions, time: number, now: number) {
    this.#cache = cache;
    this.#transaction = transaction;
    this.#options = options;
    this.#time = time;
    this.#latest = now + MAX_AHEAD_MS;
  }

  type(family: string, type: MetricKind): void {
    this.#cache.metadata.setType(family, type, this.#cache.iteration);
  }
  help(family: string, text: string): void {
    this.#cache.metadata.setHelp(family, text, this.#cache.iteration);
  }
  unit(family: string, unit: string): void {
    this.#cache.metadata.setUnit(family, unit, this.#cache.iteration);
  }

  sample(sample: Sample): void {
    this.counts.total++;
    const { series, iteration } = this.#cache;
    let row = series.find(sample);
    if (row < 0) row = series.add();
    const known = this.#cache.isKnown(row);
    const repeated = known && series.seen[row] === iteration;
    if (!known) series.reset(row);
    series.seen[row] = iteration;
    if (series.states[row] === State.DROPPED) return;
    if (!known && !this.#resolve(row, sample)) return;
    const stated = this.#options.honorTimestamps && !Number.isNaN(sample.timestamp);
    if (repeated && !stated) this.counts.duplicates++;
    else this.#append(row, sample, stated ? sample.timestamp : this.#time, stated, known);
    this.counts.added++;
  }

  /** The page is complete. Throws a LimitError; nothing of the page counts then. */
  finish(): void {
    const error = this.#limit ?? this.#bucketLimit;
    if (error !== undefined) throw error;
  }

  /** Marks as stale what was there in the last scrape and is not in this one. */
  appendStale(): void {
    const { series } = this.#cache;
    const gone = [...series.disappeared()];
    if (gone.length === 0) return;
    // the same series may be written in other bytes than before
    const here = series.present();
    for (const row of gone) {
      const identity = series.identities[row] as number;
      if (!here.has(identity)) this.#transaction.append(row, Number.NaN, this.#time, true);
      here.add(identity);
    }
  }

  /** A metric of the scrape itself. */
  report(metric: string, value: number, stale = false): void {
    this.#transaction.append(this.#cache.report(metric), value, this.#time, stale);
  }

  /** Finds out what the series of a new row is called; false where it is dropped. */
  #resolve(row: number, sample: Sample): boolean {
    const { series } = this.#cache;
    const { rules, scheme, labelLimits } = this.#options;
    const labels = sampleLabels(this.#pageLabels(sample), rules);
    if (labels === undefined) {
      series.states[row] = State.DROPPED;
      return false;
    }
    checkLabels(labels, scheme, labelLimits);
    this.#cache.name(row, labels);
    return true;
  }

  #checkDuplicates(row: number): void {
    const duplicate = duplicateName(this.#cache.labelsOf(row));
    if (duplicate === undefined) return;
    throw new PageError(`invalid sample: non-unique label names: ${JSON.stringify(duplicate)}`);
  }

  /** What cannot be read is no sample. */
  #pageLabels(sample: Sample): Labels {
    try {
      return sample.labels();
    } catch (error) {
      this.counts.total--;
      throw error;
    }
  }

  #append(row: number, sample: Sample, time: number, stated: boolean, known: boolean): void {
    const { series } = this.#cache;
    const { histogram } = sample;
    const fitting = histogram === undefined ? undefined : this.#fitting(histogram);
    if ((histogram !== undefined && fitting === undefined) || this.#isOverLimit()) return;
    if (time > this.#latest) {
      this.counts.outOfBounds++;
      return;
    }
    if (!known) this.#checkDuplicates(row);
    const isPoint =
      fitting === undefined
        ? this.#transaction.append(row, sample.value, time, false)
        : this.#transaction.appendHistogram(row, fitting, time);
    if (sample.exemplars.length > 0) this.#exemplars(row, sample, time);
    if (this.#options.startTimestamps && sample.startTimestamp !== 0) {
      this.#transaction.setStart(row, sample.startTimestamp);
    }
    series.native[row] = fitting === undefined ? 0 : 1;
    if (isPoint) series.known[row] = 1;
    if (series.known[row] === 1 && (!stated || this.#options.trackTimestamps)) series.tracked[row] = 1;
    if (known) return;
    series.states[row] = State.KEPT;
    if (this.#limit === undefined && this.#bucketLimit === undefined) this.counts.series++;
  }

  #fitting(histogram: NativeHistogram): NativeHistogram | undefined {
    const { maxSchema, bucketLimit } = this.#options;
    const coarse = maxSchema < MAX_SCHEMA && histogram.schema > maxSchema ? atSchema(histogram, maxSchema) : histogram;
    if (bucketLimit === 0) return coarse;
    const fitting = withinLimit(coarse, bucketLimit);
    if (fitting === undefined) this.#bucketLimit ??= new LimitError('histogram bucket limit exceeded');
    return fitting;
  }

  #isOverLimit(): boolean {
    const { sampleLimit } = this.#options;
    if (sampleLimit === 0 || ++this.#appended <= sampleLimit) return false;
    this.#limit ??= new LimitError('sample limit exceeded');
    return true;
  }

  /** An exemplar without a time has that of its sample; a native histogram's is left out. */
  #exemplars(row: number, { exemplars, histogram }: Sample, time: number): void {
    const timed: Exemplar[] = [];
    for (const exemplar of exemplars) {
      if (exemplar.timestamp !== undefined) timed.push(exemplar);
      else if (histogram === undefined) timed.push({ ...exemplar, timestamp: time });
    }
    timed.sort((a, b) => (a.timestamp ?? 0) - (b.timestamp ?? 0) || a.value - b.value);
    this.#transaction.addExemplars(row, timed);
  }
}
