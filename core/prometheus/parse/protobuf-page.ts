import { WireType } from '../../otlp/wire.ts';
import { byName, type Label, type Labels, METRIC_NAME } from '../labels.ts';
import type { NativeHistogram } from '../native-histogram.ts';
import { type Exemplar, type MetricKind, PageError, type PageReader, type PageSink, type Sample } from './page.ts';
import { ProtoFields } from './proto-fields.ts';
import {
  emptyHistogram,
  isNative,
  nativeOf,
  type ProtoHistogram,
  type ProtoMetric,
  readMetric,
  textOf,
} from './proto-metric.ts';
import { openMetricsFloat } from './series-text.ts';

/** In the order of the numbers that stand for them. */
const KINDS: readonly MetricKind[] = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram'];

/** A family is kept until it is complete; a larger one must not fill the memory. */
const MAX_FAMILY = 256 << 20;
const MAX_LENGTH_BYTES = 5;

/** Stands before each part of the bytes that stand for a series: no text has it. */
const SEPARATOR = 0xff;
const NO_EXEMPLARS: readonly Exemplar[] = [];

export interface ProtobufOptions {
  /** Histograms that have exponential buckets are read as such. */
  readonly nativeHistograms: boolean;
  /** And, where they have others too, also as classic ones. */
  readonly alsoClassic: boolean;
}

/** Reads MetricFamily messages, each after its length. */
export class ProtobufPage implements PageReader, Sample {
  buffer: Buffer = Buffer.alloc(256);
  readonly start = 0;
  end = 0;
  value = 0;
  timestamp = Number.NaN;
  histogram: NativeHistogram | undefined;
  exemplars: readonly Exemplar[] = NO_EXEMPLARS;
  startTimestamp = 0;
  readonly #sink: PageSink;
  readonly #options: ProtobufOptions;
  #pieces: Buffer[] = [];
  #size = 0;
  /** So many bytes must be there before going on makes sense. */
  #wanted = 1;

  constructor(sink: PageSink, options: ProtobufOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  push(chunk: Buffer): void {
    this.#pieces.push(Buffer.from(chunk));
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return;
    const bytes = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    const rest = bytes.subarray(this.#families(bytes));
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  finish(): void {
    if (this.#size > 0) throw new PageError('unexpected EOF');
  }

  labels(): Labels {
    return protobufLabels(this.buffer.subarray(0, this.end));
  }

  /** Reads what is complete; returns where the rest begins. */
  #families(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      let length = 0;
      let start = at;
      for (let unit = 1; ; unit *= 128) {
        if (start === bytes.length) return this.#want(1, at);
        const byte = bytes[start++] as number;
        length += (byte & 0x7f) * unit;
        if (byte < 0x80) break;
        if (start - at >= MAX_LENGTH_BYTES) throw new PageError('proto: invalid varint');
      }
      if (length > MAX_FAMILY) throw new PageError(`a metric family is larger than ${MAX_FAMILY} bytes`);
      if (start + length > bytes.length) return this.#want(start + length - at, at);
      this.#family(bytes, start, start + length);
      at = start + length;
    }
    this.#wanted = 1;
    return at;
  }

  #want(size: number, at: number): number {
    this.#wanted = size;
    return at;
  }

  #family(bytes: Buffer, start: number, end: number): void {
    let name = '';
    let help = '';
    let unit = '';
    let type = 0;
    let metrics = 0;
    const fields = new ProtoFields(bytes, start, end);
    while (fields.next()) {
      if (fields.is(1, WireType.BYTES)) name = textOf(fields);
      else if (fields.is(2, WireType.BYTES)) help = textOf(fields);
      else if (fields.is(3, WireType.VARINT)) type = fields.int();
      else if (fields.is(4, WireType.BYTES)) metrics++;
      else if (fields.is(5, WireType.BYTES)) unit = textOf(fields);
    }
    if (metrics === 0) return;
    if (name === '') throw new PageError('invalid metric name: ');
    const kind = KINDS[type];
    if (kind === undefined) throw new PageError(`unknown metric type for metric ${JSON.stringify(name)}: ${type}`);
    this.#sink.help(name, help);
    if (unit !== '') this.#sink.unit(name, unit);
    this.#sink.type(name, kind);
    const again = new ProtoFields(bytes, start, end);
    while (again.next()) if (again.is(4, WireType.BYTES)) this.#metric(name, kind, readMetric(again.message()));
  }

