/** Holds memory for a request of which a part is still to come. */
export interface Holder {
  /** Refuses the request and gives its memory back before it returns. */
  evict(): void;
}

/**
 * Memory of a server for requests that are not complete. Where it is used up, the request that has been waiting
 * longest makes room: a sender that is as quick as usual is not refused for those that never finish. Nothing is kept
 * per request until it has waited for a while (`waits`), so requests that come in one piece cost two additions.
 */
export class ReceiveMemory {
  #left: number;
  /** Oldest first. */
  readonly #waiting = new Set<Holder>();

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** False where there is no room, even without all requests that wait; `self` is not evicted. */
  take(bytes: number, self?: Holder): boolean {
    if (bytes > this.#left) this.#makeRoom(bytes, self);
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }

  /** The request may be evicted from now on. */
  waits(holder: Holder): void {
    this.#waiting.add(holder);
  }

  /** The request is complete or gone. */
  ended(holder: Holder): void {
    this.#waiting.delete(holder);
  }

  #makeRoom(bytes: number, self: Holder | undefined): void {
    for (const holder of this.#waiting) {
      if (bytes <= this.#left) return;
      if (holder === self) continue;
      this.#waiting.delete(holder);
      holder.evict();
    }
  }
}
