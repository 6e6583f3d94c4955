import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { encodeTree } from '../../core/otlp/tree.ts';
import { metricsTree, toOtlpJson } from './otlp-payload.ts';
import { type OtlpSender, otlpSender } from './otlp-sender.ts';
import type { Registry } from './registry.ts';
import type { PeriodicReaderSettings } from './types.ts';

export interface PeriodicReaderContext {
  readonly registry: Registry;
  readonly resource: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly userAgent: string;
  /** Where the console exporter prints. */
  readonly print: (line: string) => void;
}

/** Exports all metrics each interval, and once more when it is closed. What cannot be sent is told and dropped. */
export class PeriodicReader {
  readonly #context: PeriodicReaderContext;
  readonly #settings: PeriodicReaderSettings;
  readonly #sender: OtlpSender | undefined;
  readonly #start: bigint;
  readonly #timer: Timer;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(context: PeriodicReaderContext, settings: PeriodicReaderSettings) {
    const { otlp } = settings.exporter;
    this.#context = context;
    this.#settings = settings;
    this.#start = context.clock.nowNanos();
    this.#sender = otlp === undefined ? undefined : otlpSender('metrics', otlp, context.userAgent);
    if (otlp?.temporality_preference === 'delta' || otlp?.temporality_preference === 'lowmemory') {
      context.logger.warn('Own metrics are exported as cumulative values, whatever temporality is preferred');
    }
    this.#timer = context.clock.every(settings.interval, () => {
      // a slow server gets the next export at the next interval, not two at a time
      this.#running ??= this.#export().finally(() => {
        this.#running = undefined;
      });
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    await this.#running;
    await this.#export();
    await this.#sender?.close();
  }

  async #export(): Promise<void> {
    const { registry, resource, clock, logger, print } = this.#context;
    const tree = metricsTree(registry.collect(), resource, this.#start, clock.nowNanos());
    const { otlp, console: printing } = this.#settings.exporter;
    if (printing !== undefined) print(toOtlpJson(tree));
    if (this.#sender === undefined) return;
    try {
      const payload = otlp?.protocol === 'http/json' ? Buffer.from(toOtlpJson(tree)) : encodeTree('metrics', tree);
      await this.#sender.send(payload, otlp?.timeout ?? this.#settings.timeout);
    } catch (error) {
      logger.error('Failed to export own metrics', { error });
    }
  }
}
