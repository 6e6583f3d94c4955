import type { Timer } from '../../clock.ts';
import type { Discoverer, DiscoveryEnvironment, TargetGroup } from './target-group.ts';

export interface RefreshOptions {
  /** What is refreshed, for the log: `url`, `names` … */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly intervalMs: number;
  /** Groups that are there now, and empty ones for those that are no more. Rejects where nothing is known. */
  readonly refresh: (abort: AbortSignal) => Promise<readonly TargetGroup[]>;
}

/** A discoverer that asks again and again. Where an answer fails, what was found before stays. */
export class RefreshDiscoverer implements Discoverer {
  readonly #options: RefreshOptions;
  readonly #environment: DiscoveryEnvironment;
  readonly #closed = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #fault = '';

  constructor(options: RefreshOptions, environment: DiscoveryEnvironment) {
    this.#options = options;
    this.#environment = environment;
  }

  run(update: (groups: readonly TargetGroup[]) => void): void {
    if (this.#closed.signal.aborted) return;
    this.#timer = this.#environment.clock.every(this.#options.intervalMs, () => this.#next(update));
    this.#next(update);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#closed.abort();
    await this.#running;
  }

  /** A refresh that takes longer than the interval is not overtaken by the next. */
  #next(update: (groups: readonly TargetGroup[]) => void): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#running = this.#refresh(update).finally(() => {
      this.#busy = false;
    });
  }

  async #refresh(update: (groups: readonly TargetGroup[]) => void): Promise<void> {
    const { logger } = this.#environment;
    const { signal } = this.#closed;
    try {
      const groups = await this.#options.refresh(signal);
      if (signal.aborted) return;
      if (this.#fault !== '') logger.info('Targets are found again', this.#options.fields);
      this.#fault = '';
      if (groups.length > 0) update(groups);
    } catch (error) {
      const { message } = error as Error;
      if (signal.aborted || message === this.#fault) return;
      this.#fault = message;
      logger.error('Unable to refresh target groups, those found before stay', { ...this.#options.fields, error });
    }
  }
}
