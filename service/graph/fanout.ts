import type { Consumer } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/**
 * One consumer for several. Each gets the same immutable bytes, so nothing is copied. All are called, also when one
 * refuses; then the batch counts as refused and whoever sent it may send it again to all of them.
 */
export function fanOut(consumers: readonly Consumer[]): Consumer {
  const [first] = consumers;
  if (first === undefined) throw new Error('fanOut needs at least one consumer');
  return consumers.length === 1 ? first : new FanOut(consumers);
}

class FanOut implements Consumer {
  readonly #consumers: readonly Consumer[];

  constructor(consumers: readonly Consumer[]) {
    this.#consumers = consumers;
  }

  consume(batch: Telemetry): void | Promise<void> {
    // the caller's reference goes to the first, one more for each of the others
    for (let i = 1; i < this.#consumers.length; i++) batch.retain();
    const errors: PipelineError[] = [];
    const pending: Promise<void>[] = [];
    for (const consumer of this.#consumers) {
      try {
        const result = consumer.consume(batch);
        if (result !== undefined) pending.push(result);
      } catch (error) {
        errors.push(PipelineError.from(error));
      }
    }
    if (pending.length > 0) return settle(pending, errors);
    if (errors.length > 0) throw PipelineError.join(errors);
  }

  watermark(partition: string, time: number): void | Promise<void> {
    const pending: Promise<void>[] = [];
    const errors: PipelineError[] = [];
    for (const consumer of this.#consumers) {
      try {
        const result = consumer.watermark?.(partition, time);
        if (result !== undefined) pending.push(result);
      } catch (error) {
        errors.push(PipelineError.from(error));
      }
    }
    if (pending.length > 0) return settle(pending, errors);
    if (errors.length > 0) throw PipelineError.join(errors);
  }
}

async function settle(pending: readonly Promise<void>[], errors: PipelineError[]): Promise<void> {
  for (const result of await Promise.allSettled(pending)) {
    if (result.status === 'rejected') errors.push(PipelineError.from(result.reason));
  }
  if (errors.length > 0) throw PipelineError.join(errors);
}
