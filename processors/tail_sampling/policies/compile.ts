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

/** The policies in the order of their evaluation: those that drop first. Throws in the collector's words. */
export function compilePolicies(config: Config, clock: Clock): readonly NamedPolicy[] {
  const names = new Set<string>();
  const policies = config.policies.map((policyConfig) => {
    const { name, type } = policyConfig;
    if (name === '') throw new Error('policy name cannot be empty');
    if (names.has(name)) throw new Error(`duplicate policy name ${JSON.stringify(name)}`);
    names.add(name);
    const policy = compileNamed(policyConfig, clock);
    if (config.sampling_strategy === 'span-ingest' && policy.stateful) {
      throw new Error(
        'sampling_strategy "span-ingest" requires all policies to be stateless, ' +
          `but policy ${JSON.stringify(name)} is stateful`,
      );
    }
    return { name, policy, isDrop: type === 'drop' };
  });
  return [...policies.filter((p) => p.isDrop), ...policies.filter((p) => !p.isDrop)];
}

function compileNamed(config: PolicyConfig, clock: Clock): Policy {
  try {
    return compileTop(config, clock);
  } catch (error) {
    const message = `failed to create policy evaluator for ${JSON.stringify(config.name)}: ${(error as Error).message}`;
    throw new Error(message, { cause: error });
  }
}

/** What may hold what is the collector's: `not` in `and` and `drop`, `and` in `composite`, nothing in `not`. */
function compileTop(config: PolicyConfig, clock: Clock): Policy {
  switch (config.type) {
    case 'and':
      return and(config.and.and_sub_policy.map((sub) => compileInAnd(sub, clock)));
    case 'drop':
      return drop(config.drop.drop_sub_policy.map((sub) => compileInAnd(sub, clock)));
    case 'not':
      return not(compileSimple(config.not.not_sub_policy, clock));
    case 'composite': {
      const subs = config.composite.composite_sub_policy.map((sub) => {
        const isAnd = sub.type === 'and';
        const policy = isAnd
          ? and(sub.and.and_sub_policy.map((inner) => compileInAnd(inner, clock)))
          : compileSimple(sub, clock);
        return [sub.name, policy] as const;
      });
      return composite(config.composite, subs, clock);
    }
    default:
      return compileSimple(config, clock);
  }
}

function compileInAnd(config: PolicyConfig['and']['and_sub_policy'][number], clock: Clock): Policy {
  return config.type === 'not' ? not(compileSimple(config.not.not_sub_policy, clock)) : compileSimple(config, clock);
}

function compileSimple(config: SimpleConfig, clock: Clock): Policy {
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
      return rateLimiting(config.rate_limiting, clock);
    case 'bytes_limiting':
      return bytesLimiting(config.bytes_limiting, clock);
    case 'span_count':
      return spanCount(config.span_count);
    case 'trace_state':
      return traceState(config.trace_state);
    case 'trace_flags':
      return traceFlags;
    case 'ottl_condition':
      return ottlCondition(config.ottl_condition);
    default:
      throw new Error(`unknown sampling policy type ${config.type}`);
  }
}

function ottlCondition({ span, spanevent }: SimpleConfig['ottl_condition']): never {
  const conditions = [...span, ...spanevent];
  if (conditions.length === 0) throw new Error('expected at least one OTTL condition to filter on');
  const named = conditions.map((condition) => JSON.stringify(condition)).join(', ');
  throw new Error(
    `policies of type ottl_condition are not available yet, so these conditions cannot be used: ${named}`,
  );
}
