import type { Connector, Outputs } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/** Hands each batch, as it is, to the pipelines of its signal; their answer is the answer. */
export class ForwardConnector implements Connector {
  readonly #outputs: Outputs;

  constructor(outputs: Outputs) {
    this.#outputs = outputs;
  }

  start(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    const next = this.#outputs.for(batch.signal);
    if (next === undefined) {
      batch.release();
      throw new PipelineError(`no pipeline takes ${batch.signal} from this connector`, { permanent: true });
    }
    return next.consume(batch);
  }

  /** Who is behind only one of two signals is told of the other's partitions too, which mean nothing to it. */
  watermark(partition: string, time: number): void | Promise<void> {
    const pending: Promise<void>[] = [];
    for (const pipeline of this.#outputs.pipelines.values()) {
      const result = pipeline.watermark?.(partition, time);
      if (result !== undefined) pending.push(result);
    }
    if (pending.length > 0) return Promise.all(pending).then(() => {});
  }

  shutdown(): void {}
}