  #metric(name: string, kind: MetricKind, metric: ProtoMetric): void {
    this.timestamp = metric.timestamp === 0 ? Number.NaN : metric.timestamp;
    this.startTimestamp = metric.histogram?.start ?? metric.start;
    if (kind === 'summary') this.#summary(name, metric);
    else if (kind === 'histogram' || kind === 'gaugehistogram') this.#histogram(name, kind, metric);
    else this.#emit(name, metric.labels, metric.value, metric.exemplar);
  }

  #summary(name: string, { labels, summary }: ProtoMetric): void {
    const { count, sum, quantiles } = summary ?? { count: 0, sum: 0, quantiles: [] };
    this.#emit(`${name}_count`, labels, count);
    this.#emit(`${name}_sum`, labels, sum);
    for (const { quantile, value } of quantiles) {
      this.#emit(name, [...labels, ['quantile', openMetricsFloat(quantile)]], value);
    }
  }

  #histogram(name: string, kind: MetricKind, metric: ProtoMetric): void {
    const { labels, histogram = EMPTY } = metric;
    if (!this.#options.nativeHistograms || !isNative(histogram)) {
      this.#classic(name, labels, histogram);
      return;
    }
    this.histogram = nativeOf(histogram, kind === 'gaugehistogram');
    const own = histogram.exemplars.length > 0;
    const exemplars = own ? histogram.exemplars : histogram.buckets.flatMap(({ exemplar }) => exemplar ?? []);
    this.exemplars = exemplars.filter(({ timestamp }) => timestamp !== undefined);
    this.#emit(name, labels, 0);
    this.histogram = undefined;
    if (this.#options.alsoClassic && histogram.buckets.length > 0) this.#classic(name, labels, histogram);
  }

  #classic(name: string, labels: readonly Label[], histogram: ProtoHistogram): void {
    const count = histogram.countFloat || histogram.count;
    this.#emit(`${name}_count`, labels, count);
    this.#emit(`${name}_sum`, labels, histogram.sum);
    let complete = false;
    for (const bucket of histogram.buckets) {
      const bound: Label = ['le', openMetricsFloat(bucket.bound)];
      this.#emit(`${name}_bucket`, [...labels, bound], bucket.count, bucket.exemplar);
      complete = bucket.bound === Infinity;
      if (complete) break;
    }
    if (!complete) this.#emit(`${name}_bucket`, [...labels, ['le', '+Inf']], count);
  }

  #emit(name: string, labels: readonly Label[], value: number, exemplar?: Exemplar): void {
    this.value = value;
    if (exemplar !== undefined) this.exemplars = [exemplar];
    this.#write(name, sorted(labels));
    this.#sink.sample(this);
    this.exemplars = NO_EXEMPLARS;
  }

  /** Puts together the bytes that stand for the series, in whatever order its labels come. */
  #write(name: string, labels: readonly Label[]): void {
    let size = 1 + name.length * 3;
    for (const [label, value] of labels) size += 2 + (label.length + value.length) * 3;
    if (size > this.buffer.length) this.buffer = Buffer.alloc(size * 2);
    const { buffer } = this;
    buffer[0] = SEPARATOR;
    let at = 1 + buffer.write(name, 1);
    for (const [label, value] of labels) {
      buffer[at++] = SEPARATOR;
      at += buffer.write(label, at);
      buffer[at++] = SEPARATOR;
      at += buffer.write(value, at);
    }
    this.end = at;
  }
}

function sorted(labels: readonly Label[]): readonly Label[] {
  const isSorted = labels.every(([name], i) => i === 0 || (labels[i - 1] as Label)[0] <= name);
  return isSorted ? labels : [...labels].sort(byName);
}

const EMPTY = emptyHistogram();

/** Whether the bytes that stand for a series are those of this format. */
export const isProtobufSeries = (bytes: Buffer): boolean => bytes[0] === SEPARATOR;

export function protobufLabels(bytes: Buffer): Labels {
  const parts: string[] = [];
  for (let start = 1; start <= bytes.length; ) {
    const found = bytes.indexOf(SEPARATOR, start);
    const end = found < 0 ? bytes.length : found;
    parts.push(bytes.toString('utf8', start, end));
    start = end + 1;
  }
  const labels: Label[] = [[METRIC_NAME, parts[0] ?? '']];
  for (let i = 1; i < parts.length; i += 2) labels.push([parts[i] ?? '', parts[i + 1] ?? '']);
  return labels.sort(byName);
}
