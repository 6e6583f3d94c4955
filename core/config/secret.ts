import { inspect } from 'node:util';

/** What is printed instead of a secret, as the collector does. */
export const REDACTED = '[REDACTED]';

/** A value that prints as `[REDACTED]` wherever it is printed; only `reveal()` gives it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
