import { bucketRuns } from '../bucket-runs.ts';
import { Output } from '../output.ts';
import { writeLabels } from './labels.ts';
import type { RemoteExemplar, RemoteHistogram, RemoteMetadata, RemoteSample, RemoteSeries } from './series.ts';

/**
 * The first version: labels are written out in every series, metadata are messages of their own.
 * Source: https://prometheus.io/docs/specs/prw/remote_write_spec/
 *
 *   WriteRequest   = timeseries 1*, metadata 3*
 *   TimeSeries     = labels 1* {name 1, value 2}, samples 2* {value 1, timestamp 2}, exemplars 3*, histograms 4*
 *   Exemplar       = labels 1*, value 2, timestamp 3
 *   MetricMetadata = type 1, metric_family_name 2, help 4, unit 5
 *   Histogram      = count_int 1, sum 3, schema 4, zero_threshold 5, zero_count_int 6, negative_spans 8* {offset 1,
 *                    length 2}, negative_deltas 9*, positive_spans 11*, positive_deltas 12*, timestamp 15
 */
export function writeRequests(
  series: Iterable<RemoteSeries>,
  metadata: readonly RemoteMetadata[],
  maxBytes: number,
): Buffer[] {
  const requests = new Requests(maxBytes);
  for (const one of series) {
    requests.add((out) => out.message(1, () => writeSeries(out, one), one.end - one.start + EXPECTED_SAMPLE));
  }
  requests.end();
  for (const one of metadata) requests.add((out) => out.message(3, () => writeMetadata(out, one)));
  requests.end();
  return requests.bodies;
}

/** What a sample takes: two tags and a length, a double, a time of these years. */
const EXPECTED_SAMPLE = 19;

function writeSeries(out: Output, series: RemoteSeries): void {
  const { samples, exemplars, histograms } = series;
  out.writer.copy(series.encoded, series.start, series.end);
  for (const sample of samples) out.message(2, () => writeSample(out, sample));
  for (const exemplar of exemplars) {
    out.message(3, () => {
      writeLabels(out, exemplar.labels);
      writeObservation(out, exemplar);
    });
  }
  for (const histogram of histograms) out.message(4, () => writeHistogram(out, histogram));
}

function writeMetadata(out: Output, { type, name, help, unit }: RemoteMetadata): void {
  out.uint(1, BigInt(type));
  out.text(2, name);
  out.text(4, help);
  out.text(5, unit);
}

/**
 * The second version: texts stand once in a table, and series refer to them.
 * Source: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
 *
 *   Request    = symbols 4*, of which the first is empty, timeseries 5*
 *   TimeSeries = labels_refs 1 (packed: name, value, name …), samples 2*, histograms 3*, exemplars 4*, metadata 5
 *   Exemplar   = labels_refs 1 (packed), value 2, timestamp 3
 *   Metadata   = type 1, help_ref 3, unit_ref 4
 */
export function writeRequests2(series: Iterable<RemoteSeries>, maxBytes: number): Buffer[] {
  let symbols = new Symbols();
  const requests = new Requests(maxBytes, () => {
    const table = symbols.table();
    symbols = new Symbols();
    return table;
  });
  for (const one of series) {
    const write = (out: Output) => out.message(5, () => writeSeries2(out, one, symbols));
    requests.add(write, () => symbols.bytes);
  }
  requests.end();
  return requests.bodies;
}

function writeSeries2(out: Output, series: RemoteSeries, symbols: Symbols): void {
  const { labels, samples, exemplars, histograms, metadata } = series;
  writeReferences(out, labels, symbols);
  for (const sample of samples) out.message(2, () => writeSample(out, sample));
  for (const histogram of histograms) out.message(3, () => writeHistogram(out, histogram));
  for (const exemplar of exemplars) {
    out.message(4, () => {
      writeReferences(out, exemplar.labels, symbols);
      writeObservation(out, exemplar);
    });
  }
  out.message(5, () => {
    out.uint(1, BigInt(metadata.type));
    out.uint(3, BigInt(symbols.of(metadata.help)));
    out.uint(4, BigInt(symbols.of(metadata.unit)));
  });
}

function writeReferences(out: Output, labels: RemoteSeries['labels'], symbols: Symbols): void {
  out.message(1, () => {
    for (const [name, value] of labels) {
      out.writer.varint(symbols.of(name));
      out.writer.varint(symbols.of(value));
    }
  });
}

/** The texts of one request. */
class Symbols {
  readonly #references = new Map([['', 0]]);
  readonly #output = new Output();

  constructor() {
    this.#output.text(4, '');
  }

  get bytes(): number {
    return this.#output.writer.length;
  }

  of(text: string): number {
    let reference = this.#references.get(text);
    if (reference === undefined) {
      reference = this.#references.size;
      this.#references.set(text, reference);
      this.#output.text(4, text);
    }
    return reference;
  }

  table(): Buffer {
    return this.#output.writer.toBuffer();
  }
}

function writeSample(out: Output, { value, stale, timestampMs }: RemoteSample): void {
  if (stale) out.stale(1);
  else out.double(1, value);
  out.int(2, timestampMs);
}

function writeObservation(out: Output, { value, timestampMs }: RemoteExemplar): void {
  out.double(2, value);
  out.int(3, timestampMs);
}

/** What a histogram that has ended has as its count. */
const STALE_COUNT = 0x7ff0_0000_0000_0002n;

function writeHistogram(out: Output, histogram: RemoteHistogram): void {
  out.uint(1, histogram.stale ? STALE_COUNT : histogram.count);
  if (histogram.stale) out.stale(3);
  else out.double(3, histogram.sum);
  out.sint(4, BigInt(histogram.schema));
  out.double(5, histogram.zeroThreshold);
  out.uint(6, histogram.zeroCount);
  writeBuckets(out, 8, histogram.negative);
  writeBuckets(out, 11, histogram.positive);
  out.int(15, histogram.timestampMs);
}

/** Runs of buckets, and packed in the field after them the differences of their counts. */
function writeBuckets(out: Output, field: number, buckets: ReadonlyMap<number, bigint>): void {
  if (buckets.size === 0) return;
  const { runs, deltas } = bucketRuns(buckets);
  for (const { offset, length } of runs) {
    out.message(field, () => {
      out.sint(1, BigInt(offset));
      out.uint(2, BigInt(length));
    });
  }
  out.message(field + 1, () => {
    for (const delta of deltas) out.raw((delta << 1n) ^ (delta >> 63n));
  });
}

/** Requests of limited size. A series that is larger by itself is a request by itself. */
class Requests {
  readonly bodies: Buffer[] = [];
  readonly #maxBytes: number;
  readonly #head: () => Buffer;
  readonly #output = new Output();

  constructor(maxBytes: number, head: () => Buffer = () => Buffer.alloc(0)) {
    this.#maxBytes = maxBytes;
    this.#head = head;
  }

  /** `write` is called a second time where what it wrote belongs to the next request. */
  add(write: (out: Output) => void, headBytes: () => number = () => 0): void {
    const { writer } = this.#output;
    const before = writer.length;
    write(this.#output);
    if (before === 0 || writer.length + headBytes() < this.#maxBytes) return;
    writer.truncate(before);
    this.end();
    write(this.#output);
  }

  end(): void {
    const { writer } = this.#output;
    if (writer.length === 0) return;
    this.bodies.push(Buffer.concat([this.#head(), writer.buffer.subarray(0, writer.length)]));
    writer.clear();
  }
}
