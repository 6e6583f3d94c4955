import type { Clock } from '../clock.ts';
import type { Host } from '../component.ts';
import type { QueueConfig } from '../config/sections/queue.ts';
import type { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { Admission } from './admission.ts';
import { Fifo } from './fifo.ts';
import { type Done, Outcome } from './outcome.ts';

/** A batch that waits. It counts in the size of the queue until `done`; `batch` goes to whoever takes the item. */
export interface QueueItem extends Done {
  readonly batch: Telemetry;
}

/** Where batches wait between acceptance and export. */
export interface Queue {
  /** In units of the sizer, what is being exported included. */
  readonly size: number;
  readonly capacity: number;
  /** Items that `take` still has to give; after `close` those that this process must deliver before it ends. */
  readonly waiting: number;
  /** `ready` is called whenever `take` may have something to give. */
  start(host: Host, ready: () => void): void | Promise<void>;
  /** Takes over the batch; returns when it is kept safe, throws or rejects when it is refused. */
  offer(batch: Telemetry): void | Promise<void>;
  take(): QueueItem | undefined;
  /** Refuses from now on. Callers that already wait for space are still served, or refused where the queue is kept. */
  close(): void;
  /** Called when the last item that was taken is done. */
  end(): void | Promise<void>;
}

class MemoryItem implements QueueItem {
  readonly batch: Telemetry;
  readonly size: number;
  /** Where the caller waits for the result of the export. */
  readonly outcome: Outcome | undefined;
  readonly #queue: MemoryQueue;

  constructor(queue: MemoryQueue, batch: Telemetry, size: number, outcome: Outcome | undefined) {
    this.#queue = queue;
    this.batch = batch;
    this.size = size;
    this.outcome = outcome;
  }

  done(error: PipelineError | undefined): void {
    this.#queue.leave(this, error);
  }
}

/**
 * A queue in memory. Its memory is bounded by `queue_size`: exactly with the sizer `bytes`, else by that many requests
 * or items of the size that the receivers admit. What waits for room with `block_on_overflow` has a bound of its own.
 */
export class MemoryQueue implements Queue {
  readonly #waitsForResult: boolean;
  readonly #admission: Admission;
  readonly #items = new Fifo<MemoryItem>();
  #ready: () => void = () => {};

  constructor(config: QueueConfig, clock: Clock) {
    this.#waitsForResult = config.wait_for_result;
    this.#admission = new Admission(config, clock);
  }

  get size(): number {
    return this.#admission.size;
  }

  get capacity(): number {
    return this.#admission.capacity;
  }

  get waiting(): number {
    return this.#items.length + this.#admission.waiting;
  }

  start(_host: Host, ready: () => void): void {
    this.#ready = ready;
  }

  offer(batch: Telemetry): void | Promise<void> {
    const size = this.#admission.sizeOf(batch);
    if (size === 0) {
      batch.release();
      return;
    }
    const item = new MemoryItem(this, batch, size, this.#waitsForResult ? new Outcome() : undefined);
    if (!this.#admission.enter(batch, size)) return this.#offerLater(item);
    this.#items.push(item);
    this.#ready();
    return item.outcome?.result();
  }

  take(): QueueItem | undefined {
    return this.#items.shift();
  }

  close(): void {
    this.#admission.close();
  }

  end(): void {}

  /** Called by an item with its outcome. */
  leave(item: MemoryItem, error: PipelineError | undefined): void {
    item.outcome?.done(error);
    this.#admission.leave(item.size);
    this.#ready();
  }

  #offerLater(item: MemoryItem): Promise<void> {
    const { batch, size } = item;
    return new Promise<void>((resolve, reject) => {
      const admit = () => {
        this.#items.push(item);
        resolve(item.outcome?.result());
      };
      const refuse = (error: PipelineError) => {
        batch.release();
        reject(error);
      };
      this.#admission.wait({ batch, size, admit, refuse });
    });
  }
}
