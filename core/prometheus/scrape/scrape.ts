import type { Clock } from '../../clock.ts';
import { BodyTooLarge } from '../http-client-config/body.ts';
import type { GetAnswer, PrometheusHttpClient } from '../http-client-config/client.ts';
import { OpenMetricsPage } from '../parse/openmetrics-page.ts';
import { PageError, type PageReader } from '../parse/page.ts';
import { PrometheusPage } from '../parse/prometheus-page.ts';
import { ProtobufPage } from '../parse/protobuf-page.ts';
import { type AppendCounts, Appender, type AppendOptions, LimitError } from './appender.ts';
import type { Job } from './job.ts';
import { pageFormat } from './protocols.ts';
import { LabelLimitError } from './sample-labels.ts';
import type { Target } from './target.ts';
import type { TargetCache } from './target-cache.ts';
import type { Transaction } from './transaction.ts';

/** What came of one scrape. */
export interface Scraped {
  /** What the pipelines get. */
  readonly transaction: Transaction;
  /** Why the target counts as down. */
  readonly error: Error | undefined;
  readonly counts: AppendCounts;
  /** Of the page, decompressed; -1 for one that is too large. */
  readonly bytes: number;
}

/** Fetches a target's page and takes it in while it comes. */
export class Scraper {
  readonly #job: Job;
  readonly #target: Target;
  readonly #cache: TargetCache;
  readonly #client: PrometheusHttpClient;
  readonly #options: AppendOptions;
  readonly #clock: Clock;

  constructor(
    job: Job,
    target: Target,
    cache: TargetCache,
    client: PrometheusHttpClient,
    options: AppendOptions,
    clock: Clock,
  ) {
    this.#job = job;
    this.#target = target;
    this.#cache = cache;
    this.#client = client;
    this.#options = options;
    this.#clock = clock;
  }

  /** Never rejects. `time` is that of the samples, in milliseconds since the Unix epoch. */
  async scrape(time: number, abort: AbortSignal): Promise<Scraped> {
    const transaction = this.#cache.begin();
    const appender = this.#appender(transaction, time);
    const page = { bytes: 0, began: false };
    try {
      await this.#read(appender, page, abort);
      appender.finish();
      appender.appendStale();
      this.#cache.end(page.bytes > 0);
      return { transaction, error: undefined, counts: appender.counts, bytes: page.bytes };
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      // what came of a page that broke off does not count; of one that is wrong it has been seen
      const isWrong = error instanceof PageError || error instanceof LimitError || error instanceof LabelLimitError;
      if (!isWrong) this.#cache.abandon();
      const counts = isWrong ? appender.counts : NO_COUNTS;
      const bytes = error instanceof BodyTooLarge ? -1 : isWrong ? page.bytes : 0;
      return { transaction: this.stale(time), error, counts, bytes };
    }
  }

  /** What all series of the last scrape come to when they are gone. */
  stale(time: number): Transaction {
    const transaction = this.#cache.begin();
    this.#appender(transaction, time).appendStale();
    this.#cache.end(false);
    return transaction;
  }

  /** For reports of the scrape into its transaction. */
  reporter(transaction: Transaction, time: number): Appender {
    return this.#appender(transaction, time);
  }

  #appender(transaction: Transaction, time: number): Appender {
    return new Appender(this.#cache, transaction, this.#options, time, this.#clock.now());
  }

  async #read(appender: Appender, page: { bytes: number }, abort: AbortSignal): Promise<void> {
    const { bodySizeLimit, compression, accept } = this.#job;
    const { timeout, url } = this.#target;
    const answer = await this.#client.get(url, {
      headers: {
        accept,
        'accept-encoding': compression ? 'gzip' : 'identity',
        'x-prometheus-scrape-timeout-seconds': String(timeout / 1000),
      },
      timeoutMs: timeout,
      // a page that is exactly as large as the limit is too large
      maxBytes: bodySizeLimit === 0 ? 0 : Math.max(1, bodySizeLimit - 1),
      abort,
    });
    if (answer.status !== 200) {
      answer.discard();
      throw new Error(`server returned HTTP status ${answer.status} ${answer.statusText}`);
    }
    const reader = this.#reader(answer, appender);
    await answer.body.drain((chunk) => {
      page.bytes += chunk.length;
      reader.push(chunk);
    });
    if (page.bytes > 0) reader.finish();
  }

  #reader(answer: GetAnswer, appender: Appender): PageReader {
    switch (pageFormat(answer.headers['content-type'], this.#job.fallbackProtocol)) {
      case 'openmetrics':
        return new OpenMetricsPage(appender);
      case 'protobuf':
        return new ProtobufPage(appender, this.#job.protobuf);
      default:
        return new PrometheusPage(appender);
    }
  }
}

const NO_COUNTS: AppendCounts = { total: 0, added: 0, series: 0, duplicates: 0, outOfBounds: 0 };
