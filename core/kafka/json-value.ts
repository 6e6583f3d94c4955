import { MAX_NESTING } from '../otlp/nesting.ts';
import type { AnyValue } from '../otlp/tree.ts';

/** Beyond it a request that has the value would be refused; lists and maps are one message deeper than their value. */
const DEEPEST = MAX_NESTING - 1;

/**
 * What `JSON.parse` gave, as a value; null is none. `depth` is that of the value's own message in the request.
 *
 * @throws Error where it is nested deeper than a request may be
 */
export function anyValueOf(json: unknown, depth: number, numberOf: (json: number) => AnyValue): AnyValue {
  if (depth > DEEPEST) throw new Error('the record is nested too deep');
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'number') return numberOf(json);
  if (typeof json === 'boolean') return { boolValue: json };
  if (typeof json !== 'object' || json === null) return {};
  if (Array.isArray(json)) {
    return { arrayValue: { values: json.map((value) => anyValueOf(value, depth + 2, numberOf)) } };
  }
  const values = Object.entries(json).map(([key, value]) => ({ key, value: anyValueOf(value, depth + 3, numberOf) }));
  return { kvlistValue: { values } };
}
