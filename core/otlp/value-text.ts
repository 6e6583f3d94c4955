import { ANY_VALUE } from './schema.ts';
import type { AnyValue } from './tree.ts';
import type { Message } from './tree-decode.ts';
import { encodeMessage } from './tree-encode.ts';
import { valueText as encodedValueText } from './value.ts';

/** The value as text, see `valueText` of value.ts, for a decoded one. */
export function valueText(value: AnyValue | undefined): string {
  if (value === undefined) return '';
  if (value.stringValue !== undefined) return value.stringValue;
  const bytes = encodeMessage(ANY_VALUE, value as unknown as Message);
  return encodedValueText(bytes, 0, bytes.length);
}

/** `Str`, `Int` …: the type's name in dumps. */
export function valueTypeName(value: AnyValue | undefined): string {
  if (value === undefined) return 'Empty';
  if (value.stringValue !== undefined) return 'Str';
  if (value.boolValue !== undefined) return 'Bool';
  if (value.intValue !== undefined) return 'Int';
  if (value.doubleValue !== undefined) return 'Double';
  if (value.bytesValue !== undefined) return 'Bytes';
  if (value.arrayValue !== undefined) return 'Slice';
  if (value.kvlistValue !== undefined) return 'Map';
  return 'Empty';
}

/** Hexadecimal; an id that is not set, or all zero, is the empty text. */
export function idText(id: Buffer): string {
  return id.every((byte) => byte === 0) ? '' : id.toString('hex');
}

const SEVERITIES = ['Trace', 'Debug', 'Info', 'Warn', 'Error', 'Fatal'];

/** 1 to 24: `Trace`, `Trace2` … `Fatal4`. */
export function severityName(number: number): string {
  if (number === 0) return 'Unspecified';
  const name = SEVERITIES[Math.floor((number - 1) / 4)];
  if (name === undefined) return '';
  const step = ((number - 1) % 4) + 1;
  return step === 1 ? name : `${name}${step}`;
}
