import type { Consumer } from '../consumer.ts';
import { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** A batch for a consumer. */
export interface Result {
  readonly to: Consumer;
  readonly batch: Telemetry;
}

/** A result, or a mark of event time for those behind. */
type Step = Result | { readonly to: Consumer; readonly partition: string; readonly mark: number };

/**
 * Results on their way to the next stage, in order. The state they came from has changed already, so one that is
 * refused for now stays here until it is taken; nothing else may be processed before, which also bounds what is here.
 */
export class Outbox {
  /** Of what was refused for good: it is gone. */
  readonly #lost: (batch: Telemetry, error: PipelineError) => void;
  readonly #steps: Step[] = [];
  #draining: Promise<void> | undefined;

  constructor(lost: (batch: Telemetry, error: PipelineError) => void) {
    this.#lost = lost;
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  /** What `drain` returned, as long as it is under way. */
  get draining(): Promise<void> | undefined {
    return this.#draining;
  }

  /** Batches that wait, and for whom. */
  get waiting(): readonly Result[] {
    return this.#steps.filter((step) => 'batch' in step);
  }

  push(step: Step): void {
    this.#steps.push(step);
  }

  /** Hands on what is here. Throws or rejects with the refusal of the first that has to stay. */
  drain(): void | Promise<void> {
    if (this.#draining !== undefined) return this.#draining;
    while (this.#steps.length > 0) {
      const pending = this.#attempt(this.#steps[0] as Step);
      if (pending !== undefined) {
        this.#draining = this.#rest(pending).finally(() => {
          this.#draining = undefined;
        });
        return this.#draining;
      }
    }
  }

  /** Gives up what is here; returns it. */
  clear(): readonly Result[] {
    const { waiting } = this;
    this.#steps.length = 0;
    return waiting;
  }

  async #rest(pending: Promise<void>): Promise<void> {
    await pending;
    while (this.#steps.length > 0) await this.#attempt(this.#steps[0] as Step);
  }

  /** The first step; it is gone when this returns or resolves. */
  #attempt(step: Step): void | Promise<void> {
    let pending: void | Promise<void>;
    try {
      pending = 'batch' in step ? step.to.consume(step.batch.retain()) : step.to.watermark?.(step.partition, step.mark);
    } catch (error) {
      this.#refused(step, error);
      return;
    }
    if (pending === undefined) this.#done(step);
    else {
      return pending.then(
        () => this.#done(step),
        (error: unknown) => this.#refused(step, error),
      );
    }
  }

  #done(step: Step): void {
    if (this.#remove(step) && 'batch' in step) step.batch.release();
  }

  #refused(step: Step, thrown: unknown): void {
    const error = PipelineError.from(thrown);
    if (!error.permanent) throw error;
    if (!this.#remove(step) || !('batch' in step)) return;
    this.#lost(step.batch, error);
    step.batch.release();
  }

  /** False where it was given up while it was under way. */
  #remove(step: Step): boolean {
    if (this.#steps[0] !== step) return false;
    this.#steps.shift();
    return true;
  }
}
