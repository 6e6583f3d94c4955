import type { Signal } from './signal.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/**
 * Takes batches. `consume` takes over the caller's reference to the batch in every case.
 *
 * It returns when the batch is accepted: at once (undefined) where nothing asynchronous happens, so that a chain of
 * stages costs no promise, otherwise when the promise resolves. It refuses by throwing or rejecting with a
 * PipelineError. A receiver acknowledges to its client only after acceptance.
 */
export interface Consumer {
  consume(batch: Telemetry): void | Promise<void>;
}

/** Where a receiver or connector sends: per signal, all pipelines that list it. */
export interface Outputs {
  /** The fan-out to every pipeline of this signal; undefined where no pipeline uses the component for it. */
  for(signal: Signal): Consumer | undefined;
  /** The pipelines one by one, by id (`traces/2`), for connectors that route. */
  readonly pipelines: ReadonlyMap<string, Consumer>;
}
