import { NONE } from './arena.ts';
import type { TraceTable } from './trace-table.ts';

/** Not in any batch. */
const DONE = -1;

interface Batch {
  head: number;
  tail: number;
}

/**
 * Which traces are decided at which tick. A trace comes into the batch that is taken `wait` ticks after the next one,
 * so it waits between `wait` and `wait + 1` seconds. Batches without traces take no memory, however long the wait.
 */
export class Batches {
  readonly #traces: TraceTable;
  readonly #wait: number;
  readonly #batches = new Map<number, Batch>();
  #tick = 0;
  /** No batch before it has traces. */
  #earliest = 0;

  constructor(traces: TraceTable, wait: number) {
    this.#traces = traces;
    this.#wait = wait;
  }

  add(slot: number): void {
    this.#append(slot, this.#tick + this.#wait);
  }

  /** Moves a waiting trace forward to the batch that is taken `ticks` after the next one; never back. */
  hurry(slot: number, ticks: number): boolean {
    const batch = this.#tick + ticks;
    if (batch >= (this.#traces.batch[slot] as number)) return false;
    this.remove(slot);
    this.#append(slot, batch);
    return true;
  }

  /** Safe for a trace that is in none. */
  remove(slot: number): void {
    const { batch, batchNext, batchPrevious } = this.#traces;
    const number = batch[slot] as number;
    if (number === DONE) return;
    const list = this.#batches.get(number) as Batch;
    const next = batchNext[slot] as number;
    const previous = batchPrevious[slot] as number;
    if (previous === NONE) list.head = next;
    else batchNext[previous] = next;
    if (next === NONE) list.tail = previous;
    else batchPrevious[next] = previous;
    batch[slot] = DONE;
    if (list.head === NONE) this.#batches.delete(number);
  }

  /** How often time went on. */
  get tick(): number {
    return this.#tick;
  }

  /** Goes on at the tick of an earlier process, before the first trace. */
  begin(tick: number): void {
    this.#tick = this.#earliest = tick;
  }

  /** Time goes on: from now on `due` gives the next batch too. */
  advance(): void {
    this.#tick++;
  }

  /** Everything that waits is due. */
  advanceToEnd(): void {
    this.#tick += this.#wait + 1;
  }

  /** A trace that is due, NONE where none is; it stays until it is removed. */
  due(): number {
    for (; this.#earliest < this.#tick; this.#earliest++) {
      const batch = this.#batches.get(this.#earliest);
      if (batch !== undefined) return batch.head;
    }
    return NONE;
  }

  /** The trace that has waited longest among those that are decided first; NONE where none waits. */
  first(): number {
    if (this.#batches.size === 0) return NONE;
    let number = this.#earliest;
    while (!this.#batches.has(number)) number++;
    return (this.#batches.get(number) as Batch).head;
  }

  #append(slot: number, number: number): void {
    const { batch, batchNext, batchPrevious } = this.#traces;
    let list = this.#batches.get(number);
    if (list === undefined) {
      list = { head: NONE, tail: NONE };
      this.#batches.set(number, list);
    }
    batch[slot] = number;
    batchNext[slot] = NONE;
    batchPrevious[slot] = list.tail;
    if (list.tail === NONE) list.head = slot;
    else batchNext[list.tail] = slot;
    list.tail = slot;
  }
}
