import type { AnyValue, KeyValue } from './tree.ts';

/** Without a prototype, so that no key is one of its members. */
export function plainObject(entries: readonly KeyValue[]): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null);
  for (const { key, value } of entries) object[key] = plain(value);
  return object;
}

/** As JSON has it. Integers that its numbers cannot hold become text, bytes base64. */
export function plain(value: AnyValue | undefined): unknown {
  if (value === undefined) return null;
  if (value.kvlistValue !== undefined) return plainObject(value.kvlistValue.values);
  if (value.arrayValue !== undefined) return value.arrayValue.values.map(plain);
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : value.intValue.toString();
  }
  if (value.bytesValue !== undefined) return value.bytesValue.toString('base64');
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}
