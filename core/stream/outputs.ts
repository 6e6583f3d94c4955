import type { Consumer, Outputs } from '../consumer.ts';
import type { Signal } from '../signal.ts';

/** Where the results of a stage go, pipeline by pipeline, so that one that refuses does not double what others took. */
export interface StreamOutputs {
  readonly results: readonly Consumer[];
  /** Gets what did not count. */
  readonly late: Consumer | undefined;
  /** All of them by the ids of their pipelines, under which a snapshot names those for whom results wait. */
  readonly pipelines: ReadonlyMap<string, Consumer>;
}

/**
 * The pipelines of the signal but the late one. The late pipeline has to list the connector as a receiver.
 * @throws Error where it does not
 */
export function streamOutputs(outputs: Outputs, signal: Signal, latePipeline: string): StreamOutputs {
  const late = latePipeline === '' ? undefined : outputs.pipelines.get(latePipeline);
  if (late === undefined && latePipeline !== '') {
    throw new Error(`late_pipeline: no pipeline "${latePipeline}" has this connector as a receiver`);
  }
  const results: Consumer[] = [];
  for (const [id, consumer] of outputs.pipelines) {
    if (id !== latePipeline && id.split('/', 1)[0] === signal) results.push(consumer);
  }
  return { results, late, pipelines: outputs.pipelines };
}
