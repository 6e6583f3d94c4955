import type { Checkpointed } from '../../core/checkpoint.ts';
import type { Settings } from '../../core/component.ts';
import type { Consumer } from '../../core/consumer.ts';
import { AttributeList } from '../../core/otlp/build/attribute-list.ts';
import { scan } from '../../core/otlp/scan/scan.ts';
import { encodeString } from '../../core/otlp/value-encode.ts';
import { LastFlushes } from '../../core/series/last-flushes.ts';
import { SpanResources, type SpanResourcesOptions } from '../../core/series/span-resources.ts';
import { damaged, StateReader, StateWriter } from '../../core/stream/codec.ts';
import { Refused } from '../../core/stream/refused.ts';
import { Taken } from '../../core/stream/taken.ts';
import { EMPTY_CONTEXT, NO_PARTITION, type RequestContext } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, isDelta, timestampCacheSize } from './config.ts';
import type { Output, OutputPartition } from './output.ts';

/** Of the entries that this file writes. */
const SERIES_VERSION = 1;

/**
 * The resource attribute with the partition of the source. Partitions may be counted by different processes, and what
 * adds up must have one writer, so the series of each are apart.
 */
const SOURCE_PARTITION = Buffer.from('source.partition');

/** Entries of a snapshot beside those of the resources. */
const HEAD = 'head';
const LAST_FLUSHES = 'last_flushes';
const REFUSED = 'refused';

export interface PartitionOptions {
  readonly settings: Settings;
  readonly config: Config;
  readonly output: Output;
  readonly resources: SpanResourcesOptions;
  /** By their ids, under which a snapshot names those for whom a batch waits. */
  readonly pipelines: ReadonlyMap<string, Consumer>;
  /** What was kept with another shape does not count. */
  readonly shape: string;
}

/** What is counted of one partition of the source, and is sent of it. */
export class PartitionSeries implements OutputPartition {
  readonly name: string;
  readonly label: Buffer;
  readonly context: RequestContext;
  readonly lastFlushes: LastFlushes;
  readonly resources: SpanResources;
  readonly taken = new Taken();
  /** Something came in that no flush has carried. */
  pending = false;
  readonly #options: PartitionOptions;
  readonly #delta: boolean;
  /** The flush that is under way. */
  #flushing: Promise<void> | undefined;
  readonly #refused: Refused;
  #dropped = false;
  /** As it was handed out last. */
  #storedHead: Buffer | undefined;

  constructor(name: string, options: PartitionOptions) {
    this.name = name;
    this.#options = options;
    this.#delta = isDelta(options.config);
    this.#refused = new Refused(options.pipelines);
    this.lastFlushes = new LastFlushes(timestampCacheSize(options.config));
    this.label = Buffer.alloc(0);
    this.context = EMPTY_CONTEXT;
    if (name !== NO_PARTITION) {
      this.label = new AttributeList().put(SOURCE_PARTITION, encodeString(name)).encode();
      const stream = Object.freeze({ partition: name, watermarked: false });
      this.context = Object.freeze({ transport: 'stream', metadata: new Map(), stream });
    }
    this.resources = new SpanResources(options.resources, this.label);
  }

  /** See Checkpointed. */
  get settled(): Promise<void> | undefined {
    return this.#flushing;
  }

