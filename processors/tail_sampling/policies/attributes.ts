import type { Attributes } from '../../../core/otlp/readers/attributes.ts';
import { ValueReader, ValueType } from '../../../core/otlp/value.ts';
import { compileRegexp, type Regexp } from '../../../core/regexp.ts';
import type { PolicyConfig } from '../config.ts';
import { type Decision, type Policy, sampledIf } from './policy.ts';
import type { TraceView } from './trace-view.ts';

/** Whether the value of an attribute, which `value` is at, is one that is looked for. */
type Matches = (value: ValueReader, ofResource: boolean) => boolean;

/** Results of regular expressions kept where the configuration sets no size. */
const DEFAULT_CACHE_SIZE = 128;

/**
 * Samples a trace of which a resource or span has the attribute with a value that matches; inverted, a trace of which
 * none has. A value of another type reads as the zero of the type that is looked for, as in the collector.
 */
class AttributePolicy implements Policy {
  readonly stateful = false;
  readonly sticky: boolean;
  readonly #key: Buffer;
  readonly #matches: Matches;
  readonly #invert: boolean;
  readonly #value = new ValueReader();

  constructor(key: string, invert: boolean, matches: Matches) {
    this.#key = Buffer.from(key);
    this.#invert = invert;
    this.#matches = matches;
    this.sticky = !invert;
  }

  evaluate(trace: TraceView): Decision {
    return sampledIf(this.#occurs(trace) !== this.#invert);
  }

  #occurs(trace: TraceView): boolean {
    for (let chunk = 0; chunk < trace.chunks; chunk++) {
      if (this.#matchesIn(trace.resourceAttributes(chunk), true)) return true;
    }
    trace.readSpans();
    for (let span = 0; span < trace.spans; span++) {
      if (this.#matchesIn(trace.spanAttributes(span), false)) return true;
    }
    return false;
  }

  #matchesIn(attributes: Attributes, ofResource: boolean): boolean {
    if (!attributes.find(this.#key)) return false;
    const { buffer, valueStart, valueEnd } = attributes;
    return this.#matches(this.#value.read(buffer, valueStart, valueEnd), ofResource);
  }
}

export function stringAttribute(config: PolicyConfig['string_attribute']): Policy {
  const matches = config.enabled_regex_matching
    ? matchRegexps(config.values, config.cache_max_size)
    : matchTexts(config.values);
  return new AttributePolicy(config.key, config.invert_match, matches);
}

/** 0 means no limit on either side, so that a limit of 0 cannot be set; so it is in the collector. */
export function numericAttribute(config: PolicyConfig['numeric_attribute']): Policy {
  const min = config.min_value === 0 ? undefined : BigInt(config.min_value);
  const max = config.max_value === 0 ? undefined : BigInt(config.max_value);
  if (min === undefined && max === undefined) return new UnusablePolicy('min_value or max_value must be set');
  const matches: Matches = (value) => {
    const number = value.type === ValueType.INT ? value.int : 0n;
    return (min === undefined || number >= min) && (max === undefined || number <= max);
  };
  return new AttributePolicy(config.key, config.invert_match, matches);
}

export function booleanAttribute(config: PolicyConfig['boolean_attribute']): Policy {
  const matches: Matches = (value) => (value.type === ValueType.BOOL && value.bool) === config.value;
  return new AttributePolicy(config.key, config.invert_match, matches);
}

/** A policy that the collector starts with and cannot evaluate. */
class UnusablePolicy implements Policy {
  readonly stateful = false;
  readonly sticky = false;
  readonly #reason: string;

  constructor(reason: string) {
    this.#reason = reason;
  }

  evaluate(): Decision {
    throw new Error(this.#reason);
  }
}

/** Compares bytes, so no text is made of the values that pass by. */
function matchTexts(values: readonly string[]): Matches {
  const byLength = new Map<number, Buffer[]>();
  for (const value of values.filter((v) => v !== '').map((v) => Buffer.from(v))) {
    const others = byLength.get(value.length);
    if (others === undefined) byLength.set(value.length, [value]);
    else others.push(value);
  }
  return ({ type, buffer, start, end }) => {
    if (type !== ValueType.STRING) return false;
    const candidates = byLength.get(end - start);
    if (candidates === undefined) return false;
    for (const text of candidates) if (text.compare(buffer, start, end) === 0) return true;
    return false;
  };
}

/** Unanchored. The empty text is only looked at in resources, where the collector forgets to leave it out. */
function matchRegexps(patterns: readonly string[], cacheSize: number): Matches {
  const expressions = patterns.map(compile);
  const size = cacheSize > 0 ? cacheSize : DEFAULT_CACHE_SIZE;
  const known = new Map<string, boolean>();
  return (value, ofResource) => {
    const text = value.type === ValueType.STRING ? value.string : '';
    if (text === '' && !ofResource) return false;
    const before = known.get(text);
    if (before !== undefined) return before;
    const matched = expressions.some((expression) => expression.test(text));
    // the oldest makes room: values that come often are soon there again
    if (known.size >= size) for (const oldest of known.keys()) if (known.delete(oldest)) break;
    known.set(text, matched);
    return matched;
  };
}

function compile(pattern: string): Regexp {
  try {
    return compileRegexp(pattern);
  } catch (error) {
    throw new Error(`invalid regex \`${pattern}\`: ${(error as Error).message}`, { cause: error });
  }
}
