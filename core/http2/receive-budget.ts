import type { Holder, ReceiveMemory } from '../net/receive-memory.ts';

/** Room for what is not complete yet, shared by the streams of a connection; taken from `shared` where it is given. */
export class ReceiveBudget {
  #left: number;
  readonly #shared: ReceiveMemory | undefined;

  constructor(bytes: number, shared?: ReceiveMemory) {
    this.#left = bytes;
    this.#shared = shared;
  }

  /** `self` is who asks, and is not evicted for it. */
  take(bytes: number, self?: Holder): boolean {
    if (bytes > this.#left || this.#shared?.take(bytes, self) === false) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
    this.#shared?.give(bytes);
  }
}
