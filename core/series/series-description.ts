import { retag } from '../otlp/build/attribute-list.ts';
import { Exemplars } from '../otlp/build/exemplars.ts';
import { ExponentialHistogram } from '../otlp/build/exponential-histogram.ts';
import { RequestTag, ResourceMetricsTag, ResourceTag } from '../otlp/build/metric-tags.ts';
import { scan } from '../otlp/scan/scan.ts';
import { varintSize, writeVarint } from '../otlp/wire.ts';
import { damaged, type StateReader, type StateWriter } from '../stream/codec.ts';

/** How values are counted: in buckets with these upper bounds, else in an exponential histogram of this size. */
export interface HistogramLayout {
  readonly bounds: readonly number[] | undefined;
  readonly maxSize: number;
}

/** What a series has besides numbers. */
export interface Description {
  readonly attributes: Buffer;
  readonly startTime: bigint;
  exemplars: Exemplars | undefined;
  /** Of the histogram, where it is a metric of its own beside the count. */
  valueExemplars: Exemplars | undefined;
  exponential: ExponentialHistogram | undefined;
}

/** Two tags and two lengths. */
const HEAD_BYTES = 12;
const NOTHING = Buffer.alloc(0);

/** Of a new series. `layout`: undefined where nothing is recorded, only counted. */
export function describe(attributes: Buffer, startTime: bigint, layout: HistogramLayout | undefined): Description {
  const exponential = isExponential(layout) ? new ExponentialHistogram(layout.maxSize) : undefined;
  return { attributes, startTime, exemplars: undefined, valueExemplars: undefined, exponential };
}

export function encodeDescription(description: Description, to: StateWriter): void {
  const { attributes, startTime, exemplars, valueExemplars, exponential } = description;
  to.bytes(attributes).uint64(startTime);
  to.bytes(exemplars?.packed ?? NOTHING).bytes(valueExemplars?.packed ?? NOTHING);
  const packed = exponential?.packed;
  if (packed !== undefined) to.uint32(packed.length).doubles(packed);
}

/** What was written with the same layout. Throws where it cannot be read. */
export function decodeDescription(from: StateReader, layout: HistogramLayout | undefined): Description {
  const description = describe(decodeAttributes(from), from.uint64(), layout);
  description.exemplars = exemplarsOf(from.bytes());
  description.valueExemplars = exemplarsOf(from.bytes());
  if (!isExponential(layout)) return description;
  description.exponential = ExponentialHistogram.of(layout.maxSize, from.doubles(from.uint32()));
  if (description.exponential === undefined) throw damaged('a histogram that cannot be');
  return description;
}

/** A list of attributes as `MetricsBuilder` takes it. Throws where the bytes are none. */
export function decodeAttributes(from: StateReader): Buffer {
  const list = from.bytes();
  const { length } = list;
  // as those of a resource, the one message of a request
  const request = Buffer.alloc(HEAD_BYTES + length);
  const size = 1 + varintSize(length) + length;
  request[0] = RequestTag.RESOURCE_METRICS;
  let at = writeVarint(request, 1, size);
  request[at] = ResourceMetricsTag.RESOURCE;
  at = writeVarint(request, at + 1, length);
  list.copy(request, at);
  try {
    retag(request, at, at + length, ResourceTag.ATTRIBUTES);
    scan('metrics', request, 0, at + length);
  } catch {
    throw damaged('attributes that cannot be');
  }
  return list;
}

function isExponential(layout: HistogramLayout | undefined): layout is HistogramLayout {
  return layout !== undefined && layout.bounds === undefined;
}

function exemplarsOf(packed: Buffer): Exemplars | undefined {
  if (packed.length === 0) return undefined;
  const exemplars = Exemplars.of(packed);
  if (exemplars === undefined) throw damaged('exemplars that cannot be');
  return exemplars;
}
