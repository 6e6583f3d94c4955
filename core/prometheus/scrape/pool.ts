import type { Clock, Timer } from '../../clock.ts';
import type { TargetGroup } from '../discovery/target-group.ts';
import type { PrometheusHttpClient } from '../http-client-config/client.ts';
import type { AppendOptions } from './appender.ts';
import type { Job } from './job.ts';
import { type LoopSettings, ScrapeLoop } from './loop.ts';
import { Scraper } from './scrape.ts';
import { type Target, targetsOf } from './target.ts';
import { TargetCache } from './target-cache.ts';

export interface PoolSettings extends LoopSettings {
  /** Shifts all scrapes, so that several processes do not scrape at the same time; in [0, 1). */
  readonly offset: number;
  readonly ignoresScopeInfo: boolean;
  readonly startTimestamps: boolean;
  /** See KeyWriter. */
  readonly seed: number;
}

interface Active {
  readonly loop: ScrapeLoop;
  readonly cache: TargetCache;
}

/** A scrape that is under way gets so long to come to its end when everything stops. */
const GRACE_MS = 3000;

/** The targets of one job. */
export class ScrapePool {
  readonly #job: Job;
  readonly #client: PrometheusHttpClient;
  readonly #settings: PoolSettings;
  readonly #clock: Clock;
  readonly #active = new Map<string, Active>();
  /** Targets that are gone, until their series are marked as stale. */
  readonly #leaving = new Map<string, Active & { readonly timer: Timer | undefined }>();
  #closed = false;

  constructor(job: Job, client: PrometheusHttpClient, settings: PoolSettings) {
    this.#job = job;
    this.#client = client;
    this.#settings = settings;
    this.#clock = settings.clock;
  }

  /** The ids of the targets that are scraped. */
  get targets(): readonly Target[] {
    return [...this.#active.values()].map(({ loop }) => loop.target);
  }

  /** From now on these are the targets. Those that stay are scraped on as before. */
  sync(groups: Iterable<TargetGroup>): void {
    if (this.#closed) return;
    const wanted = this.#wanted(groups);
    for (const [id, active] of this.#active) if (!wanted.has(id)) this.#remove(id, active);
    for (const [id, target] of wanted) {
      const active = this.#active.get(id);
      if (active === undefined) this.#add(target);
      else active.loop.target = target;
    }
    const { targetLimit } = this.#job;
    const count = this.#active.size;
    const error =
      targetLimit > 0 && count > targetLimit
        ? new Error(`target_limit exceeded (number of targets: ${count}, limit: ${targetLimit})`)
        : undefined;
    for (const { loop } of this.#active.values()) loop.forcedError = error;
  }

  /** `final`: every target is scraped once more. */
  async stop(final: boolean): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#leaving.values()) timer?.cancel();
    const loops = [...this.#active.values(), ...this.#leaving.values()].map(({ loop }) => loop);
    const grace = this.#clock.after(GRACE_MS, () => {
      for (const loop of loops) loop.abort();
    });
    await Promise.all(loops.map((loop) => loop.stop(final)));
    grace.cancel();
    await Promise.all(loops.map((loop) => loop.idle()));
    this.#active.clear();
    this.#leaving.clear();
    this.#client.close();
  }

  #wanted(groups: Iterable<TargetGroup>): ReadonlyMap<string, Target> {
    const { logger } = this.#settings;
    const wanted = new Map<string, Target>();
    for (const group of groups) {
      const fault = (error: string) => logger.error('Creating target failed', { error, scrape_pool: this.#job.job });
      for (const target of targetsOf(group, this.#job, fault)) {
        if (!wanted.has(target.id)) wanted.set(target.id, target);
      }
    }
    return wanted;
  }

  #add(target: Target): void {
    const left = this.#leaving.get(target.id);
    left?.timer?.cancel();
    this.#leaving.delete(target.id);
    // a target that comes back goes on where it was
    const cache = left?.cache ?? this.#cache(target);
    const scraper = new Scraper(this.#job, target, cache, this.#client, this.#options(target), this.#clock);
    const loop = new ScrapeLoop(this.#job, target, cache, scraper, this.#settings);
    this.#active.set(target.id, { loop, cache });
    const begin = () => {
      if (!this.#closed && this.#active.get(target.id)?.loop === loop) loop.start(this.#settings.offset);
    };
    if (left === undefined) begin();
    else void left.loop.idle().then(begin);
  }

  #remove(id: string, { loop, cache }: Active): void {
    this.#active.delete(id);
    const stopped = loop.stop(false);
    const leaving = { loop, cache, timer: undefined };
    this.#leaving.set(id, leaving);
    void stopped.then(() => {
      if (this.#closed || this.#leaving.get(id) !== leaving) return;
      const timer = loop.scheduleStale(() => this.#leaving.delete(id));
      if (timer === undefined) this.#leaving.delete(id);
      else this.#leaving.set(id, { loop, cache, timer });
    });
  }

  #cache(target: Target): TargetCache {
    const { logger, ignoresScopeInfo, seed } = this.#settings;
    const label = (wanted: string) => target.labels.find(([name]) => name === wanted)?.[1] ?? '';
    return new TargetCache({
      rules: this.#rules(target),
      externalLabels: this.#job.externalLabels,
      job: label('job'),
      instance: label('instance'),
      ignoresScopeInfo,
      logger,
      seed,
    });
  }

  #rules(target: Target): AppendOptions['rules'] {
    return { target: target.labels, honorLabels: this.#job.honorLabels, relabel: this.#job.metricRelabel };
  }

  #options(target: Target): AppendOptions {
    const { names: scheme, labelLimits, sampleLimit, bucketLimit, maxSchema } = this.#job;
    return {
      rules: this.#rules(target),
      scheme,
      labelLimits,
      sampleLimit,
      bucketLimit,
      maxSchema,
      honorTimestamps: this.#job.honorTimestamps,
      trackTimestamps: this.#job.trackTimestamps,
      startTimestamps: this.#settings.startTimestamps,
    };
  }
}
