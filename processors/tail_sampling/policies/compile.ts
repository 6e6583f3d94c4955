import type { Clock } from '../../../core/clock.ts';
import type { Config, PolicyConfig } from '../config.ts';
import { booleanAttribute, numericAttribute, stringAttribute } from './attributes.ts';
import { probabilistic } from './chance.ts';
import { and, composite, drop, not } from './combined.ts';
import { bytesLimiting, rateLimiting } from './limits.ts';
import type { Policy } from './policy.ts';
import { alwaysSample, latency, spanCount, statusCode, traceFlags, traceState } from './spans.ts';

export interface NamedPolicy {
  readonly name: string;
  readonly policy: Policy;
  readonly isDrop: boolean;
}

/** The keys of policies that hold no others. */
type SimpleConfig = Omit<PolicyConfig, 'and' | 'not' | 'drop' | 'composite'>;

export interface CompiledPolicies {
  /** In the order of their evaluation: those that drop first. */
  readonly policies: readonly NamedPolicy[];
  /** Why they cannot be used: a policy is right, and something it needs is not there yet. */
  readonly unavailable: string | undefined;
}

/** What policies are made with. */
interface Workshop {
  readonly clock: Clock;
  unavailable: string | undefined;
}

/** Throws in the collector's words. */
export function compilePolicies(config: Config, clock: Clock): CompiledPolicies {
  const workshop: Workshop = { clock, unavailable: undefined };
  const names = new Set<string>();
  const policies = config.policies.map((policyConfig) => {
    const { name, type } = policyConfig;
    if (name === '') throw new Error('policy name cannot be empty');
    if (names.has(name)) throw new Error(`duplicate policy name ${JSON.stringify(name)}`);
    names.add(name);
    const policy = compileNamed(policyConfig, workshop);
    if (config.sampling_strategy === 'span-ingest' && policy.stateful) {
      throw new Error(
        'sampling_strategy "span-ingest" requires all policies to be stateless, ' +
          `but policy ${JSON.stringify(name)} is stateful`,
      );
    }
    return { name, policy, isDrop: type === 'drop' };
  });
  const ordered = [...policies.filter((p) => p.isDrop), ...policies.filter((p) => !p.isDrop)];
  return { policies: ordered, unavailable: workshop.unavailable };
}

function compileNamed(config: PolicyConfig, workshop: Workshop): Policy {
  try {
    return compileTop(config, workshop);
  } catch (error) {
    const message = `failed to create policy evaluator for ${JSON.stringify(config.name)}: ${(error as Error).message}`;
    throw new Error(message, { cause: error });
  }
}

/** What may hold what is the collector's: `not` in `and` and `drop`, `and` in `composite`, nothing in `not`. */
function compileTop(config: PolicyConfig, workshop: Workshop): Policy {
  switch (config.type) {
    case 'and':
      return and(config.and.and_sub_policy.map((sub) => compileInAnd(sub, workshop)));
    case 'drop':
      return drop(config.drop.drop_sub_policy.map((sub) => compileInAnd(sub, workshop)));
    case 'not':
      return not(compileSimple(config.not.not_sub_policy, workshop));
    case 'composite': {
      const subs = config.composite.composite_sub_policy.map((sub) => {
        const isAnd = sub.type === 'and';
        const policy = isAnd
          ? and(sub.and.and_sub_policy.map((inner) => compileInAnd(inner, workshop)))
          : compileSimple(sub, workshop);
        return [sub.name, policy] as const;
      });
      return composite(config.composite, subs, workshop.clock);
    }
    default:
      return compileSimple(config, workshop);
  }
}

function compileInAnd(config: PolicyConfig['and']['and_sub_policy'][number], workshop: Workshop): Policy {
  return config.type === 'not'
    ? not(compileSimple(config.not.not_sub_policy, workshop))
    : compileSimple(config, workshop);
}

function compileSimple(config: SimpleConfig, workshop: Workshop): Policy {
  switch (config.type) {
    case 'always_sample':
      return alwaysSample;
    case 'latency':
      return latency(config.latency);
    case 'numeric_attribute':
      return numericAttribute(config.numeric_attribute);
    case 'probabilistic':
      return probabilistic(config.probabilistic);
    case 'status_code':
      return statusCode(config.status_code);
    case 'string_attribute':
      return stringAttribute(config.string_attribute);
    case 'boolean_attribute':
      return booleanAttribute(config.boolean_attribute);
    case 'rate_limiting':
      return rateLimiting(config.rate_limiting, workshop.clock);
    case 'bytes_limiting':
      return bytesLimiting(config.bytes_limiting, workshop.clock);
    case 'span_count':
      return spanCount(config.span_count);
    case 'trace_state':
      return traceState(config.trace_state);
    case 'trace_flags':
      return traceFlags;
    case 'ottl_condition':
      return ottlCondition(config.ottl_condition, workshop);
    default:
      throw new Error(`unknown sampling policy type ${config.type}`);
  }
}

/** Checked as far as it can be, so that a configuration for the collector passes for valid. */
function ottlCondition({ span, spanevent }: SimpleConfig['ottl_condition'], workshop: Workshop): Policy {
  const conditions = [...span, ...spanevent];
  if (conditions.length === 0) throw new Error('expected at least one OTTL condition to filter on');
  const named = conditions.map((condition) => JSON.stringify(condition)).join(', ');
  workshop.unavailable ??= `policies of type ottl_condition are not available yet, which is needed for ${named}`;
  return alwaysSample;
}
