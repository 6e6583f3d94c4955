import type { Timer } from '../../core/clock.ts';
import type { Settings } from '../../core/component.ts';
import { lengthOf, MAX_VALUE, valueLength } from '../../core/segment-log/record.ts';
import type { SegmentLog } from '../../core/segment-log/segment-log.ts';
import type { StorageClient, StorageOperation, StorageValue } from '../../core/storage.ts';
import { Compaction, type CompactionLimits } from './compaction.ts';

/** Operations that are written with one call. More would only delay the first of them. */
const MAX_GROUP = 4 << 20;
/** Time until what could not be written is tried again, such as on a full disk. */
const RETRY_MS = 1000;

export interface ClientOptions extends CompactionLimits {
  /** For logs. */
  readonly folder: string;
  /** A value was found damaged after it had been written well. */
  readonly onDamage: () => void;
  /** Called once, when everything is closed. */
  readonly onClose: () => void;
}

/** One call of `batch`. */
interface Batch {
  readonly operations: readonly StorageOperation[];
  readonly length: number;
  /** Nothing but deletions: there is always room for them, as they make it. */
  readonly deletes: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Keys and values in a SegmentLog. One writer takes what was asked for in a turn of the event loop, or while the write
 * before was under way, and writes it with one call; between writes it compacts.
 */
export class FileClient implements StorageClient {
  readonly #settings: Settings;
  readonly #log: SegmentLog;
  readonly #options: ClientOptions;
  readonly #compaction: Compaction;
  #pending: Batch[] = [];
  /** Deletions that hold in memory and are still to be written. */
  #owed: string[] = [];
  #running = false;
  #writing = false;
  #failing = false;
  #retry: Timer | undefined;
  #closed: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(settings: Settings, log: SegmentLog, options: ClientOptions) {
    this.#settings = settings;
    this.#log = log;
    this.#options = options;
    this.#compaction = new Compaction(log, options, (key) => this.#lose(key));
    if (this.#compaction.wanted) this.#wake();
  }

  /** Bytes of all files. */
  get size(): number {
    return this.#log.size;
  }

  /** Bytes that are left when everything is written anew. */
  get live(): number {
    return this.#log.live;
  }

  async keys(): Promise<readonly string[]> {
    await this.#written();
    return [...this.#log.index.keys()];
  }

  async get(key: string): Promise<Buffer | undefined> {
    await this.#written();
    const entry = this.#log.index.get(key);
    if (entry === undefined) return undefined;
    const value = await this.#log.read(entry);
    if (value === undefined && this.#log.index.get(key) === entry) this.#lose(key);
    return value;
  }

  set(key: string, value: StorageValue): Promise<void> {
    return this.batch([[key, value]]);
  }

  delete(key: string): Promise<void> {
    return this.batch([[key, undefined]]);
  }

  batch(operations: readonly StorageOperation[]): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(new Error('storage is closed'));
    let deletes = true;
    for (const [, value] of operations) {
      if (value === undefined) continue;
      deletes = false;
      if (valueLength(value) > MAX_VALUE) return Promise.reject(new Error('value is too large'));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ operations, length: lengthOf(operations), deletes, resolve, reject });
      this.#wake();
    });
  }

  /** Writes all that is there now anew, in the background. */
  compact(): void {
    this.#compaction.all();
    this.#wake();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#retry?.cancel();
    if (this.#owed.length > 0) this.#wake();
    if (this.#running) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    try {
      await this.#log.close();
    } finally {
      this.#options.onClose();
    }
  }

  /** Resolves when all that was asked for is written or refused, so that what is read next is the latest. */
  #written(): Promise<void> | undefined {
    return this.#pending.length === 0 && !this.#writing ? undefined : this.batch([]);
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    this.#retry?.cancel();
    setImmediate(() => this.#run());
  }

  /** Every turn of the loop writes, refuses or moves something; a failure with nothing waiting ends it for a while. */
  async #run(): Promise<void> {
    let failed: boolean;
    do {
      failed = !(await this.#try(() => this.#writeGroup()));
      if (failed) this.#log.sealDead();
      if (!(await this.#try(() => this.#makeRoom(failed)))) failed = true;
    } while (this.#pending.length > 0 || (!failed && this.#closed === undefined && this.#compaction.wanted));
    this.#running = false;
    if (this.#closed !== undefined) this.#idle?.();
    else if (failed) this.#retry = this.#settings.clock.after(RETRY_MS, () => this.#wake());
  }

  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#fails(error);
      return false;
    }
  }

  async #makeRoom(failed: boolean): Promise<void> {
    await this.#log.dropDead();
    if (!failed && this.#closed === undefined) await this.#compaction.step();
  }

  /** Writes what waits. A batch that cannot be written is refused as if it had never been asked for. */
  async #writeGroup(): Promise<void> {
    const group = this.#takeGroup();
    const owed = this.#owed.map((key): StorageOperation[] => [[key, undefined]]);
    this.#writing = true;
    try {
      const batches = [...owed, ...group.map((batch) => batch.operations)];
      await this.#log.write(batches);
      if (batches.some((operations) => operations.length > 0)) this.#works();
      this.#owed = [];
      for (const batch of group) batch.resolve();
    } catch (error) {
      for (const batch of group) this.#refuse(batch, error);
      throw error;
    } finally {
      this.#writing = false;
    }
  }

  /** The oldest batches that fit into one write; those for which there is no room are refused. */
  #takeGroup(): Batch[] {
    const { maxSize, segmentSize } = this.#options;
    // one segment of room is for compaction
    const room = maxSize === 0 ? Number.POSITIVE_INFINITY : maxSize - segmentSize - this.#log.size;
    const group: Batch[] = [];
    let length = 0;
    let taken = 0;
    for (const batch of this.#pending) {
      if (length > 0 && length + batch.length > MAX_GROUP) break;
      taken++;
      if (!batch.deletes && length + batch.length > room) {
        batch.reject(new Error('storage is full: its files have the size of max_size'));
      } else {
        group.push(batch);
        length += batch.length;
      }
    }
    this.#pending = taken === this.#pending.length ? [] : this.#pending.slice(taken);
    return group;
  }

  /** Deletions hold all the same: when everything in a segment is deleted, removing it needs no room. */
  #refuse(batch: Batch, error: unknown): void {
    if (batch.deletes) {
      for (const [key] of batch.operations) {
        if (this.#log.index.has(key)) this.#owed.push(key);
        this.#log.delete(key);
      }
    }
    if (batch.operations.length === 0) batch.resolve();
    else batch.reject(error);
  }

  #lose(key: string): void {
    this.#log.delete(key);
    this.#options.onDamage();
  }

  #fails(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#settings.logger.error('Writing to the storage fails', { folder: this.#options.folder, error });
  }

  #works(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#settings.logger.info('Writing to the storage works again', { folder: this.#options.folder });
  }
}
