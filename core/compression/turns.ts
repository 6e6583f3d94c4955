/**
 * Expansions on other threads at a time. Each may hold as much as its limit, and they take turns piece by piece, so
 * without this a crowd of small bodies would hold the limit many times. As many as Node has threads for it.
 */
const AT_ONCE = 4;
/** Compressed bytes that wait for their turn: a second's work of four threads. What comes beyond is refused. */
const MAX_WAITING = 128 << 20;

/** Lets a few run, makes some wait and refuses the rest. */
export class Turns {
  #running = 0;
  #waitingBytes = 0;
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];

  /** Undefined where too much waits already. */
  take<T>(bytes: number, run: () => Promise<T>): Promise<T> | undefined {
    if (this.#running < AT_ONCE) return this.#run(run);
    if (this.#waitingBytes + bytes > MAX_WAITING) return undefined;
    this.#waitingBytes += bytes;
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#waiting.push({ bytes, start: () => resolve(this.#run(run)) });
    return promise;
  }

  #run<T>(run: () => Promise<T>): Promise<T> {
    this.#running++;
    return run().finally(() => {
      this.#running--;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#waitingBytes -= next.bytes;
      next.start();
    });
  }
}
