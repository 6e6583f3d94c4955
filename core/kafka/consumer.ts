import type { Timer } from '../clock.ts';
import type { ConsumerOptions, KafkaDriver, Membership, RecordHandler } from './client.ts';
import { kafkaError } from './errors.ts';

/** Waits between attempts to become a member. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Which topics to consume. */
export interface Subscription {
  readonly topics: readonly string[];
  /** Which others to consume; absent where there are no patterns. */
  readonly matches?: (topic: string) => boolean;
}

/**
 * A consumer that is a member of its group whenever that is possible: it starts without a broker, joins again after
 * whatever was lost, and looks for new topics where patterns are given. One line in the log when this changes.
 */
export class GroupConsumer {
  readonly #driver: KafkaDriver;
  readonly #options: ConsumerOptions;
  readonly #subscription: Subscription;
  readonly #handler: RecordHandler;
  #running: Promise<void> | undefined;
  #closed = false;
  #restart: Error | undefined;
  #troubled = false;
  #wake: (() => void) | undefined;

  constructor(driver: KafkaDriver, options: ConsumerOptions, subscription: Subscription, handler: RecordHandler) {
    this.#driver = driver;
    this.#options = options;
    this.#subscription = subscription;
    this.#handler = handler;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Leaves the group and joins it again: reading begins anew at what is committed. */
  restart(error: Error): void {
    this.#restart = error;
    this.#wake?.();
  }

  /** Waits for the handlers, commits, leaves the group. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let wait = FIRST_WAIT_MS; !this.#closed; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        const topics = await this.#topics();
        if (topics.length === 0) await this.#pause(this.#options.metadataMaxAgeMs);
        else if (await this.#consume(topics)) wait = FIRST_WAIT_MS;
      } catch (error) {
        this.#trouble(error);
      }
      if (!this.#closed && this.#troubled) await this.#pause(wait);
    }
  }

  /** Until the end, a loss or a change of the topics. True if it was a member. */
  async #consume(topics: readonly string[]): Promise<boolean> {
    const { logger, groupId } = this.#options;
    let lost: unknown;
    this.#restart = undefined;
    const membership: Membership = await this.#driver.join(this.#options, topics, this.#handler, (error) => {
      lost ??= error;
      this.#wake?.();
    });
    logger.info(this.#troubled ? 'Consuming again' : 'Consuming', { group: groupId, topics });
    this.#troubled = false;
    const isOver = () => lost !== undefined || this.#restart !== undefined;
    while (!this.#closed && !isOver() && !(await this.#changed(topics))) {
      await this.#pause(this.#options.metadataMaxAgeMs, isOver);
    }
    lost ??= this.#restart;
    await membership.close();
    if (lost !== undefined) this.#trouble(lost);
    return true;
  }

  async #changed(topics: readonly string[]): Promise<boolean> {
    if (this.#subscription.matches === undefined) return false;
    const now = await this.#topics().catch(() => topics);
    return now.join('\n') !== topics.join('\n');
  }

  async #topics(): Promise<string[]> {
    const { topics, matches } = this.#subscription;
    if (matches === undefined) return [...topics];
    const known = await this.#driver.listTopics(this.#options);
    return [...new Set([...topics, ...known.filter(matches)])].sort();
  }

  #trouble(error: unknown): void {
    if (this.#troubled || this.#closed) return;
    this.#troubled = true;
    const { logger, groupId } = this.#options;
    logger.warn('Not consuming, will try again', { group: groupId, error: kafkaError('Kafka', error).message });
  }

  /** Until the time is up, or something happened. */
  #pause(ms: number, already: () => boolean = () => false): Promise<void> {
    if (this.#closed || already()) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.#wake = () => {
        timer?.cancel();
        resolve();
      };
      timer = this.#options.clock.after(ms, this.#wake);
    });
  }
}
