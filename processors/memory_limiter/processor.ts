import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { Limiter } from '../../core/memory-limiter/limiter.ts';
import { type Memory, processMemory } from '../../core/memory-limiter/memory.ts';
import type { Counter } from '../../core/meter.ts';
import { ITEM_NAME, type Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';

/** Words and units of the collector's metrics. */
const ITEM: Readonly<Record<Signal, { readonly words: string; readonly unit: string }>> = {
  traces: { words: 'spans', unit: '{span}' },
  metrics: { words: 'metric points', unit: '{datapoint}' },
  logs: { words: 'log records', unit: '{record}' },
};

/** Passes data on while there is memory for it and refuses it, for the sender to try again, while there is not. */
export class MemoryLimiter implements Processor {
  readonly #limiter: Limiter;
  readonly #next: Consumer;
  readonly #settings: Settings;
  #accepted: Counter | undefined;
  #refused: Counter | undefined;
  #running = false;

  constructor(settings: Settings, config: Config, next: Consumer, memory: () => Memory = processMemory) {
    this.#settings = settings;
    this.#next = next;
    this.#limiter = settings.shared(() => new Limiter(config, memory(), settings.clock, settings.logger));
  }

  start(): void {
    this.#running = true;
    this.#limiter.start();
  }

  consume(batch: Telemetry): void | Promise<void> {
    if (this.#limiter.refusing) {
      this.#refused ??= this.#counter(batch.signal, 'refused', 'that were rejected by');
      this.#refused.add(batch.items);
      batch.release();
      throw new PipelineError('data refused due to high memory usage');
    }
    this.#accepted ??= this.#counter(batch.signal, 'accepted', 'successfully pushed into');
    this.#accepted.add(batch.items);
    return this.#next.consume(batch);
  }

  shutdown(): void {
    if (this.#running) this.#limiter.stop();
    this.#running = false;
  }

  #counter(signal: Signal, outcome: string, verb: string): Counter {
    const { words, unit } = ITEM[signal];
    const name = `otelcol_processor_memory_limiter_${outcome}_${ITEM_NAME[signal]}`;
    const description = `Number of ${words} ${verb} the next component in the pipeline. [Alpha]`;
    return this.#settings.meter.counter({ name, description, unit }, { processor: this.#settings.name });
  }
}
