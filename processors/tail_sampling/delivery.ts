import type { Settings } from '../../core/component.ts';
import type { Consumer } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import { Outbox } from '../../core/stream/outbox.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { TailSamplingMetrics } from './metrics.ts';

/** Hands sampled spans on; what becomes of those that are refused is its own affair. */
export interface Delivery {
  /** The next component did not take what waits. */
  readonly isRefused: boolean;
  /** Batches wait, or are being handed on: what comes meanwhile has to wait too. */
  readonly isBusy: boolean;
  /** See Checkpointed. */
  readonly settled: Promise<void> | undefined;
  /** What was not accepted yet, in order. */
  readonly waiting: readonly Telemetry[];
  /** Hands on the batch after those before it; never rejects. */
  send(batch: Telemetry): void | Promise<void>;
  /** Undefined where nothing waits. Otherwise tries again, and rejects where it is still refused. */
  ready(): Promise<void> | undefined;
  /** Adds a batch to those that wait. */
  push(batch: Telemetry): void;
  /** Gives up what waits. */
  abandon(): void;
}

type Lost = (spans: number, error: unknown) => void;

/** Counts and logs what is refused for good. */
export function losses({ logger }: Settings, metrics: TailSamplingMetrics): Lost {
  return (spans, error) => {
    metrics.lost(spans);
    logger.warn('Error sending spans to destination', { error: (error as Error).message, lost_spans: spans });
  };
}

/** For spans that were accepted long ago and that nobody keeps: what is refused is lost. */
export class OneAttempt implements Delivery {
  readonly isRefused = false;
  readonly isBusy = false;
  readonly settled = undefined;
  readonly waiting = [];
  readonly #next: Consumer;
  readonly #lost: Lost;

  constructor(next: Consumer, lost: Lost) {
    this.#next = next;
    this.#lost = lost;
  }

  send(batch: Telemetry): void | Promise<void> {
    const { items } = batch;
    try {
      return this.#next.consume(batch)?.catch((error: unknown) => this.#lost(items, error));
    } catch (error) {
      this.#lost(items, error);
    }
  }

  ready(): undefined {}

  push(batch: Telemetry): void {
    batch.release();
  }

  abandon(): void {}
}

/** For spans that are part of snapshots: what is refused for now waits, in order, until it is taken. */
export class UntilAccepted implements Delivery {
  isRefused = false;
  readonly #next: Consumer;
  readonly #settings: Settings;
  readonly #partition: string;
  readonly #queue: Outbox;

  constructor(next: Consumer, lost: Lost, settings: Settings, partition: string) {
    this.#next = next;
    this.#settings = settings;
    this.#partition = partition;
    this.#queue = new Outbox((batch, error) => lost(batch.items, error));
  }

  get isBusy(): boolean {
    return !this.#queue.isEmpty;
  }

  get settled(): Promise<void> | undefined {
    return this.#queue.draining?.catch(() => {});
  }

  get waiting(): readonly Telemetry[] {
    return this.#queue.waiting.map(({ batch }) => batch);
  }

  send(batch: Telemetry): void | Promise<void> {
    this.push(batch);
    try {
      const pending = this.#queue.drain();
      if (pending === undefined) this.#accepted();
      else {
        return pending.then(
          () => this.#accepted(),
          (error: unknown) => this.#refused(error),
        );
      }
    } catch (error) {
      this.#refused(error);
    }
  }

  ready(): Promise<void> | undefined {
    return this.isBusy ? this.#drained() : undefined;
  }

  push(batch: Telemetry): void {
    this.#queue.push({ to: this.#next, batch });
  }

  abandon(): void {
    for (const { batch } of this.#queue.clear()) batch.release();
  }

  async #drained(): Promise<void> {
    try {
      while (this.isBusy) await this.#queue.drain();
    } catch (error) {
      this.#refused(error);
      throw error;
    }
    this.#accepted();
  }

  #accepted(): void {
    if (this.isRefused) this.#settings.logger.info('Spans are taken again', { partition: this.#partition });
    this.isRefused = false;
  }

  #refused(error: unknown): void {
    const fields = { partition: this.#partition, error: PipelineError.from(error).message };
    if (!this.isRefused) this.#settings.logger.warn('Spans were refused for now, the partition waits', fields);
    this.isRefused = true;
  }
}
