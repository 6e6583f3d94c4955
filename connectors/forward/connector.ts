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

  shutdown(): void {}
}
