import { isUtf8 } from 'node:buffer';
import { readNumber } from './number.ts';
import { type MetricKind, PageError, type PageSink } from './page.ts';
import { bracesEnd, exemplarLabels, IN_QUOTES, metricNameEnd, quoted, quoteEnd, unescaped } from './series-text.ts';
import { TextPage } from './text-page.ts';

const HASH = 0x23;
const OPEN = 0x7b;
const QUOTE = 0x22;
const SPACE = 0x20;
const UNDERSCORE = '_';

const TYPES: ReadonlySet<string> = new Set<MetricKind>([
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
]);

const SYNTAX = { blanks: false, commas: true } as const;

/**
 * Reads OpenMetrics text, which has exactly one space where it has any and ends with `# EOF`.
 * Source: https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 */
export class OpenMetricsPage extends TextPage {
  #ended = false;

  constructor(sink: PageSink) {
    super(sink, SYNTAX);
  }

  finish(): void {
    const rest = this.takeRest();
    if (rest !== undefined && !this.#ended && rest.equals(END)) this.#ended = true;
    else if (rest !== undefined) throw new PageError(this.#ended ? AFTER_END : NO_END);
    if (!this.#ended) throw new PageError(NO_END);
  }

  protected line(buffer: Buffer, start: number, end: number): boolean {
    if (this.#ended) throw new PageError(AFTER_END);
    if (buffer[start] === HASH && end > start) this.#comment(buffer, start, end);
    else this.#sample(buffer, start, end);
    return true;
  }

  #sample(buffer: Buffer, start: number, end: number): void {
    let seriesEnd = metricNameEnd(buffer, start, end);
    if (buffer[seriesEnd] === OPEN && seriesEnd < end) seriesEnd = bracesEnd(buffer, seriesEnd, end);
    if (seriesEnd === IN_QUOTES || seriesEnd === start) throw fault('expected a valid start token', buffer, start, end);
    const valueEnd = this.#numberEnd(buffer, seriesEnd, end, 'expected value after metric');
    this.value = readNumber(buffer, seriesEnd + 1, valueEnd);
    let at = valueEnd;
    this.timestamp = Number.NaN;
    if (at < end && !startsExemplar(buffer, at, end)) {
      at = this.#numberEnd(buffer, valueEnd, end, 'expected timestamp');
      this.timestamp = millis(readNumber(buffer, valueEnd + 1, at), 'timestamp');
    }
    if (at < end) this.#exemplar(buffer, at, end);
    this.emit(buffer, start, seriesEnd);
  }

  #exemplar(buffer: Buffer, start: number, end: number): void {
    if (!startsExemplar(buffer, start, end)) throw fault('expected next entry', buffer, start, end);
    const open = start + 3;
    const labelsEnd = bracesEnd(buffer, open, end);
    if (labelsEnd === IN_QUOTES) throw fault('expected label value', buffer, start, end);
    const labels = exemplarLabels(buffer, open + 1, labelsEnd, SYNTAX);
    const valueEnd = this.#numberEnd(buffer, labelsEnd, end, 'expected value after exemplar labels');
    const value = readNumber(buffer, labelsEnd + 1, valueEnd);
    let timestamp: number | undefined;
    if (valueEnd < end) {
      const timeEnd = this.#numberEnd(buffer, valueEnd, end, 'expected timestamp or comment');
      if (timeEnd < end) throw fault('expected next entry after exemplar timestamp', buffer, start, end);
      timestamp = millis(readNumber(buffer, valueEnd + 1, timeEnd), 'exemplar timestamp');
    }
    this.exemplars = [{ labels, value, timestamp }];
  }

  /** The end of the text that follows the one space at `start`. */
  #numberEnd(buffer: Buffer, start: number, end: number, message: string): number {
    let at = start + 1;
    if (buffer[start] === SPACE) while (at < end && buffer[at] !== SPACE) at++;
    if (at === start + 1) throw fault(message, buffer, start, end);
    return at;
  }

  #comment(buffer: Buffer, start: number, end: number): void {
    const keyword = buffer.toString('latin1', start, Math.min(start + 7, end));
    if (end - start === END.length && buffer.subarray(start, end).equals(END)) {
      this.#ended = true;
      return;
    }
    if (keyword !== '# HELP ' && keyword !== '# TYPE ' && keyword !== '# UNIT ') {
      throw fault('expected a valid start token', buffer, start, end);
    }
    const nameStart = start + 7;
    const isQuoted = buffer[nameStart] === QUOTE;
    const nameEnd = isQuoted ? quoteEnd(buffer, nameStart, end) : metricNameEnd(buffer, nameStart, end);
    if (nameEnd <= nameStart || nameStart >= end) throw fault('expected metric name', buffer, start, end);
    if (buffer[nameEnd] !== SPACE || nameEnd >= end) throw fault('expected text', buffer, start, end);
    const quotes = isQuoted ? 1 : 0;
    const name = buffer.toString('utf8', nameStart + quotes, nameEnd - quotes);
    this.#metadata(keyword, name, buffer.subarray(nameEnd + 1, end));
  }

  #metadata(keyword: string, name: string, bytes: Buffer): void {
    const text = bytes.toString();
    if (keyword === '# TYPE ') {
      if (!TYPES.has(text)) throw new PageError(`invalid metric type ${JSON.stringify(text)}`);
      this.kind = text as MetricKind;
      this.sink.type(name, this.kind);
    } else if (keyword === '# HELP ') {
      if (!isUtf8(bytes)) throw new PageError(`help text ${JSON.stringify(text)} is not a valid utf8 string`);
      this.sink.help(name, unescaped(text));
    } else {
      if (text !== '' && !name.endsWith(UNDERSCORE + text)) {
        throw new PageError(`unit ${JSON.stringify(text)} not a suffix of metric ${JSON.stringify(name)}`);
      }
      this.sink.unit(name, text);
    }
  }
}

const END = Buffer.from('# EOF');
const AFTER_END = 'unexpected data after # EOF';
const NO_END = 'data does not end with # EOF';

function startsExemplar(buffer: Buffer, at: number, end: number): boolean {
  const isMark = buffer[at] === SPACE && buffer[at + 1] === HASH && buffer[at + 2] === SPACE;
  return isMark && buffer[at + 3] === OPEN && at + 3 < end;
}

/** Milliseconds of a time in seconds. */
function millis(seconds: number, what: string): number {
  if (!Number.isFinite(seconds)) throw new PageError(`invalid ${what} ${seconds}`);
  return Math.trunc(seconds * 1000);
}

function fault(message: string, buffer: Buffer, start: number, end: number): PageError {
  return new PageError(`${message} while parsing: ${quoted(buffer, start, end)}`);
}
