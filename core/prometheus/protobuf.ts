import { bucketRuns } from './bucket-runs.ts';
import type {
  BucketsSample,
  Family,
  NativeBuckets,
  NumberSample,
  PageExemplar,
  Sample,
  SummarySample,
} from './families.ts';
import { escapeName, type NameEscaping } from './names.ts';
import { Output } from './output.ts';
import type { MetricType, TextLabels } from './text.ts';

/** Of the enumeration MetricType. */
const TYPES: Readonly<Record<MetricType, number>> = { counter: 0, gauge: 1, summary: 2, untyped: 3, histogram: 4 };
/** The field of Metric that holds the value, by type. */
const VALUE_FIELDS: Readonly<Record<MetricType, number>> = {
  gauge: 2,
  counter: 3,
  summary: 4,
  untyped: 5,
  histogram: 7,
};
const NANOS = 1_000_000_000n;

/**
 * A page in the protobuf format, each family after its length, which is the only format with exponential buckets.
 * Source: https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 */
export function protobufPage(families: readonly Family[], escaping: NameEscaping): Buffer {
  const pages: Buffer[] = [];
  for (const family of families) {
    const out = new Output();
    out.text(1, escapeName(family.name, escaping));
    out.text(2, family.help);
    out.uint(3, BigInt(TYPES[family.type]));
    for (const sample of family.samples as readonly Sample[]) {
      out.message(4, () => writeMetric(out, family.type, sample, escaping));
    }
    const body = out.writer.toBuffer();
    out.raw(BigInt(body.length));
    pages.push(out.writer.toBuffer(), body);
  }
  return Buffer.concat(pages);
}

function writeMetric(out: Output, type: MetricType, sample: Sample, escaping: NameEscaping): void {
  writeLabels(out, sample.labels, escaping);
  out.message(VALUE_FIELDS[type], () => {
    if (type === 'summary') writeSummary(out, sample as SummarySample);
    else if (type === 'histogram') writeHistogram(out, sample as BucketsSample);
    else writeNumber(out, type, sample as NumberSample);
  });
  if (sample.timestampMs !== undefined) out.uint(6, BigInt(sample.timestampMs));
}

function writeLabels(out: Output, labels: TextLabels, escaping: NameEscaping): void {
  for (const [name, value] of labels) {
    out.message(1, () => {
      out.text(1, escapeName(name, escaping));
      out.text(2, value);
    });
  }
}

function writeNumber(out: Output, type: MetricType, sample: NumberSample): void {
  out.double(1, sample.value);
  if (type !== 'counter') return;
  if (sample.exemplar !== undefined) writeExemplar(out, 2, sample.exemplar);
  writeTime(out, 3, sample.createdNanos);
}

function writeSummary(out: Output, sample: SummarySample): void {
  out.uint(1, sample.count);
  out.double(2, sample.sum);
  for (const [quantile, value] of sample.quantiles) {
    out.message(3, () => {
      out.double(1, quantile);
      out.double(2, value);
    });
  }
  writeTime(out, 4, sample.createdNanos);
}

function writeHistogram(out: Output, sample: BucketsSample): void {
  out.uint(1, sample.count);
  out.double(2, sample.sum);
  for (const { cumulative, upperBound, exemplar } of sample.buckets) {
    out.message(3, () => {
      out.uint(1, cumulative);
      out.double(2, upperBound);
      if (exemplar !== undefined) writeExemplar(out, 3, exemplar);
    });
  }
  if (sample.native !== undefined) writeNative(out, sample.native);
  writeTime(out, 15, sample.createdNanos);
}

function writeNative(out: Output, native: NativeBuckets): void {
  out.sint(5, BigInt(native.schema));
  out.double(6, native.zeroThreshold);
  out.uint(7, native.zeroCount);
  writeSpans(out, 9, native.negative);
  writeSpans(out, 12, native.positive);
  for (const exemplar of native.exemplars) writeExemplar(out, 16, exemplar);
}

/** Runs of buckets (`field`) and of each count its difference to the one before (the field after). */
function writeSpans(out: Output, field: number, buckets: ReadonlyMap<number, bigint>): void {
  const { runs, deltas } = bucketRuns(buckets);
  for (const { offset, length } of runs) {
    out.message(field, () => {
      out.sint(1, BigInt(offset));
      out.uint(2, BigInt(length));
    });
  }
  for (const delta of deltas) out.sint(field + 1, delta);
}

function writeExemplar(out: Output, field: number, exemplar: PageExemplar): void {
  out.message(field, () => {
    writeLabels(out, exemplar.labels, 'allow-utf-8');
    out.double(2, exemplar.value);
    writeTime(out, 3, exemplar.timeNanos);
  });
}

function writeTime(out: Output, field: number, nanos: bigint | undefined): void {
  if (nanos === undefined) return;
  out.message(field, () => {
    out.uint(1, nanos / NANOS);
    out.uint(2, nanos % NANOS);
  });
}
