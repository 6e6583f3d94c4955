import type { RetryConfig } from '../config/sections/retry.ts';
import { PipelineError } from '../error.ts';

/**
 * Exponential back-off with jitter, as the collector's: the n-th interval is `initial * multiplier^n`, at most
 * `max_interval`, spread evenly over ± `randomization_factor`.
 */
export class Backoff {
  readonly #config: RetryConfig;
  readonly #random: () => number;
  #interval: number;

  constructor(config: RetryConfig, random: () => number) {
    this.#config = config;
    this.#random = random;
    this.#interval = config.initial_interval;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const { randomization_factor: factor, multiplier, max_interval: max } = this.#config;
    const delta = this.#interval * factor;
    const delay = this.#interval - delta + this.#random() * 2 * delta;
    this.#interval = Math.min(this.#interval * multiplier, max);
    return delay;
  }
}

/** The same verdict with a reason before its message. */
export function wrap(reason: string, error: PipelineError): PipelineError {
  const text = `${reason}: ${error.text}`;
  return new PipelineError(text, {
    text,
    ...(error.hasStatus ? { code: error.code } : {}),
    permanent: error.permanent,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    cause: error,
  });
}
