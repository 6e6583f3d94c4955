import type { AnyValue, KeyValue } from './tree.ts';

/**
 * An attribute value as text, as the collector writes it wherever text is wanted: strings as they are, bytes in base64,
 * lists and maps as compact JSON with sorted keys, the empty value as empty text.
 */
export function valueText(value: AnyValue | undefined): string {
  if (value === undefined) return '';
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return String(value.boolValue);
  if (value.intValue !== undefined) return value.intValue.toString();
  if (value.doubleValue !== undefined) return doubleText(value.doubleValue);
  if (value.bytesValue !== undefined) return value.bytesValue.toString('base64');
  if (value.arrayValue !== undefined || value.kvlistValue !== undefined) return jsonText(value);
  return '';
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

/** Fixed notation from 1e-6 to 1e21, else an exponent with at least one digit (`1e-7`). */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

function jsonText(value: AnyValue): string {
  if (value.arrayValue !== undefined) return `[${value.arrayValue.values.map(jsonText).join(',')}]`;
  if (value.kvlistValue !== undefined) return mapText(value.kvlistValue.values);
  if (value.stringValue !== undefined) return JSON.stringify(value.stringValue);
  if (value.bytesValue !== undefined) return JSON.stringify(value.bytesValue.toString('base64'));
  const text = valueText(value);
  return text === '' ? 'null' : text;
}

/** Of a key that occurs twice the last one stands, as in a Go map. Keys sort by their bytes. */
function mapText(list: readonly KeyValue[]): string {
  const entries = new Map(list.map(({ key, value }) => [key, value ?? {}]));
  const keys = [...entries.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${keys.map((key) => `${JSON.stringify(key)}:${jsonText(entries.get(key) ?? {})}`).join(',')}}`;
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
