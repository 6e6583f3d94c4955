import type { Clock, Timer } from '../../core/clock.ts';
import type { Exporter, Host } from '../../core/component.ts';
import type { BatchConfig } from '../../core/config/sections/queue.ts';
import { PipelineError } from '../../core/error.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../../core/telemetry/context.ts';
import { Joiner } from '../../core/telemetry/joiner.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/**
 * Joins requests before they go into a queue on disk. The senders wait until the joined batch is stored. A batch that
 * is stored as one is sent as one, after a crash as well, which is what an insert is known again by; batches that are
 * made of stored requests would then begin and end elsewhere.
 */
export function batchedIntake(exporter: Exporter, config: BatchConfig, clock: Clock): Exporter {
  return new BatchedIntake(exporter, config, clock);
}

interface Open {
  readonly joiner: Joiner;
  readonly context: RequestContext;
  readonly timer: Timer;
  readonly stored: PromiseWithResolvers<void>;
}

class BatchedIntake implements Exporter {
  readonly #exporter: Exporter;
  readonly #config: BatchConfig;
  readonly #clock: Clock;
  readonly #keys: readonly string[];
  /** One for each signal and each combination of metadata that batches are to be apart for. */
  readonly #open = new Map<string, Open>();
  #closed = false;

  constructor(exporter: Exporter, config: BatchConfig, clock: Clock) {
    this.#exporter = exporter;
    this.#config = config;
    this.#clock = clock;
    this.#keys = config.partition.metadata_keys.map((key) => key.toLowerCase());
  }

  async start(host: Host): Promise<void> {
    await this.#exporter.start(host);
  }

  consume(batch: Telemetry): Promise<void> {
    if (this.#closed) {
      batch.release();
      return Promise.reject(new PipelineError('the exporter has been shut down'));
    }
    const key = this.#keyOf(batch);
    const size = this.#size(batch);
    const { max_size: max, min_size: min } = this.#config;
    const before = this.#open.get(key);
    if (before !== undefined && max > 0 && this.#size(before.joiner) + size > max) this.#flush(key, before);
    const open = this.#open.get(key) ?? this.#begin(key, this.#contextOf(batch));
    open.joiner.add(batch);
    if (this.#size(open.joiner) >= min) this.#flush(key, open);
    return open.stored.promise;
  }

  async shutdown(): Promise<void> {
    this.#closed = true;
    const waiting = [...this.#open.values()].map(({ stored }) => stored.promise);
    for (const [key, open] of [...this.#open]) this.#flush(key, open);
    await Promise.allSettled(waiting);
    await this.#exporter.shutdown();
  }

  #begin(key: string, context: RequestContext): Open {
    const stored = Promise.withResolvers<void>();
    const timer = this.#clock.after(this.#config.flush_timeout, () => this.#flush(key, open));
    const open: Open = { joiner: new Joiner(), context, timer, stored };
    this.#open.set(key, open);
    return open;
  }

  #flush(key: string, { joiner, context, timer, stored }: Open): void {
    timer.cancel();
    this.#open.delete(key);
    try {
      const accepted = this.#exporter.consume(joiner.finish(context));
      if (accepted === undefined) stored.resolve();
      else accepted.then(stored.resolve, stored.reject);
    } catch (error) {
      stored.reject(error);
    }
  }

  /** Of joined requests only the metadata is known that they have in common. */
  #contextOf({ context }: Telemetry): RequestContext {
    const metadata = new Map(this.#keys.map((key) => [key, context.metadata.get(key) ?? []]));
    return { ...EMPTY_CONTEXT, metadata };
  }

  #size(of: { readonly items: number; readonly byteLength: number }): number {
    return this.#config.sizer === 'bytes' ? of.byteLength : of.items;
  }

  #keyOf({ signal, context }: Telemetry): string {
    if (this.#keys.length === 0) return signal;
    return JSON.stringify([signal, ...this.#keys.map((key) => context.metadata.get(key) ?? [])]);
  }
}
