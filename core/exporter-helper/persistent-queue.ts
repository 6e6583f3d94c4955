import type { Host, Settings } from '../component.ts';
import type { QueueConfig } from '../config/sections/queue.ts';
import { PipelineError } from '../error.ts';
import type { Signal } from '../signal.ts';
import { openStorage, type StorageClient } from '../storage.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { Admission } from './admission.ts';
import type { Queue, QueueItem } from './queue.ts';
import { type Loaded, type Stored, StoredBacklog } from './stored-backlog.ts';
import { decodeRequest, encodeRequest, formatKey, parseKey, type StoredKey } from './stored-request.ts';
import { isShutdown } from './types.ts';

class PersistentItem implements QueueItem {
  readonly stored: Stored;
  readonly batch: Telemetry;
  readonly #queue: PersistentQueue;

  constructor(queue: PersistentQueue, { stored, batch }: Loaded) {
    this.#queue = queue;
    this.stored = stored;
    this.batch = batch;
  }

  done(error: PipelineError | undefined): void {
    this.#queue.leave(this.stored, error);
  }
}

/**
 * A queue in a storage extension. A batch is accepted when it is written, and deleted there when it is delivered or
 * given up, so whatever is there when a process starts is what it has to deliver; no index of it needs to be kept in
 * step. A batch that was under way when a process was killed is sent again.
 */
export class PersistentQueue implements Queue {
  readonly #settings: Settings;
  readonly #config: QueueConfig;
  readonly #signal: Signal;
  readonly #storage: string;
  readonly #admission: Admission;
  #client: StorageClient | undefined;
  #ready: () => void = () => {};
  readonly #backlog = new StoredBacklog(
    (stored) => this.#load(stored),
    () => this.#ready(),
  );
  #next = 0;
  #closed = false;

  constructor(settings: Settings, config: QueueConfig, signal: Signal, storage: string) {
    this.#settings = settings;
    this.#config = config;
    this.#signal = signal;
    this.#storage = storage;
    this.#admission = new Admission(config, settings.clock);
  }

  get size(): number {
    return this.#admission.size;
  }

  get capacity(): number {
    return this.#admission.capacity;
  }

  /** What is kept need not be delivered by this process. */
  get waiting(): number {
    return this.#closed ? 0 : this.#backlog.length + this.#admission.waiting;
  }

  async start(host: Host, ready: () => void): Promise<void> {
    this.#ready = ready;
    const { kind, name } = this.#settings;
    const client = await openStorage(host, this.#storage, { kind, id: name, name: this.#signal });
    this.#client = client;
    const left = (await client.keys()).flatMap((key) => parseKey(key) ?? []).sort((a, b) => a.index - b.index);
    if (left.length === 0) return;
    const items = left.reduce((sum, stored) => sum + stored.items, 0);
    this.#settings.logger.info('Found data in the storage that is still to be sent', { requests: left.length, items });
    for (const stored of left) {
      const size = { requests: 1, items: stored.items, bytes: stored.bytes }[this.#config.sizer];
      this.#admission.restore(size);
      this.#next = stored.index + 1;
      this.#backlog.push({ ...stored, key: formatKey(stored), size });
    }
  }

  offer(batch: Telemetry): void | Promise<void> {
    const size = this.#admission.sizeOf(batch);
    if (size === 0) {
      batch.release();
      return;
    }
    return this.#admission.enter(batch, size) ? this.#store(batch, size) : this.#storeLater(batch, size);
  }

  take(): QueueItem | undefined {
    const next = this.#closed ? undefined : this.#backlog.take();
    return next && new PersistentItem(this, next);
  }

  close(): void {
    this.#closed = true;
    this.#admission.close();
    this.#admission.refuseWaiters();
  }

  async end(): Promise<void> {
    await this.#backlog.close();
    await this.#client?.close();
  }

  /** Called by an item with its outcome. */
  leave(stored: Stored, error: PipelineError | undefined): void {
    if (isShutdown(error)) return;
    this.#forget(stored);
    this.#ready();
  }

  async #storeLater(batch: Telemetry, size: number): Promise<void> {
    try {
      await new Promise<void>((admit, refuse) => this.#admission.wait({ batch, size, admit, refuse }));
    } catch (error) {
      batch.release();
      throw error;
    }
    await this.#store(batch, size);
  }

  /** The room for it is taken already. */
  async #store(batch: Telemetry, size: number): Promise<void> {
    const id: StoredKey = { index: this.#next++, items: batch.items, bytes: batch.byteLength };
    const stored: Stored = { ...id, key: formatKey(id), size };
    try {
      await this.#client?.set(stored.key, encodeRequest(batch));
    } catch (error) {
      batch.release();
      this.#admission.leave(size);
      throw new PipelineError(`cannot write to the sending queue: ${(error as Error).message}`, { cause: error });
    }
    this.#backlog.push(stored, batch);
  }

  /** Undefined where it cannot be read; then it is no longer in the queue. */
  async #load(stored: Stored): Promise<Telemetry | undefined> {
    let value: Buffer | undefined;
    try {
      value = await this.#client?.get(stored.key);
    } catch (error) {
      const fields = { error, items: stored.items };
      this.#settings.logger.error(
        'Waiting data cannot be read now. It stays in the storage until the next start.',
        fields,
      );
      this.#admission.leave(stored.size);
      return undefined;
    }
    try {
      if (value === undefined) throw new Error('the stored value is damaged');
      return decodeRequest(this.#signal, stored, value);
    } catch (error) {
      const fields = { error, dropped_items: stored.items };
      this.#settings.logger.error('Waiting data cannot be read from the storage. Dropping data.', fields);
      this.#forget(stored);
      return undefined;
    }
  }

  /** No longer to be delivered. Where that cannot be written, the storage says so, and the batch is sent again. */
  #forget(stored: Stored): void {
    this.#client?.delete(stored.key).catch(() => {});
    this.#admission.leave(stored.size);
  }
}
