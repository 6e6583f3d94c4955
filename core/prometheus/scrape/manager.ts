import type { Timer } from '../../clock.ts';
import { discoverersOf } from '../discovery/config.ts';
import type { Discoverer, TargetGroup } from '../discovery/target-group.ts';
import { PrometheusHttpClient } from '../http-client-config/client.ts';
import type { FailureLog } from './failure-log.ts';
import type { Job } from './job.ts';
import { type PoolSettings, ScrapePool } from './pool.ts';

/** Targets that discovery changes all the time are taken over so often. */
const SYNC_MS = 1000;

export interface JobSettings extends Omit<PoolSettings, 'failureLog'> {
  readonly random: () => number;
  readonly userAgent: string;
}

/** Finds and scrapes the targets of one job. */
export class JobRunner {
  readonly #settings: JobSettings;
  readonly #client: PrometheusHttpClient;
  readonly #pool: ScrapePool;
  readonly #discoverers: readonly Discoverer[];
  /** What each discoverer found, by source. */
  readonly #found: Map<string, TargetGroup>[];
  #timer: Timer | undefined;
  #synced = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(job: Job, settings: JobSettings, failureLog: FailureLog | undefined) {
    const { clock, random, userAgent } = settings;
    const logger = settings.logger.with({ scrape_pool: job.job });
    this.#settings = settings;
    this.#client = new PrometheusHttpClient(job.client, { clock, userAgent });
    this.#pool = new ScrapePool(job, this.#client, { ...settings, logger, failureLog });
    this.#discoverers = discoverersOf(job.config, { clock, logger, random, userAgent });
    this.#found = this.#discoverers.map(() => new Map());
  }

  get pool(): ScrapePool {
    return this.#pool;
  }

  /** Throws where certificates cannot be read. */
  start(): void {
    this.#client.start();
    for (const [i, discoverer] of this.#discoverers.entries()) void this.#run(i, discoverer);
  }

  async stop(final: boolean): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await Promise.all(this.#discoverers.map((discoverer) => discoverer.close()));
    await this.#pool.stop(final);
  }

  async #run(index: number, discoverer: Discoverer): Promise<void> {
    try {
      await discoverer.run((groups) => this.#update(index, groups));
    } catch (error) {
      this.#settings.logger.error('service discovery failed', { error });
    }
  }

  #update(index: number, groups: readonly TargetGroup[]): void {
    if (this.#stopped) return;
    const found = this.#found[index] as Map<string, TargetGroup>;
    for (const group of groups) {
      if (group.targets.length === 0) found.delete(group.source);
      else found.set(group.source, group);
    }
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#synced + SYNC_MS - this.#settings.clock.monotonic());
    this.#timer = this.#settings.clock.after(wait, () => {
      this.#timer = undefined;
      this.#synced = this.#settings.clock.monotonic();
      this.#pool.sync(this.#found.flatMap((bySource) => [...bySource.values()]));
    });
  }
}
