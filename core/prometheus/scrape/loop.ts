import type { Clock, Timer } from '../../clock.ts';
import type { Consumer } from '../../consumer.ts';
import { PipelineError } from '../../error.ts';
import type { Logger } from '../../logger.ts';
import type { RequestContext } from '../../telemetry/context.ts';
import { labelsText } from '../labels.ts';
import type { Appender } from './appender.ts';
import { encodeTransaction } from './encode.ts';
import type { FailureLog } from './failure-log.ts';
import type { Job } from './job.ts';
import { resourceAttributes } from './resource.ts';
import type { Scraped, Scraper } from './scrape.ts';
import type { Target } from './target.ts';
import type { TargetCache } from './target-cache.ts';
import type { Transaction } from './transaction.ts';

/** Timers fire a little late; so much is put right, so that samples of a target have the same distance. */
const TOLERANCE_MS = 2;

export interface LoopSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly next: Consumer;
  readonly context: RequestContext;
  /** Version of the scope of what comes without one. */
  readonly version: string;
  readonly trimSuffixes: boolean;
  /** Milliseconds added before the first scrape. */
  readonly initialOffset: number;
  readonly failureLog: FailureLog | undefined;
}

/** Scrapes one target again and again. */
export class ScrapeLoop {
  /** Set while the job has too many targets: scrapes fail with it. */
  forcedError: Error | undefined;
  /** The target as discovery found it last; what identifies it does not change. */
  target: Target;
  readonly #job: Job;
  readonly #cache: TargetCache;
  readonly #scraper: Scraper;
  readonly #settings: LoopSettings;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  /** When the next scrape is due. */
  #due = 0;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #scrapedOnce = false;
  #failing = false;

  constructor(job: Job, target: Target, cache: TargetCache, scraper: Scraper, settings: LoopSettings) {
    this.#job = job;
    this.target = target;
    this.#cache = cache;
    this.#scraper = scraper;
    this.#settings = settings;
  }

  /** Begins at the target's place in its interval, the same after each start. */
  start(seed: number): void {
    const { interval, phase } = this.target;
    const now = this.#settings.clock.now();
    const place = ((phase + seed) % 1) * interval;
    const wait = (place - (now % interval) + interval) % interval;
    this.#schedule(now + wait + this.#settings.initialOffset);
  }

