import type { TraceView } from './trace-view.ts';

/** What is known about a trace, and what a policy says about it. */
export const Decision = { PENDING: 0, SAMPLED: 1, NOT_SAMPLED: 2, DROPPED: 3 } as const;
export type Decision = (typeof Decision)[keyof typeof Decision];

/** Decides about traces. An exception is an error of the policy: it is counted, and the others decide. */
export interface Policy {
  evaluate(trace: TraceView): Decision;
  /** The answer can change with time or with further spans, so it is not asked before all are there. */
  readonly stateful: boolean;
  /** Once the answer was SAMPLED (or DROPPED) it stays so, whatever spans follow. */
  readonly sticky: boolean;
  /** It looks at the bytes of the trace as the collector counts them. */
  readonly sized?: boolean;
}

export function sampledIf(yes: boolean): Decision {
  return yes ? Decision.SAMPLED : Decision.NOT_SAMPLED;
}
