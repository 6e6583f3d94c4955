import type { Extension, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { Limiter } from '../../core/memory-limiter/limiter.ts';
import { type Memory, processMemory } from '../../core/memory-limiter/memory.ts';
import type { ServerMiddleware } from '../../core/middleware.ts';
import { StatusCode } from '../../core/status-code.ts';
import type { Config } from './config.ts';

/** Refuses requests, before they are decoded, while memory is short. */
export class MemoryLimiterExtension implements Extension, ServerMiddleware {
  readonly #limiter: Limiter;
  #running = false;

  constructor({ clock, logger }: Settings, config: Config, memory: () => Memory = processMemory) {
    this.#limiter = new Limiter(config, memory(), clock, logger);
  }

  start(): void {
    this.#running = true;
    this.#limiter.start();
  }

  shutdown(): void {
    if (this.#running) this.#limiter.stop();
    this.#running = false;
  }

  admit(): void {
    if (!this.#limiter.refusing) return;
    throw new PipelineError('RESOURCE_EXHAUSTED', { code: StatusCode.RESOURCE_EXHAUSTED });
  }
}
