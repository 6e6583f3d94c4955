import type { Clock } from '../../../core/clock.ts';
import type { PolicyConfig } from '../config.ts';
import { type Policy, sampledIf } from './policy.ts';

const NANOS = 1e9;

/** A bucket that starts full. What takes more than the burst never passes, and takes nothing. */
class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #last: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#last = clock.monotonic();
  }

  take(count: number): boolean {
    const now = this.#clock.monotonic();
    const gained = this.#perSecond > 0 ? ((now - this.#last) / 1000) * this.#perSecond : 0;
    const tokens = Math.min(this.#tokens + gained, this.#burst) - count;
    if (count > this.#burst || (tokens < 0 && !this.#hasAlmost(-tokens))) return false;
    this.#last = now;
    this.#tokens = tokens;
    return true;
  }

  /** What comes in less than a nanosecond counts as there. */
  #hasAlmost(missing: number): boolean {
    return this.#perSecond > 0 && Math.trunc((missing / this.#perSecond) * NANOS) === 0;
  }
}

function limited(clock: Clock, perSecond: number, burst: number): TokenBucket {
  return new TokenBucket(clock, perSecond, burst > 0 ? burst : perSecond * 2);
}

/** Samples traces as long as their spans are within the rate. */
export function rateLimiting(config: PolicyConfig['rate_limiting'], clock: Clock): Policy {
  const bucket = limited(clock, config.spans_per_second, config.burst_capacity);
  return { stateful: true, sticky: false, evaluate: (trace) => sampledIf(bucket.take(trace.spanCount)) };
}

/** The same for the bytes of traces. */
export function bytesLimiting(config: PolicyConfig['bytes_limiting'], clock: Clock): Policy {
  const bucket = limited(clock, config.bytes_per_second, config.burst_capacity);
  const evaluate: Policy['evaluate'] = (trace) => sampledIf(bucket.take(trace.requestBytes));
  return { stateful: true, sticky: false, sized: true, evaluate };
}
