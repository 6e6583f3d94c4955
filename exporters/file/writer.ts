import type { Clock, Timer } from '../../core/clock.ts';
import { PipelineError } from '../../core/error.ts';
import type { Logger } from '../../core/logger.ts';
import type { Target } from './target.ts';

/** From so many waiting bytes on they are written without waiting for the flush interval. */
const WRITE_FROM = 64 * 1024;
/** With so many waiting bytes callers wait for the disk: a few large batches. */
const WAIT_FROM = 8 * 1024 * 1024;

/**
 * Messages on their way into one file. They are collected for at most the flush interval and written in order. While
 * the file cannot be written, what was accepted is kept and tried again, and new messages are refused.
 */
export class FileWriter {
  readonly #target: Target;
  readonly #logger: Logger;
  readonly #timer: Timer;
  #messages: Buffer[] = [];
  #bytes = 0;
  /** The first message has its beginning in the file. */
  #continued = false;
  #flushing: Promise<void> | undefined;
  #error: Error | undefined;
  #closed = false;

  constructor(target: Target, clock: Clock, flushInterval: number, logger: Logger) {
    this.#target = target;
    this.#logger = logger;
    this.#timer = clock.every(flushInterval, () => void this.flush());
  }

  /** Takes the message over; throws or rejects with a retryable error when the file cannot be written. */
  write(message: Buffer): void | Promise<void> {
    if (this.#closed) throw new PipelineError('the file is closed');
    if (this.#error !== undefined) return this.#writeAfterFailure(message);
    this.#messages.push(message);
    this.#bytes += message.length;
    if (this.#bytes < WRITE_FROM) return;
    const flushed = this.flush();
    if (this.#bytes >= WAIT_FROM) return flushed;
  }

  /** Resolves when all was written or writing failed. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer.cancel();
    await this.flush();
    if (this.#messages.length > 0) {
      const left = { messages: this.#messages.length, bytes: this.#bytes, error: this.#error?.message };
      this.#logger.error('Data could not be written to the file and is lost', left);
    }
    await this.#target.close();
  }

  async #writeAfterFailure(message: Buffer): Promise<void> {
    await this.flush();
    const error = this.#error;
    if (error !== undefined) throw new PipelineError(error.message, { cause: error });
    return this.write(message);
  }

  async #flush(): Promise<void> {
    try {
      while (this.#messages.length > 0) this.#drop(await this.#target.write(this.#messages, this.#continued));
      if (this.#error !== undefined) this.#logger.info('The file can be written again');
      this.#error = undefined;
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      if (this.#error === undefined) {
        this.#logger.error('The file cannot be written, new data is refused', { error: error.message });
      }
      this.#error = error;
    }
  }

  /** Forgets what is in the file. */
  #drop(written: number): void {
    this.#bytes -= written;
    let left = written;
    let whole = 0;
    for (let first = this.#messages[whole]; first !== undefined && first.length <= left; ) {
      left -= first.length;
      first = this.#messages[++whole];
    }
    if (whole > 0) {
      this.#messages.splice(0, whole);
      this.#continued = false;
    }
    const [first] = this.#messages;
    if (left === 0 || first === undefined) return;
    this.#messages[0] = first.subarray(left);
    this.#continued = true;
  }
}
