import type { Host, Settings } from '../component.ts';
import type { QueueConfig } from '../config/sections/queue.ts';
import { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { Batcher } from './batcher.ts';
import { Fifo } from './fifo.ts';
import type { LaneHealth } from './health.ts';
import type { ExporterMetrics } from './metrics.ts';
import type { Done } from './outcome.ts';
import type { Queue } from './queue.ts';
import type { Sender } from './sender.ts';
import { isShutdown, QueueFullError } from './types.ts';

interface Export {
  readonly batch: Telemetry;
  readonly done: Done;
}

/** Queue → (batcher) → at most `num_consumers` exports at a time, for one signal. */
export class QueueSender {
  readonly #settings: Settings;
  readonly #config: QueueConfig;
  readonly #metrics: ExporterMetrics;
  readonly #health: LaneHealth;
  readonly #sender: Sender;
  readonly #advice: string;
  readonly #queue: Queue;
  readonly #batcher: Batcher | undefined;
  /** Formed batches for which no consumer is free; while there are any, the queue is not read. */
  readonly #backlog = new Fifo<Export>();
  /** What was refused since the queue became full. */
  #rejected = { requests: 0, items: 0 };
  #pumping = false;
  #pumpAgain = false;
  #closing = false;
  #drained: (() => void) | undefined;

  constructor(
    settings: Settings,
    config: QueueConfig,
    queue: Queue,
    metrics: ExporterMetrics,
    health: LaneHealth,
    sender: Sender,
    advice: string,
  ) {
    this.#settings = settings;
    this.#config = config;
    this.#queue = queue;
    this.#metrics = metrics;
    this.#health = health;
    this.#sender = sender;
    this.#advice = advice;
    this.#batcher =
      config.batch && new Batcher(config.batch, settings.clock, (batch, done) => this.#submit({ batch, done }));
    metrics.observeQueue(this.#queue);
  }

  async start(host: Host): Promise<void> {
    await this.#queue.start(host, () => this.#pump());
  }

  offer(batch: Telemetry): void | Promise<void> {
    const { items } = batch;
    this.#metrics.offered(batch);
    const refuse = (caught: unknown): never => {
      this.#metrics.enqueueFailed(items);
      const error = PipelineError.from(caught);
      if (error instanceof QueueFullError) this.#refused(error, items);
      throw error;
    };
    try {
      return this.#queue.offer(batch)?.catch(refuse);
    } catch (error) {
      refuse(error);
    }
  }

  /** Refuses new batches. */
  close(): void {
    this.#queue.close();
  }

  /** Resolves when every accepted batch has its outcome, or is kept for the next start. */
  async shutdown(): Promise<void> {
    this.#queue.close();
    this.#closing = true;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.#pump();
    await drained;
    this.#hasRoomAgain();
    await this.#queue.end();
  }

  /** Moves on what can move. A call from within (an export that ends at once) makes the loop turn again. */
  #pump(): void {
    this.#pumpAgain = true;
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#pumpAgain) {
      this.#pumpAgain = false;
      this.#sendBacklog();
      this.#readQueue();
      if (this.#closing) this.#batcher?.flushAll();
    }
    this.#pumping = false;
    if (this.#closing && this.#queue.waiting + this.#backlog.length + this.#sender.inFlight === 0) this.#drained?.();
  }

  #readQueue(): void {
    while (this.#backlog.length === 0) {
      const item = this.#queue.take();
      if (item === undefined) return;
      if (this.#batcher === undefined) this.#submit({ batch: item.batch, done: item });
      else this.#batcher.add(item);
    }
  }

  #submit(work: Export): void {
    this.#backlog.push(work);
    this.#sendBacklog();
  }

  #sendBacklog(): void {
    while (this.#sender.inFlight < this.#config.num_consumers) {
      const work = this.#backlog.shift();
      if (work === undefined) return;
      const { items } = work.batch;
      this.#sender.send(work.batch, {
        done: (error, failed = items) => this.#exported(work.done, failed, error),
      });
    }
  }

  #exported(done: Done, items: number, error: PipelineError | undefined): void {
    if (error !== undefined) this.#logFailure(error, items);
    done.done(error);
    if (this.#health.queueIsFull && this.#queue.size * 2 <= this.#queue.capacity) this.#hasRoomAgain();
    this.#pump();
  }

  /** A full queue refuses batch after batch; the log tells of the first one, and at the end how many there were. */
  #refused(error: PipelineError, items: number): void {
    if (!this.#health.queueIsFull) {
      const fields = { error: error.text, rejected_items: items };
      this.#settings.logger.error(`Exporting failed. Rejecting data.${this.#advice}`, fields);
    }
    this.#rejected.requests++;
    this.#rejected.items += items;
    this.#health.queueIsFull = true;
  }

  /** Not before it is half empty: at its limit a queue lets in one batch and refuses the next, in turns. */
  #hasRoomAgain(): void {
    if (!this.#health.queueIsFull) return;
    const { requests, items } = this.#rejected;
    const fields = { rejected_requests: requests, rejected_items: items };
    this.#settings.logger.info('The sending queue has room again.', fields);
    this.#rejected = { requests: 0, items: 0 };
    this.#health.queueIsFull = false;
  }

  #logFailure(error: PipelineError, items: number): void {
    const { logger } = this.#settings;
    if (this.#config.storage !== undefined && isShutdown(error)) {
      logger.info('Exporting was interrupted. The data is kept in the storage.', { error: error.text, items });
    } else {
      logger.error(`Exporting failed. Dropping data.${this.#advice}`, {
        error: error.text,
        dropped_items: items,
      });
    }
  }
}
