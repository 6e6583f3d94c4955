import type { Clock } from '../../../core/clock.ts';
import type { PolicyConfig } from '../config.ts';
import { Decision, type Policy, sampledIf } from './policy.ts';
import type { TraceView } from './trace-view.ts';

function allSample(policies: readonly Policy[], trace: TraceView): boolean {
  for (const policy of policies) if (policy.evaluate(trace) === Decision.NOT_SAMPLED) return false;
  return true;
}

/** What holds for a policy because it holds for those in it. */
function traits(policies: readonly Policy[]): Omit<Policy, 'evaluate'> {
  return {
    stateful: policies.some((policy) => policy.stateful),
    sticky: policies.every((policy) => policy.sticky),
    sized: policies.some((policy) => policy.sized === true),
  };
}

/** Samples what all of them sample; without any, everything. */
export function and(policies: readonly Policy[]): Policy {
  return {
    ...traits(policies),
    evaluate: (trace) => sampledIf(allSample(policies, trace)),
  };
}

/** Drops what all of them sample. */
export function drop(policies: readonly Policy[]): Policy {
  return {
    ...traits(policies),
    evaluate: (trace) => (allSample(policies, trace) ? Decision.DROPPED : Decision.NOT_SAMPLED),
  };
}

export function not(policy: Policy): Policy {
  return {
    ...traits([policy]),
    sticky: false,
    evaluate: (trace) => sampledIf(policy.evaluate(trace) === Decision.NOT_SAMPLED),
  };
}

interface Share {
  readonly name: string;
  readonly policy: Policy;
  readonly spansPerSecond: number;
  spans: number;
}

/**
 * The first policy that samples a trace decides whether its spans still fit into what that policy may sample in this
 * second. The order is that of the sub-policies; `policy_order` has no effect, and a sub-policy that `rate_allocation`
 * does not name gets nothing. Both are as in the collector.
 */
export function composite(
  config: PolicyConfig['composite'],
  policies: readonly (readonly [name: string, policy: Policy])[],
  clock: Clock,
): Policy {
  const total = config.max_total_spans_per_second;
  const allocated = new Map(
    config.rate_allocation.map(({ policy, percent }) => [
      policy,
      Math.trunc(percent > 0 ? (percent / 100) * total : total / policies.length),
    ]),
  );
  const shares: Share[] = policies.map(([name, policy]) => ({
    name,
    policy,
    spansPerSecond: allocated.get(name) ?? 0,
    spans: 0,
  }));
  let second = 0;
  return {
    ...traits(policies.map(([, policy]) => policy)),
    sticky: false,
    evaluate(trace) {
      const now = Math.floor(clock.now() / 1000);
      if (now !== second) for (const share of shares) share.spans = 0;
      second = now;
      const first = shares.find((share) => share.policy.evaluate(trace) === Decision.SAMPLED);
      if (first === undefined) return Decision.NOT_SAMPLED;
      const spans = first.spans + trace.spanCount;
      if (spans > first.spansPerSecond || spans > total) return Decision.NOT_SAMPLED;
      first.spans = spans;
      trace.compositePolicy = first.name;
      return Decision.SAMPLED;
    },
  };
}
