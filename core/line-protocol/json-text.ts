import { ValueReader, ValueType, valueText } from '../otlp/value.ts';
import { encodeText } from './text.ts';

/** ASCII without anything that JSON, or Go's encoder, escapes. */
const PLAIN = /^[ !#-%'-;=?-[\]-~]*$/;
const value = new ValueReader();

/** A text in quotes, as Go's encoder writes it for a page of HTML: <, > and & are escaped. */
export function jsonString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return htmlSafe(encodeText(JSON.stringify(Buffer.from(text, 'latin1').toString('utf8'))));
}

/**
 * The AnyValue in `buffer[start, end)` as JSON: bytes in base64, maps with sorted keys. Undefined where there is a
 * double in it that JSON cannot hold.
 */
export function jsonValue(buffer: Buffer, start: number, end: number): string | undefined {
  value.read(buffer, start, end);
  switch (value.type) {
    case ValueType.EMPTY:
      return 'null';
    case ValueType.STRING:
      return jsonString(buffer.toString('latin1', value.start, value.end));
    case ValueType.DOUBLE:
      return Number.isFinite(value.double) ? valueText(buffer, start, end) : undefined;
    case ValueType.BYTES:
      return value.start === value.end ? 'null' : `"${valueText(buffer, start, end)}"`;
    case ValueType.ARRAY:
    case ValueType.MAP: {
      const text = valueText(buffer, start, end);
      return text === '' ? undefined : htmlSafe(encodeText(text));
    }
    default:
      return valueText(buffer, start, end);
  }
}

const HTML: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };
/** U+2028 and U+2029, which end lines in JavaScript. */
const SEPARATORS = /\u00e2\u0080[\u00a8\u00a9]/g;

function htmlSafe(json: string): string {
  return json
    .replace(/[<>&]/g, (found) => HTML[found] as string)
    .replace(SEPARATORS, (found) => (found.endsWith('\u00a8') ? '\\u2028' : '\\u2029'));
}
