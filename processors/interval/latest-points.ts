import { copyFieldsExcept } from '../../core/otlp/edit/copy-fields.ts';
import { Writer } from '../../core/otlp/edit/writer.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import { GROUP, type Groups, MEMBER } from '../../core/otlp/readers/groups.ts';
import { type MetricReader, type MetricType, POINT } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { tagOf, WireType } from '../../core/otlp/wire.ts';
import { AttributesKey } from '../../core/series/attributes-key.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import { KeyedEntries } from '../../core/series/keyed-entries.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';

/** A point is kept as its bytes. */
interface Point {
  bytes: Buffer;
  /** Nanoseconds since the Unix epoch, in two unsigned halves. */
  timeHigh: number;
  timeLow: number;
}
/** `head` has the fields of the message, without what it contains; `id` tells it from others of its kind. */
interface Metric {
  readonly id: number;
  readonly head: Buffer;
  readonly type: MetricType;
  readonly data: Buffer;
  readonly points: Point[];
}
interface Scope {
  readonly id: number;
  readonly head: Buffer;
  readonly metrics: Metric[];
}
interface Resource {
  readonly id: number;
  readonly head: Buffer;
  readonly scopes: Scope[];
}

const METADATA = tagOf(12, WireType.BYTES);
/** What messages are expected to be about as long as; a wrong guess costs a move of what is in it. */
const EXPECTED_GROUP = 1 << 14;

/** The last point of every series, in the order in which the series came. */
export class LatestPoints {
  readonly #resources: Resource[] = [];
  /** Keys of what is in something else begin with the id of that. */
  readonly #resourceTable = new KeyedEntries<Resource>();
  readonly #scopeTable = new KeyedEntries<Scope>();
  readonly #metricTable = new KeyedEntries<Metric>();
  readonly #pointTable = new KeyedEntries<Point>();
  readonly #keys: KeyWriter;
  readonly #key: AttributesKey;
  readonly #attributes = new Attributes();
  readonly #scope = new ScopeReader();
  readonly #point = new DataPointReader();
  readonly #writer = new Writer();

  constructor(seed: number) {
    this.#keys = new KeyWriter(seed);
    this.#key = new AttributesKey(this.#keys);
  }

  /** Points that are held. */
  get count(): number {
    return this.#pointTable.size;
  }

