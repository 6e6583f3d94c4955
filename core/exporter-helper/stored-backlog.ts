import type { Telemetry } from '../telemetry/telemetry.ts';
import { Fifo } from './fifo.ts';
import type { StoredKey } from './stored-request.ts';

/**
 * Waiting batches that are in memory as well, so that they need not be read again. Beyond that they are in the storage
 * alone, which is the point of a queue there.
 */
const MAX_IN_MEMORY = 16 << 20;
/** Batches that are read from the storage at a time. */
const READ_AHEAD = 16;

/** What is known of a batch in the storage. */
export interface Stored extends StoredKey {
  readonly key: string;
  /** In units of the queue's sizer. */
  readonly size: number;
}

/** A batch to be sent; it goes to whoever takes it. */
export interface Loaded {
  readonly stored: Stored;
  readonly batch: Telemetry;
}

/** Stored batches in the order of their arrival: the first ones in memory, the others read when their turn comes. */
export class StoredBacklog {
  readonly #load: (stored: Stored) => Promise<Telemetry | undefined>;
  readonly #ready: () => void;
  readonly #loaded = new Fifo<Loaded>();
  /** Younger than all in `#loaded`, and than what is being read. */
  readonly #unread = new Fifo<Stored>();
  #inMemory = 0;
  #reading: Promise<void> | undefined;
  #closed = false;

  /** `load` gives undefined where a batch cannot be read; `ready` is called when `take` may have something. */
  constructor(load: (stored: Stored) => Promise<Telemetry | undefined>, ready: () => void) {
    this.#load = load;
    this.#ready = ready;
  }

  /** Those left aside that are being read at the moment. */
  get length(): number {
    return this.#loaded.length + this.#unread.length;
  }

  /** `batch` is what was stored, where it is in memory; it is taken over. */
  push(stored: Stored, batch?: Telemetry): void {
    const inTurn = this.#unread.length === 0 && this.#reading === undefined;
    const fits = this.#loaded.length === 0 || this.#inMemory + stored.bytes <= MAX_IN_MEMORY;
    if (batch !== undefined && !this.#closed && inTurn && fits) {
      this.#hold(stored, batch);
      this.#ready();
      return;
    }
    batch?.release();
    this.#unread.push(stored);
    this.#readAhead();
  }

  take(): Loaded | undefined {
    const next = this.#loaded.shift();
    if (next === undefined) return undefined;
    this.#inMemory -= next.stored.bytes;
    this.#readAhead();
    return next;
  }

  /** Lets go of the memory. Resolves when nothing is being read any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading;
    for (let next = this.#loaded.shift(); next !== undefined; next = this.#loaded.shift()) next.batch.release();
  }

  #hold(stored: Stored, batch: Telemetry): void {
    this.#loaded.push({ stored, batch });
    this.#inMemory += stored.bytes;
  }

  get #wantsMore(): boolean {
    return !this.#closed && this.#unread.length > 0 && (this.#loaded.length === 0 || this.#inMemory < MAX_IN_MEMORY);
  }

  #readAhead(): void {
    if (this.#reading !== undefined || !this.#wantsMore) return;
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      this.#readAhead();
    });
  }

  async #read(): Promise<void> {
    while (this.#wantsMore) {
      const next: Stored[] = [];
      for (let bytes = this.#inMemory; next.length < READ_AHEAD && bytes < MAX_IN_MEMORY; ) {
        const stored = this.#unread.shift();
        if (stored === undefined) break;
        next.push(stored);
        bytes += stored.bytes;
      }
      const batches = await Promise.all(next.map((stored) => this.#load(stored)));
      for (const [i, stored] of next.entries()) {
        const batch = batches[i];
        if (batch !== undefined) this.#hold(stored, batch);
      }
      this.#ready();
    }
  }
}
