import type { Logger } from '../../logger.ts';
import { type Labels, LabelsBuilder, labelsHash, METRIC_NAME } from '../labels.ts';
import { isProtobufSeries, protobufLabels } from '../parse/protobuf-page.ts';
import { seriesLabels } from '../parse/series-text.ts';
import { Groups } from './groups.ts';
import { MetadataStore, metadataOf } from './metadata.ts';
import { type SampleLabels, sampleLabels } from './sample-labels.ts';
import { SeriesTable, State } from './series.ts';
import { SeriesNames } from './series-name.ts';
import { type TargetState, Transaction } from './transaction.ts';

/** So many more series than the last good scrape had may pile up before they are forgotten. */
const ROOM = 1000;
/** Stands before the name of a report in the bytes of its series: no page has it. */
const REPORT = 0xfe;

export interface CacheOptions {
  readonly rules: SampleLabels;
  readonly externalLabels: Labels;
  /** Where labels name no job and instance. */
  readonly job: string;
  readonly instance: string;
  readonly ignoresScopeInfo: boolean;
  readonly logger: Logger;
  /** See KeyWriter. */
  readonly seed: number;
}

/** What is kept of one target from scrape to scrape. */
export class TargetCache implements TargetState {
  readonly series: SeriesTable;
  readonly groups: Groups;
  readonly names = new SeriesNames();
  readonly metadata = new MetadataStore();
  readonly logger: Logger;
  readonly ignoresScopeInfo: boolean;
  /** Of the scrape that is under way. */
  iteration = 1;
  /** The last scrape that was good; series that it did not have count as new. */
  #flushed = 0;
  /** Series and families after the last good scrape. */
  #successful = 0;
  #transactions = 0;
  /** The series that was named last: its labels are asked for right after. */
  #named: { readonly row: number; readonly labels: Labels } | undefined;
  readonly #options: CacheOptions;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.series = new SeriesTable(options.seed);
    this.groups = new Groups(options.seed);
    this.logger = options.logger;
    this.ignoresScopeInfo = options.ignoresScopeInfo;
  }

  begin(): Transaction {
    return new Transaction(++this.#transactions, this);
  }

  /** Whether the series was there in a scrape since the last good one, so that it is not new. */
  isKnown(row: number): boolean {
    const { series } = this;
    return series.states[row] !== State.NEW && (series.seen[row] as number) >= this.#flushed;
  }

  /** Gives a new row its name. `labels` are those after relabeling. */
  name(row: number, labels: Labels): void {
    const sent = this.#withExternal(labels);
    const name = this.names.of(sent, this.#options.job, this.#options.instance);
    this.#named = { row, labels: sent };
    this.series.names[row] = name;
    this.series.identities[row] = labelsHash(sent);
    if (Transaction.isInformation(name, this.ignoresScopeInfo)) this.series.labels.set(row, sent);
  }

  labelsOf(row: number): Labels {
    if (row === this.#named?.row) return this.#named.labels;
    const kept = this.series.labels.get(row);
    if (kept !== undefined) return kept;
    const bytes = this.series.bytesOf(row);
    if (bytes[0] === REPORT) return this.#reportLabels(bytes.toString('utf8', 1));
    return this.#withExternal(sampleLabels(this.#pageLabels(bytes), this.#options.rules) ?? []);
  }

  /** The row of a metric of the scrape itself. */
  report(metric: string): number {
    const buffer = Buffer.concat([Buffer.of(REPORT), Buffer.from(metric)]);
    const found = this.series.find({ buffer, start: 0, end: buffer.length });
    const row = found >= 0 ? found : this.series.add();
    this.series.seen[row] = this.iteration;
    if (found < 0) {
      this.series.states[row] = State.KEPT;
      this.name(row, this.#reportLabels(metric));
    }
    return row;
  }

  /** The scrape is over. A good one makes what it did not have forgotten. */
  end(good: boolean): void {
    const count = this.series.size + this.metadata.size;
    if (good) this.#successful = this.#seen() + this.metadata.size;
    if (good || count > this.#successful * 2 + ROOM) this.#flush();
    this.series.swap();
    this.iteration++;
  }

  /** The page did not come to its end: what was seen of it does not count. */
  abandon(): void {
    this.series.tracked.fill(0);
  }

  #flush(): void {
    this.#flushed = this.iteration;
    this.metadata.expire(this.iteration);
    const live = this.#seen();
    if (this.series.size > live * 2 + ROOM || this.groups.size > live * 2 + ROOM) this.#compact();
  }

  #seen(): number {
    let seen = 0;
    for (let row = 0; row < this.series.size; row++) if (this.series.seen[row] === this.iteration) seen++;
    return seen;
  }

  /** Forgets series, and names and groups that were theirs alone. */
  #compact(): void {
    this.#named = undefined;
    this.series.expire(this.iteration);
    this.groups.clear();
    this.series.shapes.fill(0);
    this.names.clear();
    for (let row = 0; row < this.series.size; row++) {
      if (this.series.states[row] !== State.KEPT) continue;
      this.series.names[row] = this.names.of(this.labelsOf(row), this.#options.job, this.#options.instance);
    }
  }

  #pageLabels(bytes: Buffer): Labels {
    if (isProtobufSeries(bytes)) return protobufLabels(bytes);
    const plain = seriesLabels(bytes, 0, bytes.length, { blanks: true, commas: false }, 'unknown');
    const metric = plain.find(([name]) => name === METRIC_NAME)?.[1] ?? '';
    const { type } = metadataOf(metric, this.metadata).metadata;
    return seriesLabels(bytes, 0, bytes.length, { blanks: true, commas: false }, type);
  }

  #reportLabels(metric: string): Labels {
    const labels = new LabelsBuilder([[METRIC_NAME, metric]]);
    for (const [name, value] of this.#options.rules.target) labels.set(name, value);
    return this.#withExternal(labels.labels());
  }

  #withExternal(labels: Labels): Labels {
    const { externalLabels } = this.#options;
    if (externalLabels.length === 0) return labels;
    const builder = new LabelsBuilder(labels);
    for (const [name, value] of externalLabels) builder.set(name, value);
    return builder.labels();
  }
}
