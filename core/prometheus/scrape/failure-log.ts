import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../../clock.ts';

/** A file that gets a line of JSON for each scrape that fails. */
export class FailureLog {
  readonly #file: number;
  readonly #clock: Clock;

  /** Opens the file; throws where that cannot be. */
  constructor(path: string, clock: Clock) {
    this.#file = openSync(path, 'a');
    this.#clock = clock;
  }

  /** Throws where the line cannot be written. */
  write(message: string, job: string, target: string): void {
    const time = new Date(this.#clock.now()).toISOString();
    writeSync(this.#file, `${JSON.stringify({ time, level: 'ERROR', msg: message, job_name: job, target })}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
