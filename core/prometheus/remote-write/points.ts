import { onScale } from '../../otlp/exponential-add.ts';
import type { DataPointReader } from '../../otlp/readers/data-point.ts';
import { ExemplarReader } from '../../otlp/readers/parts.ts';
import { valueText } from '../../otlp/value.ts';
import type { TextLabels } from '../text.ts';
import type { RemoteExemplar, RemoteHistogram } from './series.ts';

/** Scales of exponential histograms that native histograms have. */
const MIN_SCHEMA = -4;
const MAX_SCHEMA = 8;
/** Where a histogram names no zero threshold. */
const DEFAULT_ZERO_THRESHOLD = 1e-128;
/** OpenMetrics allows so many characters in the labels of an exemplar. */
const MAX_EXEMPLAR_CHARACTERS = 128;
const NANOS_PER_MILLISECOND = 1_000_000n;

/** From nanoseconds, as times are in remote write. */
export function milliseconds(nanos: bigint): number {
  return Number(BigInt.asIntN(64, nanos) / NANOS_PER_MILLISECOND);
}

/** The same for exemplars, where the collector rounds times before 1970 down. */
function wholeMilliseconds(nanos: bigint): number {
  const signed = BigInt.asIntN(64, nanos);
  const rest = ((signed % NANOS_PER_MILLISECOND) + NANOS_PER_MILLISECOND) % NANOS_PER_MILLISECOND;
  return Number((signed - rest) / NANOS_PER_MILLISECOND);
}

/** Throws where there is no native histogram with such wide buckets. */
export function nativeHistogram(point: DataPointReader, at: { timestampMs: number; stale: boolean }): RemoteHistogram {
  const { scale, zeroThreshold } = point;
  if (scale < MIN_SCHEMA) {
    throw new Error(`cannot convert exponential to native histogram. Scale must be >= -4, was ${scale}`);
  }
  const schema = Math.min(scale, MAX_SCHEMA);
  const buckets = (sign: 'positive' | 'negative') => {
    const { offset, counts: bucketCounts } = point.buckets(sign);
    const all = onScale({ offset, bucketCounts }, scale, schema);
    // native histograms count buckets by their upper bound, OTLP by their lower one; both in 32 bits
    return new Map([...all].filter(([, count]) => count !== 0n).map(([index, count]) => [(index + 1) | 0, count]));
  };
  return {
    ...at,
    schema,
    count: point.count,
    sum: point.sum ?? 0,
    zeroThreshold: zeroThreshold === 0 ? DEFAULT_ZERO_THRESHOLD : zeroThreshold,
    zeroCount: point.zeroCount,
    positive: buckets('positive'),
    negative: buckets('negative'),
  };
}

const exemplar = new ExemplarReader();

/** The exemplars of a point, in the order they came. */
export function exemplarsOf(point: DataPointReader): RemoteExemplar[] {
  const found: RemoteExemplar[] = [];
  const messages = point.exemplars;
  while (messages.next()) {
    exemplar.read(point.buffer, messages.messageStart, messages.messageEnd);
    found.push({
      labels: exemplarLabels(exemplar),
      value: exemplar.value,
      // as in the collector, where one without a value has no time either
      timestampMs: exemplar.valueAt < 0 ? 0 : wholeMilliseconds(exemplar.timeUnixNano),
    });
  }
  return found;
}

/** The ids, and the attributes where all of it is not too long. */
function exemplarLabels({ traceId, spanId, attributes }: ExemplarReader): TextLabels {
  const labels = new Map<string, string>();
  let characters = 0;
  const add = (name: string, text: string): void => {
    characters += [...name].length + [...text].length;
    if (text !== '' && !labels.has(name)) labels.set(name, text);
  };
  if (/[^0]/.test(traceId)) add('trace_id', traceId);
  if (/[^0]/.test(spanId)) add('span_id', spanId);
  const ids = [...labels];
  attributes.rewind();
  while (attributes.next()) {
    add(attributes.key(), valueText(attributes.buffer, attributes.valueStart, attributes.valueEnd));
  }
  const chosen = characters <= MAX_EXEMPLAR_CHARACTERS ? [...labels] : ids;
  return chosen.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
