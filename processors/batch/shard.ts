import { availableParallelism } from 'node:os';
import type { Timer } from '../../core/clock.ts';
import type { Consumer, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { take } from '../../core/otlp/split.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import { Joiner } from '../../core/telemetry/joiner.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import type { BatchMetrics, Trigger } from './metrics.ts';

/**
 * Requests that are acknowledged while a batch is being sent; with more of them callers wait. As in the collector,
 * whose channel has a place for each CPU: enough to keep the next stage busy, small beside the batch itself.
 */
const INBOX_LIMIT = availableParallelism();

interface Waiting {
  readonly batch: Telemetry;
  readonly admit: () => void;
}

/**
 * One open batch and its timer. It sends one batch at a time. What it holds is bounded: the open batch is below
 * `send_batch_size` plus one request, beside it there are INBOX_LIMIT requests and one for each waiting caller.
 */
export class Shard {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  readonly #metrics: BatchMetrics;
  readonly #context: RequestContext;
  readonly #timed: boolean;
  readonly #inbox: Telemetry[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #open = new Joiner();
  #timer: Timer | undefined;
  #due = false;
  #sending = false;
  #closed: (() => void) | undefined;

  constructor(settings: Settings, config: Config, next: Consumer, metrics: BatchMetrics, context: RequestContext) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#metrics = metrics;
    this.#context = context;
    this.#timed = config.timeout > 0 && config.send_batch_size > 0;
  }

  consume(batch: Telemetry): void | Promise<void> {
    if (this.#inbox.length >= INBOX_LIMIT) {
      return new Promise((admit) => this.#waiting.push({ batch, admit }));
    }
    this.#inbox.push(batch);
    if (!this.#sending) this.#work();
  }

  /** Sends everything that was taken in; resolves when the last batch has its outcome. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closed = resolve;
      if (!this.#sending) this.#work();
    });
  }

  /** Moves requests into the open batch and sends it when it is full or due, until there is nothing to do. */
  #work(): void {
    while (!this.#sending) {
      if (this.#open.items > 0 && (!this.#timed || this.#open.items >= this.#config.send_batch_size))
        this.#send('size');
      else if (this.#inbox.length > 0) this.#takeIn();
      else if (this.#open.items > 0 && (this.#due || this.#closed !== undefined)) this.#send('timeout');
      else break;
    }
    if (this.#open.items > 0) this.#startTimer();
    else if (!this.#sending) this.#closed?.();
  }

  #takeIn(): void {
    const batch = this.#inbox.shift();
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#inbox.push(waiting.batch);
      waiting.admit();
    }
    if (batch === undefined) return;
    if (batch.items === 0) batch.release();
    else this.#open.add(batch);
  }

  #startTimer(): void {
    if (this.#timed) this.#timer ??= this.#settings.clock.after(this.#config.timeout, () => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    this.#due = true;
    if (!this.#sending) this.#work();
  }

  #send(trigger: Trigger): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#due = false;
    const batch = this.#cut();
    const { items, byteLength } = batch;
    const succeed = () => this.#metrics.sent(trigger, items, byteLength);
    const fail = (error: unknown) => this.#lose(items, PipelineError.from(error));
    let running: void | Promise<void>;
    try {
      running = this.#next.consume(batch);
    } catch (error) {
      fail(error);
      return;
    }
    if (running === undefined) {
      succeed();
      return;
    }
    this.#sending = true;
    const resume = () => {
      this.#sending = false;
      this.#work();
    };
    void running.then(succeed, fail).then(resume);
  }

  /** The open batch, or its first part where it is too large. */
  #cut(): Telemetry {
    const whole = this.#open.take(this.#context);
    const { head, rest } = take(whole, this.#config.send_batch_max_size || Number.POSITIVE_INFINITY);
    if (rest !== undefined) this.#open.add(rest);
    return head;
  }

  #lose(items: number, error: PipelineError): void {
    const [signal] = this.#settings.signals;
    if (signal !== undefined) this.#metrics.lost(signal, items);
    this.#settings.logger.warn('Sender failed', { error: error.message, lost_items: items });
  }
}
