import type { AnyValue, KeyValue } from '../otlp/tree.ts';

/** Attributes packed into a text: numbers without a fraction are integers, lists and maps are left out. */
export function attributesOfJson(text: string): KeyValue[] {
  const json: unknown = JSON.parse(text);
  if (json === null) return [];
  if (typeof json !== 'object' || Array.isArray(json)) throw new Error('attributes are no JSON object');
  return Object.entries(json).flatMap(([key, one]) => {
    const value = valueOfJson(one);
    return value === undefined ? [] : [{ key, value }];
  });
}

function valueOfJson(json: unknown): AnyValue | undefined {
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  if (typeof json !== 'number') return undefined;
  return Number.isInteger(json) ? { intValue: BigInt.asIntN(64, BigInt(json)) } : { doubleValue: json };
}

/** How many attributes were dropped, a number of 32 bits. */
export function droppedCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count > 0xffff_ffff) throw new Error(`no count of attributes: ${JSON.stringify(text)}`);
  return count;
}

/** The id of a link, none where the text is empty. */
export function linkId(text: string, bytes: number): Buffer {
  if (text === '') return Buffer.alloc(0);
  if (!/^[0-9a-f]+$/i.test(text) || text.length !== bytes * 2) throw new Error('invalid length for ID');
  return Buffer.from(text, 'hex');
}