  /** Ends scraping; what is under way is finished. `final`: once more, now. */
  async stop(final: boolean): Promise<void> {
    if (this.#stopped) return this.#running;
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
    if (final) await this.#scrape(this.#settings.clock.now());
  }

  /** Ends a scrape that is under way; nothing comes of it. */
  abort(): void {
    this.#abort.abort();
  }

  /**
   * Marks all series as stale once the target was gone for two intervals: until then it may come back, and whoever
   * scrapes it then goes on with the same series. To be called after `stop`. Undefined where there is nothing to mark.
   */
  scheduleStale(done: () => void): Timer | undefined {
    if (!this.#scrapedOnce) return undefined;
    const { interval } = this.target;
    const { clock } = this.#settings;
    const staleTime = Math.trunc(this.#due);
    const wait = Math.max(0, this.#due - clock.now()) + interval * 1.1;
    return clock.after(wait, () => {
      this.#running = this.#sendStale(staleTime).finally(done);
    });
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#running;
  }

  #schedule(due: number): void {
    this.#due = due;
    const { clock } = this.#settings;
    this.#timer = clock.after(due - clock.now(), () => {
      this.#running = this.#tick();
    });
  }

  async #tick(): Promise<void> {
    const { clock } = this.#settings;
    const { interval } = this.target;
    const late = clock.now() - this.#due;
    const tolerance = Math.min(interval / 100, TOLERANCE_MS);
    // ticks that were missed are left out
    if (late >= interval) this.#due += Math.floor(late / interval) * interval;
    const time = clock.now() - this.#due <= tolerance ? this.#due : clock.now();
    await this.#scrape(Math.trunc(time));
    const next = this.#due + interval;
    const missed = Math.max(0, Math.floor((clock.now() - next) / interval));
    this.#due = next + missed * interval;
    if (!this.#stopped) this.#schedule(this.#due);
  }

  async #scrape(time: number): Promise<void> {
    const { clock } = this.#settings;
    const start = clock.monotonic();
    this.#scrapedOnce = true;
    const scraped =
      this.forcedError === undefined ? await this.#scraper.scrape(time, this.#abort.signal) : this.#forced(time);
    if (this.#abort.signal.aborted) return;
    const seconds = (clock.monotonic() - start) / 1000;
    this.#log(scraped, time);
    this.#report(this.#scraper.reporter(scraped.transaction, time), scraped, seconds);
    await this.#send(scraped.transaction);
  }

  #forced(time: number): Scraped {
    const counts = { total: 0, added: 0, series: 0, duplicates: 0, outOfBounds: 0 };
    return { transaction: this.#scraper.stale(time), error: this.forcedError, counts, bytes: 0 };
  }

  #report(reporter: Appender, { error, counts, bytes }: Scraped, seconds: number): void {
    reporter.report('up', error === undefined ? 1 : 0);
    reporter.report('scrape_duration_seconds', seconds);
    reporter.report('scrape_samples_scraped', counts.total);
    reporter.report('scrape_samples_post_metric_relabeling', counts.added);
    reporter.report('scrape_series_added', counts.series);
    if (!this.#job.extraMetrics) return;
    reporter.report('scrape_timeout_seconds', this.target.timeout / 1000);
    reporter.report('scrape_sample_limit', this.#job.sampleLimit);
    reporter.report('scrape_body_size_bytes', bytes);
  }

  async #sendStale(time: number): Promise<void> {
    const transaction = this.#scraper.stale(time);
    const reporter = this.#scraper.reporter(transaction, time);
    const names = ['up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_samples_post_metric_relabeling'];
    const extra = ['scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes'];
    for (const name of [...names, 'scrape_series_added', ...(this.#job.extraMetrics ? extra : [])]) {
      reporter.report(name, Number.NaN, true);
    }
    await this.#send(transaction);
  }

  /** The pipeline may refuse: then the data of this scrape is lost, as a target's state between scrapes is. */
  async #send(transaction: Transaction): Promise<void> {
    const { version, trimSuffixes, context, next } = this.#settings;
    const batches = encodeTransaction(
      transaction,
      this.#cache.groups,
      {
        version,
        trimSuffixes,
        resourceAttributes: ({ job, instance }) => resourceAttributes(job, instance, this.target.discovered),
      },
      context,
    );
    let refused: PipelineError | undefined;
    for (const batch of batches) {
      try {
        const accepted = next.consume(batch);
        if (accepted !== undefined) await accepted;
      } catch (error) {
        refused ??= PipelineError.from(error);
      }
    }
    if (refused === undefined) return;
    this.#settings.logger.error('Scrape commit failed', { error: refused.text, target: this.target.url });
  }

  #log({ error, counts }: Scraped, time: number): void {
    const { logger, failureLog } = this.#settings;
    const { url: target, labels } = this.target;
    if (counts.duplicates > 0) {
      logger.warn('Error on ingesting samples with different value but same timestamp', {
        num_dropped: counts.duplicates,
        target,
      });
    }
    if (counts.outOfBounds > 0) {
      logger.warn('Error on ingesting samples that are too old or are too far into the future', {
        num_dropped: counts.outOfBounds,
        target,
      });
    }
    if (error !== undefined) {
      if (!this.#failing) {
        const fields = { scrape_timestamp: time, target_labels: labelsText(labels), target, error: error.message };
        logger.warn('Failed to scrape Prometheus endpoint', fields);
      }
      this.#writeFailure(failureLog, error.message);
    } else if (this.#failing) logger.info('Prometheus endpoint is scraped again', { target });
    this.#failing = error !== undefined;
  }

  #writeFailure(log: FailureLog | undefined, message: string): void {
    try {
      log?.write(message, this.#job.job, this.target.url);
    } catch (error) {
      this.#settings.logger.error('failed to write to scrape_failure_log_file', { error });
    }
  }
}
