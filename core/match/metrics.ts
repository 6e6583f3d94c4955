import type { MetricReader } from '../otlp/readers/metric.ts';
import type { BytesMatcher } from './bytes-matcher.ts';
import type { MatchConfig, MatchProperties } from './config.ts';
import { textMatcher } from './texts.ts';

/** Which metrics a processor changes: by their names alone. The collector takes `resources`, too, and ignores them. */
export class MetricMatcher {
  readonly #include: BytesMatcher | undefined;
  readonly #exclude: BytesMatcher | undefined;

  /** Throws the collector's message. */
  constructor({ include, exclude }: MatchConfig) {
    // all checks come before any expression is compiled
    for (const properties of [include, exclude]) if (properties !== undefined) validate(properties);
    this.#include = include && namesOf(include);
    this.#exclude = exclude && namesOf(exclude);
  }

  matches({ buffer, nameStart, nameEnd }: MetricReader): boolean {
    if (this.#include?.test(buffer, nameStart, nameEnd) === false) return false;
    return this.#exclude?.test(buffer, nameStart, nameEnd) !== true;
  }
}

function namesOf(properties: MatchProperties): BytesMatcher | undefined {
  // `expr` belongs to the filter processor; without expressions it selects everything
  if (properties.match_type === 'expr' || properties.metric_names.length === 0) return undefined;
  return textMatcher(properties.metric_names, properties);
}

const FOREIGN = [
  'span_names',
  'span_kinds',
  'log_bodies',
  'log_severity_texts',
  'log_severity_number',
  'services',
  'attributes',
  'libraries',
] as const;

function validate(properties: MatchProperties): void {
  const foreign = FOREIGN.some((field) => {
    const value = properties[field];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
  if (foreign) {
    const names = FOREIGN.slice(0, -1).map((field) => `"${field}"`);
    throw new Error(`${names.join(', ')} and "libraries" are not valid for metrics`);
  }
  if (properties.metric_names.length > 0 || properties.resources.length > 0) return;
  throw new Error('at least one of "metric_names" or "resources" field must be specified');
}
