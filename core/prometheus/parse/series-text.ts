import { isUtf8 } from 'node:buffer';
import { shortText } from '../../otlp/go-format.ts';
import { byName, type Label, type Labels, METRIC_NAME } from '../labels.ts';
import { numberOf } from './number.ts';
import { type MetricKind, PageError } from './page.ts';

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const EQUAL = 0x3d;
const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;

/** 1: may begin a name of a label; 2: a colon, which may only stand in names of metrics; 4: a digit. */
const CLASSES = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (/[a-zA-Z_]/.test(String.fromCharCode(byte)) && byte < 0x80) CLASSES[byte] = 1;
  else if (byte === 0x3a) CLASSES[byte] = 2;
  else if (byte >= 0x30 && byte <= 0x39) CLASSES[byte] = 4;
}

export const isBlank = (byte: number | undefined): boolean => byte === SPACE || byte === TAB;

/** The position after the name of a metric that begins at `start`; `start` where there is none. */
export function metricNameEnd(buffer: Buffer, start: number, end: number): number {
  if (((CLASSES[buffer[start] as number] as number) & 3) === 0) return start;
  let at = start + 1;
  while (at < end && CLASSES[buffer[at] as number] !== 0) at++;
  return at;
}

function labelNameEnd(buffer: Buffer, start: number, end: number): number {
  if (((CLASSES[buffer[start] as number] as number) & 1) === 0) return start;
  let at = start + 1;
  while (at < end && ((CLASSES[buffer[at] as number] as number) & 5) !== 0) at++;
  return at;
}

/** What `bracesEnd` and `quoteEnd` return where the text ends within quotes. */
export const IN_QUOTES = -1;

/** The position after the quoted text that begins at `start`. */
export function quoteEnd(buffer: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = buffer[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  return IN_QUOTES;
}

/**
 * The position after the brace that closes the one at `start`. What lies between is not checked: the same bytes were
 * seen before, or `seriesLabels` reads them.
 */
export function bracesEnd(buffer: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = buffer[at];
    if (byte === CLOSE) return at + 1;
    if (byte !== QUOTE) continue;
    at = quoteEnd(buffer, at, end) - 1;
    if (at < 0) return IN_QUOTES;
  }
  throw new PageError(`expected label name, got end of line while parsing: ${quoted(buffer, start, end)}`);
}

export const quoted = (buffer: Buffer, start: number, end: number): string =>
  JSON.stringify(buffer.toString('utf8', start, end));

/** How labels may be written. OpenMetrics allows no blanks between the parts and wants commas. */
export interface LabelSyntax {
  readonly blanks: boolean;
  readonly commas: boolean;
}

/** The labels of a series, as `name{label="value"}` or `{"name",label="value"}`. */
export function seriesLabels(
  buffer: Buffer,
  start: number,
  end: number,
  syntax: LabelSyntax,
  kind: MetricKind,
): Labels {
  if (!isUtf8(buffer.subarray(start, end))) {
    throw new PageError(`invalid UTF-8 label value: ${quoted(buffer, start, end)}`);
  }
  const labels: Label[] = [];
  const open = skipBlanks(buffer, start, end, syntax);
  if (buffer[open] === OPEN) {
    readLabels(buffer, open + 1, end, syntax, labels, true);
  } else {
    // blanks before a name belong to it, as in Prometheus
    const nameEnd = metricNameEnd(buffer, open, end);
    labels.push([METRIC_NAME, buffer.toString('utf8', start, nameEnd)]);
    const braces = skipBlanks(buffer, nameEnd, end, syntax);
    if (braces < end) readLabels(buffer, braces + 1, end, syntax, labels, false);
  }
  if (!labels.some(([name]) => name === METRIC_NAME)) throw fault('metric name not set', buffer, start, end);
  return labels.map((label) => normalized(label, kind)).sort(byName);
}

/** The labels between braces, from behind the opening one on, as they are written: of an exemplar. */
export function exemplarLabels(buffer: Buffer, start: number, end: number, syntax: LabelSyntax): Labels {
  if (!isUtf8(buffer.subarray(start, end))) throw fault('invalid UTF-8 label value', buffer, start, end);
  const labels: Label[] = [];
  readLabels(buffer, start, end, syntax, labels, undefined);
  return labels.sort(byName);
}

/** `wantsName`: one quoted text alone is the name of the metric; undefined for an exemplar, which has none. */
function readLabels(
  buffer: Buffer,
  start: number,
  end: number,
  syntax: LabelSyntax,
  labels: Label[],
  wantsName: boolean | undefined,
): void {
  let named = wantsName !== true;
  const unquote = wantsName === undefined ? (text: string) => text : unescaped;
  let at = skipBlanks(buffer, start, end, syntax);
  while (buffer[at] !== CLOSE) {
    const isQuoted = buffer[at] === QUOTE;
    const nameEnd = isQuoted ? quoteEnd(buffer, at, end) : labelNameEnd(buffer, at, end);
    if (nameEnd <= at) throw fault('expected label name', buffer, start, end);
    const name = isQuoted ? buffer.toString('utf8', at + 1, nameEnd - 1) : buffer.toString('latin1', at, nameEnd);
    at = skipBlanks(buffer, nameEnd, end, syntax);
    if (isQuoted && (buffer[at] === COMMA || buffer[at] === CLOSE)) {
      if (named) throw fault('metric name already set', buffer, start, end);
      named = true;
      labels.push([METRIC_NAME, unquote(name)]);
      if (buffer[at] === COMMA) at = skipBlanks(buffer, at + 1, end, syntax);
      continue;
    }
    if (buffer[at] !== EQUAL) throw fault('expected equal', buffer, start, end);
    at = skipBlanks(buffer, at + 1, end, syntax);
    const valueEnd = buffer[at] === QUOTE ? quoteEnd(buffer, at, end) : IN_QUOTES;
    if (valueEnd < 0) throw fault('expected label value', buffer, start, end);
    labels.push([unquote(name), unquote(buffer.toString('utf8', at + 1, valueEnd - 1))]);
    at = skipBlanks(buffer, valueEnd, end, syntax);
    if (buffer[at] === COMMA) at = skipBlanks(buffer, at + 1, end, syntax);
    else if (syntax.commas && buffer[at] !== CLOSE) throw fault('expected comma or brace close', buffer, start, end);
  }
}

function fault(message: string, buffer: Buffer, start: number, end: number): PageError {
  return new PageError(`${message} while parsing: ${quoted(buffer, start, end)}`);
}

function skipBlanks(buffer: Buffer, start: number, end: number, { blanks }: LabelSyntax): number {
  let at = start;
  if (blanks) while (at < end && isBlank(buffer[at])) at++;
  return at;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\"': '"', '\\\\': '\\', '\\n': '\n' };

/** The text that is meant by one with escapes; a backslash before anything else is just a backslash. */
export function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\["\\n]/g, (code) => ESCAPES[code] ?? code) : text;
}

/** The bounds of buckets and quantiles in one form: `1` and `1.0` are the same. */
function normalized(label: Label, kind: MetricKind): Label {
  const [name, value] = label;
  if (!((kind === 'histogram' && name === 'le') || (kind === 'summary' && name === 'quantile'))) return label;
  const number = numberOf(value);
  return number === undefined ? label : [name, openMetricsFloat(number)];
}

/** `1.0`, `0.25`, `1e+06`, `+Inf`. */
export function openMetricsFloat(value: number): string {
  if (value === 0) return '0.0';
  const text = shortText(value);
  return /[e.IN]/.test(text) ? text : `${text}.0`;
}
