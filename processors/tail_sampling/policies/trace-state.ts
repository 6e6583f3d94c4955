const MAX_MEMBERS = 32;
/** `key`, or `tenant@system`. */
const KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
/** Printable ASCII without comma and equals sign, not ending with a space. */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * The members of a trace state; undefined where any of it is against the rules.
 * Source: https://www.w3.org/TR/trace-context/#tracestate-header
 */
export function parseTraceState(text: string): ReadonlyMap<string, string> | undefined {
  const members = new Map<string, string>();
  for (const part of text.split(',')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 0) return undefined;
    const key = part.slice(0, equals).replace(/^[ \t]+/, '');
    const value = part.slice(equals + 1).replace(/[ \t]+$/, '');
    if (!KEY.test(key) || !VALUE.test(value) || members.has(key)) return undefined;
    members.set(key, value);
    if (members.size > MAX_MEMBERS) return undefined;
  }
  return members;
}
