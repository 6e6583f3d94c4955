import type { Host } from '../component.ts';
import type { QueueConfig, Sizer } from '../config/sections/queue.ts';
import { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
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

const SIZE: Readonly<Record<Sizer, (batch: Telemetry) => number>> = {
  requests: () => 1,
  items: (batch) => batch.items,
  bytes: (batch) => batch.byteLength,
};

export function sizeOf(sizer: Sizer): (batch: Telemetry) => number {
  return SIZE[sizer];
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

interface Waiter {
  readonly item: MemoryItem;
  readonly admitted: (result: void | Promise<void>) => void;
}

/**
 * A queue in memory. Its memory is bounded by `queue_size`: exactly with the sizer `bytes`, else by that many requests
 * or items of the size that the receivers admit. With `block_on_overflow` each waiting caller holds one batch more.
 */
export class MemoryQueue implements Queue {
  readonly capacity: number;
  readonly #config: QueueConfig;
  readonly #sizeOf: (batch: Telemetry) => number;
  readonly #items = new Fifo<MemoryItem>();
  readonly #blocked = new Fifo<Waiter>();
  #size = 0;
  #closed = false;
  #ready: () => void = () => {};

  constructor(config: QueueConfig) {
    this.#config = config;
    this.capacity = config.queue_size;
    this.#sizeOf = sizeOf(config.sizer);
  }

  get size(): number {
    return this.#size;
  }

  get waiting(): number {
    return this.#items.length + this.#blocked.length;
  }

  start(_host: Host, ready: () => void): void {
    this.#ready = ready;
  }

  offer(batch: Telemetry): void | Promise<void> {
    const size = this.#sizeOf(batch);
    if (size === 0) {
      batch.release();
      return;
    }
    const refusal = this.#refusal(size);
    if (refusal !== undefined) {
      batch.release();
      throw new PipelineError(refusal);
    }
    const item = new MemoryItem(this, batch, size, this.#config.wait_for_result ? new Outcome() : undefined);
    if (this.#fits(size)) {
      this.#admit(item);
      this.#ready();
      return item.outcome?.result();
    }
    return new Promise((admitted) => this.#blocked.push({ item, admitted }));
  }

  take(): QueueItem | undefined {
    return this.#items.shift();
  }

  close(): void {
    this.#closed = true;
  }

  end(): void {}

  /** Called by an item with its outcome. */
  leave(item: MemoryItem, error: PipelineError | undefined): void {
    this.#size -= item.size;
    item.outcome?.done(error);
    for (let next = this.#blocked.peek(); next !== undefined && this.#hasRoom(next.item.size); ) {
      this.#blocked.shift();
      this.#admit(next.item);
      next.admitted(next.item.outcome?.result());
      next = this.#blocked.peek();
    }
    this.#ready();
  }

  #refusal(size: number): string | undefined {
    if (this.#closed) return 'sending queue is stopped';
    if (size > this.capacity) return 'element size too large';
    if (!this.#config.block_on_overflow && !this.#fits(size)) return 'sending queue is full';
    return undefined;
  }

  /** Whoever waits already goes first. */
  #fits(size: number): boolean {
    return this.#blocked.length === 0 && this.#hasRoom(size);
  }

  #hasRoom(size: number): boolean {
    return this.#size + size <= this.capacity;
  }

  #admit(item: MemoryItem): void {
    this.#size += item.size;
    this.#items.push(item);
  }
}
