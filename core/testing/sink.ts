import type { Consumer } from '../consumer.ts';
import type { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** A consumer that keeps what it gets. A test decides whether it accepts, refuses or lets the caller wait. */
export class SinkConsumer implements Consumer {
  /** What was accepted, in order; the sink holds one reference to each. */
  readonly batches: Telemetry[] = [];
  /** Calls of consume, refused ones too. */
  calls = 0;
  /** Marks of event time in order: partition and time. */
  readonly watermarks: (readonly [string, number])[] = [];
  /** Refuses with this error, or with the one that the function returns for a batch. */
  refuse: PipelineError | ((batch: Telemetry) => PipelineError | undefined) | undefined;
  /** True answers with a promise even where the outcome is known. */
  async = false;
  #gate: { readonly promise: Promise<void>; readonly open: () => void } | undefined;

  get items(): number {
    let items = 0;
    for (const batch of this.batches) items += batch.items;
    return items;
  }

  /** Item counts of the batches in order. */
  get sizes(): number[] {
    return this.batches.map((batch) => batch.items);
  }

  /** From now on callers wait, until the returned function is called. */
  hold(): () => void {
    let open = () => {};
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#gate = { promise, open };
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  consume(batch: Telemetry): void | Promise<void> {
    this.calls++;
    if (this.#gate !== undefined) return this.#gate.promise.then(() => this.#take(batch));
    if (this.async) return Promise.resolve().then(() => this.#take(batch));
    this.#take(batch);
  }

  watermark(partition: string, time: number): void {
    this.watermarks.push([partition, time]);
  }

  /** Gives up the references and forgets the batches. */
  clear(): void {
    for (const batch of this.batches) batch.release();
    this.batches.length = 0;
  }

  #take(batch: Telemetry): void {
    const error = typeof this.refuse === 'function' ? this.refuse(batch) : this.refuse;
    if (error !== undefined) {
      batch.release();
      throw error;
    }
    this.batches.push(batch);
  }
}
