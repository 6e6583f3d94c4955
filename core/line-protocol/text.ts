import { isUtf8 } from 'node:buffer';

/**
 * InfluxDB's line protocol: `measurement,tag=value field=1i,other="text" timestamp`, one point a line.
 *
 * Texts here have one character for each byte of UTF-8 (what `buffer.toString('latin1')` gives): they are
 * cheap to make, sort in the order of bytes, and are written without encoding them again.
 *
 * What the protocol cannot carry is changed rather than refused: in names and tags, control characters are written as
 * `\n`, `\r`, `\t` or become U+FFFD, and backslashes at the end, which would escape what follows, are left out.
 * Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
 */

const REPLACEMENT = '\u00ef\u00bf\u00bd'; // U+FFFD
/** ASCII without anything that has to be escaped or changed, in names, tags and field keys. */
const PLAIN_NAME = /^[!-+\--<>-[\]-~]*$/;
const PLAIN_STRING = /^[\0-!#-[\]-\x7f]*$/;
const CONTROL = /[\0-\x1f\x7f]/g;
const CONTROL_NAMES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const ASCII = /^[\0-\x7f]*$/;

/** The bytes as text; what is not UTF-8 becomes U+FFFD. */
export function textOf(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('latin1', start, end);
  return ASCII.test(text) ? text : wellFormed(text, buffer.subarray(start, end));
}

/** A JavaScript string as such a text. */
export function encodeText(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function wellFormed(text: string, bytes: Buffer): string {
  return isUtf8(bytes) ? text : Buffer.from(bytes.toString('utf8'), 'utf8').toString('latin1');
}

/** A tag key, tag value or field key; empty where nothing is left of it. */
export function escapeName(text: string): string {
  return PLAIN_NAME.test(text) ? text : printable(text).replace(/[ ,=]/g, '\\$&');
}

/** A measurement; a line that begins with # would be a comment. */
export function escapeMeasurement(text: string): string {
  if (PLAIN_NAME.test(text) && text[0] !== '#') return text;
  const escaped = printable(text).replace(/[ ,]/g, '\\$&');
  return escaped[0] === '#' ? `\\${escaped}` : escaped;
}

/** The value of a string field, in quotes. Line breaks stay what they are. */
export function stringValue(text: string): string {
  return PLAIN_STRING.test(text) ? `"${text}"` : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function printable(text: string): string {
  return text.replace(CONTROL, (found) => CONTROL_NAMES[found] ?? REPLACEMENT).replace(/\\+$/, '');
}
