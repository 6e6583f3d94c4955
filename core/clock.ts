/** A timer that was started; `cancel` is safe to call at any time and more than once. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time for components, so that tests of time need no sleeping. Callbacks run on the event loop,
 * never inside the call that sets them.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Nanoseconds since the Unix epoch; at least millisecond resolution. */
  nowNanos(): bigint;
  /** Milliseconds that never go backwards; only differences mean something. */
  monotonic(): number;
  /** Calls once after `ms`. Delays over 2^31-1 ms are allowed. Timers do not keep the process alive. */
  after(ms: number, callback: () => void): Timer;
  every(ms: number, callback: () => void): Timer;
}

/** Longer delays make setTimeout fire at once, so they are taken in steps of this. */
const MAX_DELAY = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined;
  #left: number;
  readonly #callback: () => void;

  constructor(ms: number, callback: () => void) {
    this.#left = Math.max(0, ms);
    this.#callback = callback;
    this.#arm();
  }

  #arm(): void {
    const step = Math.min(this.#left, MAX_DELAY);
    this.#left -= step;
    this.#handle = setTimeout(() => (this.#left > 0 ? this.#arm() : this.#callback()), step);
    this.#handle.unref();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  nowNanos: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n,
  monotonic: () => performance.now(),
  after: (ms, callback) => new SystemTimer(ms, callback),
  every(ms, callback) {
    const handle = setInterval(callback, Math.min(ms, MAX_DELAY));
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};