  /** Takes in the points of a metric; of points with one time the first stays. */
  add(at: Groups, metric: MetricReader): void {
    const { id, points } = this.#findMetric(at, metric);
    const { buffer, type } = metric;
    const keys = this.#keys;
    while (metric.nextPoint()) {
      const point = this.#point.read(type, buffer, metric.pointStart, metric.pointEnd);
      const timeHigh = point.timeAt < 0 ? 0 : buffer.readUInt32LE(point.timeAt + 4);
      const timeLow = point.timeAt < 0 ? 0 : buffer.readUInt32LE(point.timeAt);
      keys.begin();
      keys.length(id);
      this.#key.write(point.attributes);
      keys.finish();
      const known = this.#pointTable.find(keys);
      if (known === undefined) {
        const bytes = copyOf(buffer, metric.pointStart, metric.pointEnd);
        points.push(this.#pointTable.add(keys, { bytes, timeHigh, timeLow }));
      } else if (timeHigh > known.timeHigh || (timeHigh === known.timeHigh && timeLow > known.timeLow)) {
        known.bytes = copyOf(buffer, metric.pointStart, metric.pointEnd);
        known.timeHigh = timeHigh;
        known.timeLow = timeLow;
      }
    }
    metric.rewind();
  }

  /** Everything as one batch, and nothing is held any more; undefined where nothing was. */
  take(): Telemetry | undefined {
    if (this.#resources.length === 0) return undefined;
    for (const resource of this.#resources) this.#writeResource(resource);
    const items = this.count;
    this.#resources.length = 0;
    for (const table of [this.#resourceTable, this.#scopeTable, this.#metricTable, this.#pointTable]) table.clear();
    return Telemetry.of('metrics', this.#writer.toBuffer(), items);
  }

  #findMetric(at: Groups, metric: MetricReader): Metric {
    const scope = this.#findScope(at);
    const { buffer, type } = metric;
    const keys = this.#keys;
    keys.begin();
    keys.length(scope.id);
    this.#key.bytes(buffer, metric.nameStart, metric.nameEnd);
    this.#key.bytes(buffer, metric.unitStart, metric.unitEnd);
    keys.byte(type);
    keys.byte(metric.monotonic ? 1 : 0);
    keys.byte(metric.temporality);
    keys.finish();
    const known = this.#metricTable.find(keys);
    if (known !== undefined) return known;
    const head = this.#fields(buffer, metric.start, metric.end, tagOf(type, WireType.BYTES), METADATA);
    const data = this.#fields(buffer, metric.dataStart, metric.dataEnd, POINT);
    const added = this.#metricTable.add(keys, { id: this.#metricTable.size, head, type, data, points: [] });
    scope.metrics.push(added);
    return added;
  }

  #findScope(at: Groups): Scope {
    const resource = this.#findResource(at);
    const { buffer } = at;
    const scope = this.#scope.read(buffer, at.scopeStart, at.scopeEnd);
    const keys = this.#keys;
    keys.begin();
    keys.length(resource.id);
    this.#key.bytes(buffer, scope.nameStart, scope.nameEnd);
    this.#key.bytes(buffer, scope.versionStart, scope.versionEnd);
    this.#key.write(scope.attributes);
    keys.finish();
    const known = this.#scopeTable.find(keys);
    if (known !== undefined) return known;
    const head = this.#fields(buffer, at.scopeGroupStart, at.scopeGroupEnd, MEMBER);
    const added = this.#scopeTable.add(keys, { id: this.#scopeTable.size, head, metrics: [] });
    resource.scopes.push(added);
    return added;
  }

  #findResource(at: Groups): Resource {
    const { buffer } = at;
    const keys = this.#keys;
    keys.begin();
    this.#key.write(this.#attributes.set(buffer, at.resourceStart, at.resourceEnd, RESOURCE_ATTRIBUTES));
    keys.finish();
    const known = this.#resourceTable.find(keys);
    if (known !== undefined) return known;
    const head = this.#fields(buffer, at.groupStart, at.groupEnd, at.scopesTag);
    const added = this.#resourceTable.add(keys, { id: this.#resourceTable.size, head, scopes: [] });
    this.#resources.push(added);
    return added;
  }

  #fields(buffer: Buffer, start: number, end: number, except: number, second = except): Buffer {
    copyFieldsExcept(this.#writer, buffer, start, end, except, second);
    return this.#writer.toBuffer();
  }

  #writeResource({ head, scopes }: Resource): void {
    const writer = this.#writer;
    writer.open(GROUP, EXPECTED_GROUP);
    writer.copy(head, 0, head.length);
    for (const scope of scopes) {
      writer.open(MEMBER, EXPECTED_GROUP);
      writer.copy(scope.head, 0, scope.head.length);
      for (const metric of scope.metrics) this.#writeMetric(metric);
      writer.close();
    }
    writer.close();
  }

  #writeMetric({ head, type, data, points }: Metric): void {
    const writer = this.#writer;
    writer.open(MEMBER, EXPECTED_GROUP);
    writer.copy(head, 0, head.length);
    writer.open(tagOf(type, WireType.BYTES), EXPECTED_GROUP);
    for (const { bytes } of points) writer.field(POINT, bytes);
    writer.copy(data, 0, data.length);
    writer.close();
    writer.close();
  }
}

function copyOf(buffer: Buffer, start: number, end: number): Buffer {
  return Buffer.from(buffer.subarray(start, end));
}
