import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A process of the benchmark that answers each message with one message. */
export class Child {
  readonly #process: ChildProcess;

  constructor(script: URL, args: readonly string[] = []) {
    this.#process = fork(script, args, { stdio: 'inherit' });
  }

  /** The next message from it; fails when it ends instead. */
  async next<T>(): Promise<T> {
    const ended = new AbortController();
    const exit = once(this.#process, 'exit', { signal: ended.signal }).then(([status]) => {
      throw new Error(`a process of the benchmark ended with status ${status}`);
    });
    try {
      const message = once(this.#process, 'message', { signal: ended.signal }).then(([value]) => value as T);
      return await Promise.race([message, exit]);
    } finally {
      exit.catch(() => {});
      ended.abort();
    }
  }

  ask<T>(message: NonNullable<unknown>): Promise<T> {
    const answer = this.next<T>();
    this.#process.send(message);
    return answer;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.disconnect();
    await exit;
  }
}
