import { isUtf8 } from 'node:buffer';
import { readNumber } from './number.ts';
import { type MetricKind, PageError, type PageSink } from './page.ts';
import { bracesEnd, IN_QUOTES, isBlank, metricNameEnd, quoted, quoteEnd } from './series-text.ts';
import { TextPage } from './text-page.ts';

const HASH = 0x23;
const OPEN = 0x7b;
const QUOTE = 0x22;

const TYPES: Readonly<Record<string, MetricKind>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  untyped: 'unknown',
};

const TIMESTAMP = /^\d+$/;
const MAX_TIMESTAMP = 2 ** 63;

/**
 * Reads the text format of Prometheus, version 0.0.4, and 1.0.0 with names of any characters.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export class PrometheusPage extends TextPage {
  #ended = false;

  constructor(sink: PageSink) {
    super(sink, { blanks: true, commas: false });
  }

  finish(): void {
    const rest = this.takeRest();
    if (rest !== undefined && !this.line(rest, 0, rest.length)) {
      throw new PageError(`expected label value, got end of page while parsing: ${quoted(rest, 0, rest.length)}`);
    }
  }

  protected line(buffer: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end && isBlank(buffer[at])) at++;
    // a NUL where a line begins ends the page
    if (buffer[at] === 0 && at < end) this.#ended = true;
    if (at === end || this.#ended) return true;
    if (buffer[at] === HASH) this.#comment(buffer, at, end);
    else return this.#sample(buffer, start, at, end);
    return true;
  }

  /** `at` is where the series begins, after blanks. */
  #sample(buffer: Buffer, start: number, at: number, end: number): boolean {
    let seriesEnd = at;
    if (buffer[at] !== OPEN) {
      seriesEnd = metricNameEnd(buffer, at, end);
      if (seriesEnd === at) throw new PageError(`expected a valid start token: ${quoted(buffer, start, end)}`);
    }
    const braces = skipBlanks(buffer, seriesEnd, end);
    if (buffer[braces] === OPEN && braces < end) {
      seriesEnd = bracesEnd(buffer, braces, end);
      if (seriesEnd === IN_QUOTES) return false;
    }
    const valueStart = skipBlanks(buffer, seriesEnd, end);
    let valueEnd = valueStart;
    while (valueEnd < end && !isBlank(buffer[valueEnd]) && buffer[valueEnd] !== OPEN) valueEnd++;
    if (valueEnd === valueStart) throw new PageError(`expected value after metric: ${quoted(buffer, start, end)}`);
    this.value = readNumber(buffer, valueStart, valueEnd);
    const timeStart = skipBlanks(buffer, valueEnd, end);
    this.timestamp = timeStart === end ? Number.NaN : timestampOf(buffer, timeStart, end);
    this.emit(buffer, start, seriesEnd);
    return true;
  }

  #comment(buffer: Buffer, start: number, end: number): void {
    if (!isBlank(buffer[start + 1])) return;
    const word = skipBlanks(buffer, start + 1, end);
    const keyword = buffer.toString('latin1', word, Math.min(word + 4, end));
    if ((keyword !== 'HELP' && keyword !== 'TYPE') || !isBlank(buffer[word + 4]) || word + 4 >= end) return;
    const nameStart = skipBlanks(buffer, word + 4, end);
    const isQuoted = buffer[nameStart] === QUOTE;
    const nameEnd = isQuoted ? quoteEnd(buffer, nameStart, end) : metricNameEnd(buffer, nameStart, end);
    if (nameEnd <= nameStart || nameStart >= end) {
      throw new PageError(`expected metric name after ${keyword}: ${quoted(buffer, start, end)}`);
    }
    const quotes = isQuoted ? 1 : 0;
    const name = buffer.toString('utf8', nameStart + quotes, nameEnd - quotes);
    this.#metadata(keyword, name, buffer, nameEnd + 1, end);
  }

  #metadata(keyword: string, name: string, buffer: Buffer, start: number, end: number): void {
    const bytes = buffer.subarray(Math.min(start, end), end);
    if (keyword === 'TYPE') {
      const type = TYPES[bytes.toString('latin1')];
      if (type === undefined) throw new PageError(`invalid metric type ${JSON.stringify(bytes.toString())}`);
      this.kind = type;
      this.sink.type(name, type);
      return;
    }
    if (!isUtf8(bytes)) throw new PageError(`help text ${JSON.stringify(bytes.toString())} is not a valid utf8 string`);
    const text = bytes.toString().replace(/\\[\\n]/g, (code) => (code === '\\n' ? '\n' : '\\'));
    this.sink.help(name, text);
  }
}

function skipBlanks(buffer: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(buffer[at])) at++;
  return at;
}

function timestampOf(buffer: Buffer, start: number, end: number): number {
  let last = end;
  while (isBlank(buffer[last - 1])) last--;
  const text = buffer.toString('latin1', start, last);
  if (!TIMESTAMP.test(text) || Number(text) >= MAX_TIMESTAMP) {
    throw new PageError(`expected timestamp or new record, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}