  /** While the flush before is still under way this one is left out. `always`: also where there is nothing to send. */
  tick(always: boolean): void {
    if (this.#flushing === undefined) void this.#begin(() => this.#flush(false, always));
  }

  /** The last flush. `kept`: what is here is part of a snapshot afterwards, otherwise nothing is left. */
  async stop(kept: boolean): Promise<void> {
    await this.#flushing;
    if (this.pending && this.#options.config.flush_on_shutdown) await this.#begin(() => this.#flush(!kept, true));
    else if (!this.#refused.isEmpty) await this.#begin(() => this.#handOn());
    if (!kept) this.drop();
  }

  /** Forgets everything, sends nothing. */
  drop(): void {
    this.#dropped = true;
    this.resources.clear();
    this.#refused.drop();
  }

  snapshot(which: 'all' | 'changed'): Map<string, Buffer | undefined> {
    const entries = this.resources.snapshot(which);
    const { lastFlushes } = this;
    if (this.#delta && (which === 'all' || lastFlushes.changed)) {
      const to = new StateWriter();
      lastFlushes.encode(to);
      lastFlushes.changed = false;
      entries.set(LAST_FLUSHES, to.finish());
    }
    const waits = !this.#refused.isEmpty;
    if (this.#refused.isChanged || (waits && which === 'all')) {
      const to = new StateWriter();
      this.#refused.encode(to);
      const bytes = to.finish();
      entries.set(REFUSED, waits ? bytes : undefined);
    }
    const to = new StateWriter().text(this.#options.shape).bool(this.pending).bool(waits);
    this.resources.encodeOrder(to);
    const head = to.finish();
    if (which === 'all' || this.#storedHead?.equals(head) !== true) entries.set(HEAD, head);
    this.#storedHead = head;
    return entries;
  }

  /** Throws where the entries cannot be read. */
  restore(entries: ReadonlyMap<string, Buffer>, version: number): void {
    if (version !== SERIES_VERSION) throw new Error(`series of version ${version} cannot be read`);
    const read = (name: string): StateReader => {
      const bytes = entries.get(name);
      if (bytes === undefined) throw damaged(`${name} is not there`);
      return new StateReader(bytes);
    };
    const head = read(HEAD);
    if (head.text() !== this.#options.shape) {
      const { logger } = this.#options.settings;
      logger.warn('What is counted is configured otherwise than before: what was kept does not count', {
        partition: this.name,
      });
      return;
    }
    this.pending = head.bool();
    const waits = head.bool();
    this.resources.restore(head, read);
    if (this.#delta) this.lastFlushes.restore(read(LAST_FLUSHES));
    this.lastFlushes.changed = false;
    if (waits) this.#restoreRefused(read(REFUSED));
  }

  #begin(work: () => Promise<void>): Promise<void> {
    this.#flushing = work().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** What was refused comes first; while it is refused again everything stays here, unless this is the last time. */
  async #flush(last: boolean, always: boolean): Promise<void> {
    if (!this.#refused.isEmpty) await this.#handOn();
    if (!this.#refused.isEmpty && !last) return;
    if (this.resources.isEmpty && !always) return;
    const { output, settings } = this.#options;
    const batch = output.write(this.resources, this, settings.clock.nowNanos(), last);
    this.pending = output.zeros;
    if (this.#delta) this.resources.clear();
    else this.resources.afterFlush(settings.clock.now());
    await this.#handOn(batch);
  }

  /** A cumulative value that was refused is in the next one. */
  async #handOn(batch?: Telemetry): Promise<void> {
    const error = await this.#refused.handOn(batch, this.#delta);
    if (error === undefined || this.#dropped) return;
    this.#options.settings.logger.error('Failed ConsumeMetrics', { error: error.message });
  }

  #restoreRefused(from: StateReader): void {
    const gone = this.#refused.restore(from, (bytes, items) => {
      if (!isRequest(bytes, items)) throw damaged('a batch that cannot be');
      return Telemetry.of('metrics', bytes, items, this.context);
    });
    for (const pipeline of gone) {
      const error = `the pipeline ${pipeline} is not in the configuration any more`;
      this.#options.settings.logger.error('Failed ConsumeMetrics', { error });
    }
  }
}

function isRequest(bytes: Buffer, items: number): boolean {
  try {
    return scan('metrics', bytes, 0, bytes.length) === items;
  } catch {
    return false;
  }
}

/** The partitions that there are, as snapshots see them. */
export class Partitions implements Checkpointed {
  readonly version = SERIES_VERSION;
  readonly #options: PartitionOptions;
  readonly #partitions = new Map<string, PartitionSeries>();

  constructor(options: PartitionOptions) {
    this.#options = options;
  }

  /** The partition of this name; a new one has counted nothing. */
  of(name: string): PartitionSeries {
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      partition = new PartitionSeries(name, this.#options);
      this.#partitions.set(name, partition);
    }
    return partition;
  }

  all(): IterableIterator<PartitionSeries> {
    return this.#partitions.values();
  }

  partitions(): readonly string[] {
    return [...this.#partitions.keys()];
  }

  snapshot(partition: string, which: 'all' | 'changed'): ReadonlyMap<string, Buffer | undefined> {
    return this.#partitions.get(partition)?.snapshot(which) ?? new Map();
  }

  restore(partition: string, entries: ReadonlyMap<string, Buffer>, version: number): void {
    this.of(partition).restore(entries, version);
  }

  forget(partition: string): void {
    this.#partitions.get(partition)?.drop();
    this.#partitions.delete(partition);
  }

  settled(partition: string): Promise<void> | undefined {
    return this.#partitions.get(partition)?.settled;
  }
}
