import { readFileSync } from 'node:fs';
import type { Clock, Timer } from './clock.ts';
import type { Settings } from './component.ts';
import { fileFault } from './file-fault.ts';

/**
 * The file is read this often. Watches miss files that are swapped through symbolic links, as Kubernetes does; reading
 * some hundred bytes costs nothing.
 */
const PERIOD_MS = 1000;

/** A secret in a file that is followed: the text without white space around it. It never appears in messages. */
export class CredentialFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Settings['logger'];
  readonly #onChange: (value: string) => void;
  #value = '';
  /** Reported once, not every second. */
  #fault = '';
  #timer: Timer | undefined;

  constructor(
    path: string,
    { clock, logger }: Pick<Settings, 'clock' | 'logger'>,
    onChange: (value: string) => void = () => {},
  ) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    this.#onChange = onChange;
  }

  get value(): string {
    return this.#value;
  }

  /** Reads the file, which must be there and not empty, and follows it from then on. */
  start(): void {
    this.#read();
    this.#timer = this.#clock.every(PERIOD_MS, () => this.#readAgain());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #read(): void {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8').trim();
    } catch (error) {
      throw this.#failure(fileFault(this.#path, error));
    }
    if (text === '') throw this.#failure(`credentials file ${JSON.stringify(this.#path)} is empty`);
    if (text === this.#value) return;
    this.#value = text;
    this.#onChange(text);
  }

  #failure(reason: string): Error {
    return new Error(`failed to read credentials file ${JSON.stringify(this.#path)}: ${reason}`);
  }

  #readAgain(): void {
    try {
      this.#read();
      this.#fault = '';
    } catch (error) {
      const { message } = error as Error;
      if (message === this.#fault) return;
      this.#fault = message;
      this.#logger.warn('failed to reload credentials file, keeping last value', { file: this.#path, error });
    }
  }
}
