import type { Exporter, Host, Settings } from '../component.ts';
import type { QueueConfig } from '../config/sections/queue.ts';
import { PipelineError } from '../error.ts';
import type { Signal } from '../signal.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { withDeadline } from './deadline.ts';
import { ExporterHealth, type LaneHealth } from './health.ts';
import { ExporterMetrics } from './metrics.ts';
import { Outcome } from './outcome.ts';
import { PersistentQueue } from './persistent-queue.ts';
import { MemoryQueue } from './queue.ts';
import { QueueSender } from './queue-sender.ts';
import { Sender } from './sender.ts';
import { type ExporterConfig, type ExporterOptions, type Push, QueueFullError } from './types.ts';

/**
 * An exporter around a push: queue (with batcher) → metrics → retry → timeout → push, each where the configuration has
 * it. Every signal has a queue of its own, as in the collector.
 */
export function exporterWith(
  settings: Settings,
  config: ExporterConfig,
  push: Push,
  options: ExporterOptions = {},
): Exporter {
  return new HelpedExporter(settings, config, push, options);
}

interface Lane {
  readonly metrics: ExporterMetrics;
  readonly sender: Sender;
  readonly queue: QueueSender | undefined;
}

class HelpedExporter implements Exporter {
  readonly #settings: Settings;
  readonly #options: ExporterOptions;
  readonly #advice: string;
  readonly #keepsQueue: boolean;
  readonly #lanes = new Map<Signal, Lane>();
  readonly #health = new ExporterHealth();
  #started = false;
  #shutdown: Promise<void> | undefined;

  constructor(settings: Settings, config: ExporterConfig, push: Push, options: ExporterOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#advice = adviceFor(config);
    this.#keepsQueue = config.sending_queue?.storage !== undefined;
    const timed = options.ownDeadline === true ? push : withDeadline(push, settings.clock);
    for (const signal of settings.signals) {
      const metrics = new ExporterMetrics(settings, signal, options.labels?.(signal) ?? {});
      const health = this.#health.lane();
      const sender = new Sender(settings, metrics, health, timed, config.timeout ?? 0, config.retry_on_failure);
      const queue = config.sending_queue && this.#queueFor(signal, config.sending_queue, metrics, health, sender);
      this.#lanes.set(signal, { metrics, sender, queue });
    }
  }

  async start(host: Host): Promise<void> {
    await this.#options.start?.(host);
    this.#health.start(host);
    for (const lane of this.#lanes.values()) await lane.queue?.start(host);
    this.#started = true;
  }

  consume(batch: Telemetry): void | Promise<void> {
    const lane = this.#lanes.get(batch.signal);
    if (lane === undefined || !this.#started || this.#shutdown !== undefined) {
      batch.release();
      throw new PipelineError(`exporter ${this.#settings.name} is not running`);
    }
    return lane.queue === undefined ? this.#sendNow(lane.sender, batch) : this.#enqueue(lane.queue, batch);
  }

  shutdown(): Promise<void> {
    this.#shutdown ??= this.#stop();
    return this.#shutdown;
  }

  #queueFor(
    signal: Signal,
    config: QueueConfig,
    metrics: ExporterMetrics,
    health: LaneHealth,
    sender: Sender,
  ): QueueSender {
    const { storage } = config;
    const queue =
      storage === undefined
        ? new MemoryQueue(config, this.#settings.clock)
        : new PersistentQueue(this.#settings, config, signal, storage);
    return new QueueSender(this.#settings, config, queue, metrics, health, sender, this.#advice);
  }

  #sendNow(sender: Sender, batch: Telemetry): void | Promise<void> {
    const { items } = batch;
    const outcome = new Outcome();
    sender.send(batch, {
      done: (error, failed = items) => {
        if (error !== undefined) this.#logRejection(error, failed);
        outcome.done(error);
      },
    });
    return outcome.result();
  }

  #enqueue(queue: QueueSender, batch: Telemetry): void | Promise<void> {
    const { items } = batch;
    const refuse = (error: unknown): never => {
      // the queue tells of it once, not for every batch
      if (!(error instanceof QueueFullError)) this.#logRejection(PipelineError.from(error), items);
      throw error;
    };
    try {
      return queue.offer(batch)?.catch(refuse);
    } catch (error) {
      refuse(error);
    }
  }

  #logRejection(error: PipelineError, items: number): void {
    this.#settings.logger.error(`Exporting failed. Rejecting data.${this.#advice}`, {
      error: error.text,
      rejected_items: items,
    });
  }

  /** Retries end first, so that all there is gets one attempt more and shutdown cannot take for ever. */
  async #stop(): Promise<void> {
    this.#health.stop();
    const lanes = [...this.#lanes.values()];
    for (const lane of lanes) {
      lane.queue?.close();
      lane.sender.stopRetries(this.#keepsQueue);
    }
    if (this.#started) await Promise.all(lanes.map((lane) => lane.queue?.shutdown() ?? lane.sender.idle()));
    for (const lane of lanes) lane.metrics.close();
    await this.#options.shutdown?.();
  }
}

function adviceFor(config: ExporterConfig): string {
  const retryOff = config.retry_on_failure?.enabled === false;
  const queueOff = 'sending_queue' in config && config.sending_queue === undefined;
  return (
    (retryOff ? ' Try enabling retry_on_failure config option to retry on retryable errors.' : '') +
    (queueOff ? ' Try enabling sending_queue to survive temporary failures.' : '')
  );
}
