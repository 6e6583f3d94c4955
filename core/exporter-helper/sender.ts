import type { Timer } from '../clock.ts';
import type { Settings } from '../component.ts';
import { formatDuration } from '../config/duration.ts';
import type { RetryConfig } from '../config/sections/retry.ts';
import { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { LaneHealth } from './health.ts';
import type { ExporterMetrics } from './metrics.ts';
import { type Done, Pieces } from './outcome.ts';
import { Backoff, wrap } from './retry.ts';
import { MAX_SPLITS, smaller } from './smaller.ts';
import { PartialFailure, type Push, type PushContext, ShutdownError, TooLargeError } from './types.ts';

/** A batch on its way out. */
interface Delivery {
  batch: Telemetry;
  readonly done: Done;
  readonly startedAt: number;
  /** How often it was split already. */
  readonly splits: number;
  attempt: number;
  backoff: Backoff | undefined;
  timer: Timer | undefined;
  lastError: PipelineError | undefined;
}

/**
 * Metrics → retry → push for one signal. It takes over the batch and releases it after its final outcome, exactly
 * once. Without a failure a batch costs one small object and, where the push is asynchronous, one promise reaction.
 */
export class Sender {
  readonly #push: Push;
  readonly #settings: Settings;
  readonly #metrics: ExporterMetrics;
  readonly #health: LaneHealth;
  readonly #retry: RetryConfig | undefined;
  readonly #first: PushContext;
  readonly #waiting = new Set<Delivery>();
  #inFlight = 0;
  #stopped = false;
  /** A peer that is down fails every batch many times; the log tells of the first one, and of the end. */
  #troubled = false;
  #toldOfSize = false;
  #idle: (() => void) | undefined;

  constructor(
    settings: Settings,
    metrics: ExporterMetrics,
    health: LaneHealth,
    push: Push,
    timeoutMs: number,
    retry: RetryConfig | undefined,
  ) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#health = health;
    this.#push = push;
    this.#retry = retry?.enabled === true ? retry : undefined;
    this.#first = Object.freeze({ timeoutMs, attempt: 0 });
    metrics.observeInFlight(() => this.#inFlight);
  }

  /** Batches that have no outcome yet, those waiting for a retry included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** `done` may be called before this returns. */
  send(batch: Telemetry, done: Done): void {
    const startedAt = this.#retry === undefined ? 0 : this.#settings.clock.monotonic();
    this.#inFlight++;
    this.#begin(batch, done, startedAt, 0);
  }

  /**
   * From now on one attempt each. What waits for a retry gets its last one now, unless it is `kept` for the next start;
   * then it fails at once.
   */
  stopRetries(kept: boolean): void {
    this.#stopped = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const delivery of waiting) {
      delivery.timer?.cancel();
      if (!kept) this.#attemptAgain(delivery);
      else if (delivery.lastError !== undefined) this.#fail(delivery, new ShutdownError(delivery.lastError));
    }
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#inFlight === 0) resolve();
      else this.#idle = resolve;
    });
  }

  #begin(batch: Telemetry, done: Done, startedAt: number, splits: number): void {
    const none = undefined;
    this.#attempt({ batch, done, startedAt, splits, attempt: 0, backoff: none, timer: none, lastError: none });
  }

  #attempt(delivery: Delivery): void {
    const context = delivery.attempt === 0 ? this.#first : { ...this.#first, attempt: delivery.attempt };
    let running: void | Promise<void>;
    try {
      running = this.#push(delivery.batch, context);
    } catch (error) {
      this.#attemptFailed(delivery, error);
      return;
    }
    if (running === undefined) this.#succeed(delivery);
    else
      running.then(
        () => this.#succeed(delivery),
        (error) => this.#attemptFailed(delivery, error),
      );
  }

  #attemptAgain(delivery: Delivery): void {
    delivery.attempt++;
    this.#attempt(delivery);
  }

  #attemptFailed(delivery: Delivery, caught: unknown): void {
    const error = PipelineError.from(caught);
    this.#health.failed(error);
    if (error instanceof PartialFailure) this.#narrow(delivery, error);
    if (error instanceof TooLargeError && this.#sendParts(delivery, error)) return;
    if (this.#retry === undefined) this.#fail(delivery, error);
    else if (error.permanent) this.#fail(delivery, wrap('not retryable error', error));
    else if (this.#stopped) this.#fail(delivery, new ShutdownError(error));
    else this.#retryLater(delivery, error, this.#retry);
  }

  /** Each part is a delivery of its own from now on. False where there are none. */
  #sendParts(delivery: Delivery, error: TooLargeError): boolean {
    const { batch, done, startedAt, splits } = delivery;
    const { byteLength: bytes } = batch;
    const parts = splits < MAX_SPLITS ? smaller(batch, error) : undefined;
    if (parts === undefined) return false;
    if (!this.#toldOfSize) {
      const fields = { error: error.text, bytes, parts: parts.length };
      this.#settings.logger.warn(
        'The destination takes no batch of this size. It is sent in parts from now on.',
        fields,
      );
      this.#toldOfSize = true;
    }
    const pieces = new Pieces(done, parts.length);
    this.#inFlight += parts.length - 1;
    for (const part of parts) this.#begin(part, pieces, startedAt, splits + 1);
    return true;
  }

  #narrow(delivery: Delivery, { failed }: PartialFailure): void {
    this.#metrics.sent(delivery.batch.items - failed.items);
    delivery.batch.release();
    delivery.batch = failed;
  }

  #retryLater(delivery: Delivery, error: PipelineError, retry: RetryConfig): void {
    const { clock, logger, random } = this.#settings;
    delivery.backoff ??= new Backoff(retry, random);
    const delay = Math.max(delivery.backoff.next(), error.retryAfterMs ?? 0);
    const elapsed = clock.monotonic() - delivery.startedAt;
    if (retry.max_elapsed_time > 0 && elapsed + delay > retry.max_elapsed_time) {
      this.#fail(delivery, wrap('no more retries left', error));
      return;
    }
    const fields = {
      error: error.text,
      interval: formatDuration(delay),
      attempt: delivery.attempt + 1,
      items: delivery.batch.items,
    };
    const message = 'Exporting failed. Will retry the request after interval.';
    if (this.#troubled) logger.debug(message, fields);
    else logger.info(message, fields);
    this.#troubled = true;
    delivery.lastError = error;
    delivery.timer = clock.after(delay, () => {
      this.#waiting.delete(delivery);
      this.#attemptAgain(delivery);
    });
    this.#waiting.add(delivery);
  }

  #succeed(delivery: Delivery): void {
    this.#health.succeeded();
    if (this.#troubled) {
      this.#troubled = false;
      this.#settings.logger.info('Exporting works again.');
    }
    this.#metrics.sent(delivery.batch.items);
    this.#end(delivery, undefined);
  }

  #fail(delivery: Delivery, error: PipelineError): void {
    this.#metrics.failed(delivery.batch.items, error);
    this.#end(delivery, error);
  }

  #end(delivery: Delivery, error: PipelineError | undefined): void {
    const { batch, done } = delivery;
    this.#inFlight--;
    batch.release();
    done.done(error, batch.items);
    if (this.#inFlight === 0) this.#idle?.();
  }
}
