import type { Labels } from '../labels.ts';
import { type Exemplar, type MetricKind, PageError, type PageReader, type PageSink, type Sample } from './page.ts';
import { type LabelSyntax, seriesLabels } from './series-text.ts';

const NEWLINE = 0x0a;
/** A line holds one sample with its labels; a page without line breaks must not fill the memory. */
const MAX_LINE = 4 << 20;

const NO_EXEMPLARS: readonly Exemplar[] = [];

/** What the readers of the two text formats share: lines out of pieces, and the sample that is being read. */
export abstract class TextPage implements PageReader, Sample {
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  value = 0;
  timestamp = Number.NaN;
  exemplars: readonly Exemplar[] = NO_EXEMPLARS;
  readonly histogram = undefined;
  readonly startTimestamp = 0;
  protected readonly sink: PageSink;
  /** Of the last TYPE line. */
  protected kind: MetricKind = 'unknown';
  readonly #syntax: LabelSyntax;
  /** The beginning of a line whose rest has not come yet. */
  #rest: Buffer | undefined;

  constructor(sink: PageSink, syntax: LabelSyntax) {
    this.sink = sink;
    this.#syntax = syntax;
  }

  /** Reads `buffer[start, end)`, a line without its line break; false where it ends within quotes and so goes on. */
  protected abstract line(buffer: Buffer, start: number, end: number): boolean;
  abstract finish(): void;

  push(chunk: Buffer): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest === undefined) this.#lines(chunk, 0);
    else this.#lines(chunk, this.#joined(rest, chunk));
  }

  labels(): Labels {
    return seriesLabels(this.buffer, this.start, this.end, this.#syntax, this.kind);
  }

  /** Hands on the sample; its exemplars, if any, are gone afterwards. */
  protected emit(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.sink.sample(this);
    this.exemplars = NO_EXEMPLARS;
  }

  /** The last line, where it has no line break. */
  protected takeRest(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    return rest;
  }

  /** Reads the line that `rest` began; returns where the next line of the chunk begins. */
  #joined(rest: Buffer, chunk: Buffer): number {
    for (let from = 0; ; ) {
      const lineEnd = chunk.indexOf(NEWLINE, from);
      if (lineEnd < 0) {
        this.#keep(Buffer.concat([rest, chunk]));
        return chunk.length;
      }
      const line = Buffer.concat([rest, chunk.subarray(0, lineEnd)]);
      if (this.line(line, 0, line.length)) return lineEnd + 1;
      from = lineEnd + 1;
    }
  }

  #lines(chunk: Buffer, from: number): void {
    let start = from;
    let search = from;
    while (start < chunk.length) {
      const end = chunk.indexOf(NEWLINE, search);
      if (end < 0) {
        this.#keep(Buffer.from(chunk.subarray(start)));
        return;
      }
      search = end + 1;
      if (this.line(chunk, start, end)) start = search;
    }
  }

  #keep(rest: Buffer): void {
    if (rest.length > MAX_LINE) throw new PageError(`a line is longer than ${MAX_LINE} bytes`);
    this.#rest = rest;
  }
}
