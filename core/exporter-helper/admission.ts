import type { Clock, Timer } from '../clock.ts';
import type { QueueConfig, Sizer } from '../config/sections/queue.ts';
import { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { Fifo } from './fifo.ts';
import { QueueFullError } from './types.ts';

/** A caller with `block_on_overflow`, until there is room for its batch. */
export interface Waiter {
  readonly batch: Telemetry;
  readonly size: number;
  /** There is room, and it is taken. */
  admit(): void;
  refuse(error: PipelineError): void;
}

/**
 * What waits for room is held beside the queue, so it needs a limit of its own: enough for a thousand usual requests,
 * and no more than what a process that is told to wait can spare.
 */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Memory for a caller that waits, beside the bytes of its batch: the call, its promises, their closures. */
const WAITER_COST = 1024;
/** Callers that gave up are looked for this often. They will send again, so theirs is not to be delivered as well. */
const SWEEP_MS = 1000;

const SIZE: Readonly<Record<Sizer, (batch: Telemetry) => number>> = {
  requests: () => 1,
  items: (batch) => batch.items,
  bytes: (batch) => batch.byteLength,
};

export function sizeOf(sizer: Sizer): (batch: Telemetry) => number {
  return SIZE[sizer];
}

/** Who gets into a queue, who waits for room and who is refused; the same for queues in memory and in a storage. */
export class Admission {
  readonly capacity: number;
  readonly sizeOf: (batch: Telemetry) => number;
  readonly #blocks: boolean;
  readonly #clock: Clock;
  readonly #waiters = new Fifo<Waiter>();
  #waitingBytes = 0;
  #size = 0;
  #closed = false;
  #sweep: Timer | undefined;

  constructor(config: QueueConfig, clock: Clock) {
    this.capacity = config.queue_size;
    this.sizeOf = sizeOf(config.sizer);
    this.#blocks = config.block_on_overflow;
    this.#clock = clock;
  }

  /** In units of the sizer, of all that got in and did not leave yet. */
  get size(): number {
    return this.#size;
  }

  /** Callers that wait. */
  get waiting(): number {
    return this.#waiters.length;
  }

  /**
   * True where there is room, which is taken then; false where the caller is to `wait`.
   *
   * @throws PipelineError when it is refused; the batch is released then.
   */
  enter(batch: Telemetry, size: number): boolean {
    const fits = this.#waiters.length === 0 && this.#hasRoom(size);
    const refusal = this.#refusal(batch, size, fits);
    if (refusal !== undefined) {
      batch.release();
      throw refusal;
    }
    if (fits) this.#size += size;
    return fits;
  }

  /** First come, first served: nobody overtakes, however small. */
  wait(waiter: Waiter): void {
    this.#waitingBytes += costOf(waiter.batch);
    this.#waiters.push(waiter);
    this.#sweep ??= this.#clock.every(SWEEP_MS, () => this.#refuseWhoGaveUp());
  }

  /** What was in the queue when the last process ended; it stays also where it is more than there is room for. */
  restore(size: number): void {
    this.#size += size;
  }

  leave(size: number): void {
    this.#size -= size;
    this.#admitWaiters();
  }

  /** Refuses from now on. Who waits already goes on waiting. */
  close(): void {
    this.#closed = true;
  }

  refuseWaiters(): void {
    for (let waiter = this.#next(); waiter !== undefined; waiter = this.#next()) {
      waiter.refuse(new PipelineError(STOPPED));
    }
  }

  #refusal(batch: Telemetry, size: number, fits: boolean): PipelineError | undefined {
    if (this.#closed) return new PipelineError(STOPPED);
    if (size > this.capacity) return new PipelineError('element size too large');
    return fits || (this.#blocks && this.#mayWait(batch)) ? undefined : new QueueFullError();
  }

  /** One may always wait, however large. */
  #mayWait(batch: Telemetry): boolean {
    return this.#waiters.length === 0 || this.#waitingBytes + costOf(batch) <= MAX_WAITING_BYTES;
  }

  #hasRoom(size: number): boolean {
    return this.#size + size <= this.capacity;
  }

  #admitWaiters(): void {
    for (let first = this.#waiters.peek(); first !== undefined && this.#hasRoom(first.size); ) {
      this.#next();
      if (gaveUp(first)) first.refuse(new PipelineError(GAVE_UP));
      else {
        this.#size += first.size;
        first.batch.caller = undefined;
        first.admit();
      }
      first = this.#waiters.peek();
    }
  }

  #next(): Waiter | undefined {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) this.#waitingBytes -= costOf(waiter.batch);
    if (this.#waiters.length === 0) {
      this.#sweep?.cancel();
      this.#sweep = undefined;
    }
    return waiter;
  }

  #refuseWhoGaveUp(): void {
    const gone: Waiter[] = [];
    for (let left = this.#waiters.length; left > 0; left--) {
      const waiter = this.#waiters.shift() as Waiter;
      if (gaveUp(waiter)) gone.push(waiter);
      else this.#waiters.push(waiter);
    }
    for (const waiter of gone) this.#waitingBytes -= costOf(waiter.batch);
    for (const waiter of gone) waiter.refuse(new PipelineError(GAVE_UP));
    if (this.#waiters.length === 0) {
      this.#sweep?.cancel();
      this.#sweep = undefined;
    }
    // who gave up may have kept a smaller one behind it from its place
    this.#admitWaiters();
  }
}

const STOPPED = 'sending queue is stopped';
const GAVE_UP = 'the sender gave up before there was room in the sending queue';

const costOf = (batch: Telemetry): number => batch.byteLength + WAITER_COST;
const gaveUp = ({ batch }: Waiter): boolean => batch.caller?.cancelled === true;
