import type { Timer } from '../../../core/clock.ts';
import type { Consumer, Processor, Settings } from '../../../core/component.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';

/** Hands every batch on as it is. What passed since the last line is logged at shutdown too. */
export class ItemsLogProcessor implements Processor {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  #timer: Timer | undefined;
  #items = 0;

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
  }

  start(): void {
    this.#timer = this.#settings.clock.every(this.#config.every, () => this.#log());
  }

  consume(batch: Telemetry): void | Promise<void> {
    this.#items += batch.items;
    return this.#next.consume(batch);
  }

  shutdown(): void {
    this.#timer?.cancel();
    this.#log();
  }

  #log(): void {
    if (this.#items === 0) return;
    this.#settings.logger.info('Items passed', { items: this.#items });
    this.#items = 0;
  }
}
