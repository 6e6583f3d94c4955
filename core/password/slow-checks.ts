import { extname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../clock.ts';
import { PipelineError } from '../error.ts';

/**
 * Checks that wait, each for some 60 ms with the usual cost of bcrypt: a client waits some seconds at worst. One beyond
 * is told to come back later.
 */
const MAX_WAITING = 64;
/** The thread takes 10 MiB, and most clients are known after the first minute. */
const IDLE_MS = 30_000;

interface Waiting {
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Compares with hashes that take long on purpose, on a thread of its own, one after another: however many passwords are
 * tried, they cost one CPU and the pipelines none.
 */
export class SlowChecks {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #worker: Promise<Worker> | undefined;
  #idle: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with a PipelineError that may be retried, where too many wait or the thread cannot be had. */
  matches(encoded: string, password: Buffer): Promise<boolean> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new PipelineError('too many passwords are being checked'));
    }
    this.#idle?.cancel();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker ??= this.#start();
      this.#worker.then(
        (worker) => worker.postMessage({ encoded, password }),
        (error) => this.#fail(error),
      );
    });
  }

  /** What waits fails. Repeatable. */
  close(): void {
    this.#fail(new Error('shutting down'));
  }

  async #start(): Promise<Worker> {
    // most configurations have no passwords
    const { Worker } = await import('node:worker_threads');
    const file = new URL('./worker.ts', import.meta.url);
    // in the package the sources are JavaScript
    file.pathname = file.pathname.replace(/\.ts$/, extname(import.meta.url));
    const worker = new Worker(file);
    worker.unref();
    worker.on('message', (matches: boolean) => this.#answer(matches));
    worker.on('error', (error) => this.#fail(error as Error));
    return worker;
  }

  #answer(matches: boolean): void {
    this.#waiting.shift()?.resolve(matches);
    if (this.#waiting.length === 0) this.#idle = this.#clock.after(IDLE_MS, () => this.#end());
  }

  #fail(cause: Error): void {
    this.#end();
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new PipelineError(`passwords cannot be checked: ${cause.message}`, { cause }));
    }
  }

  #end(): void {
    this.#idle?.cancel();
    const ended = this.#worker;
    this.#worker = undefined;
    ended?.then(
      (worker) => {
        worker.removeAllListeners();
        return worker.terminate();
      },
      () => {},
    );
  }
}
