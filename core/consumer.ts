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
  /**
   * Event time has come to `time` in a partition of the source (see StreamOrigin): what comes of it from now on is
   * later than `time` (milliseconds since the Unix epoch; Infinity at the end of the input), or late. Comes in order
   * with `consume`, never goes back. Who works in event time has it; where a stage does not, the graph tells the next
   * one, unless the stage keeps data between batches (Surface.stateful), as its data would come after the mark.
   */
  watermark?(partition: string, time: number): void | Promise<void>;
}

/** Where a receiver or connector sends: per signal, all pipelines that list it. */
export interface Outputs {
  /** The fan-out to every pipeline of this signal; undefined where no pipeline uses the component for it. */
  for(signal: Signal): Consumer | undefined;
  /** The pipelines one by one, by id (`traces/2`), for connectors that route. */
  readonly pipelines: ReadonlyMap<string, Consumer>;
}
