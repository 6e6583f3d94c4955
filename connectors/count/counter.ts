import { AttributeList } from '../../core/otlp/build/attribute-list.ts';
import type { MetricsBuilder } from '../../core/otlp/build/metrics-builder.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import { Temporality } from '../../core/otlp/readers/metric.ts';
import { encodeValue, type PlainValue } from '../../core/otlp/value-encode.ts';
import { AttributeLookup } from '../../core/series/attribute-lookup.ts';
import { KeyRows } from '../../core/series/key-rows.ts';
import type { KeyWriter } from '../../core/series/key-writer.ts';
import { TimeRange } from '../../core/series/time-range.ts';
import type { MetricInfo } from './config.ts';

interface Dimension {
  readonly key: Buffer;
  /** In the lookups. */
  readonly index: number;
  readonly fallback: Buffer | undefined;
}

interface Definition {
  readonly name: string;
  readonly description: string;
  readonly dimensions: readonly Dimension[];
  /** The combinations of attributes; by their rows: */
  readonly table: KeyRows;
  readonly points: { readonly attributes: Buffer; count: number }[];
}

/** Counts the items of one kind in one resource, for all metrics about them. */
export class Counter {
  /** Of the items; where they have none, a point has the time of counting. */
  readonly times = new TimeRange();
  readonly #definitions: readonly Definition[];
  readonly #keys: KeyWriter;
  readonly #lookups: readonly [item: AttributeLookup, scope: AttributeLookup, resource: AttributeLookup];
  readonly #byAttributes: boolean;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** `metrics` by name; `fallback` where there are none. */
  constructor(metrics: Readonly<Record<string, MetricInfo>>, fallback: [name: string, what: string], keys: KeyWriter) {
    const [name, what] = fallback;
    const standard = { [name]: { description: `The number of ${what} observed.`, conditions: [], attributes: [] } };
    const names = new Map<string, number>();
    this.#definitions = Object.entries(Object.keys(metrics).length === 0 ? standard : metrics)
      .filter(([, info]) => isCountable(info))
      .map(([metric, info]) => define(metric, info, names));
    const lookup = () => new AttributeLookup([...names.keys()].map((key) => Buffer.from(key)));
    this.#lookups = [lookup(), lookup(), lookup()];
    this.#byAttributes = names.size > 0;
    this.#keys = keys;
  }

  get isEmpty(): boolean {
    return this.#definitions.every(({ points }) => points.length === 0);
  }

  resource(attributes: Attributes): void {
    if (this.#byAttributes) this.#lookups[2].scan(attributes);
  }

  scope(attributes: Attributes): void {
    if (this.#byAttributes) this.#lookups[1].scan(attributes);
  }

  /** Undefined: an item of a kind that has no attributes. */
  item(attributes: Attributes | undefined): void {
    if (this.#byAttributes && attributes !== undefined) this.#lookups[0].scan(attributes);
    for (const definition of this.#definitions) this.#count(definition);
  }

  /** Writes the metrics that have counts, and begins anew. */
  write(builder: MetricsBuilder, now: bigint): void {
    const startTime = this.times.isEmpty ? now : this.times.start;
    const time = this.times.isEmpty ? now : this.times.end;
    for (const { name, description, points } of this.#definitions) {
      if (points.length === 0) continue;
      builder.openSum({ name, description }, Temporality.DELTA, true);
      for (const { attributes, count } of points) builder.integerPoint({ attributes, startTime, time }, count);
      builder.closeMetric();
    }
    this.clear();
  }

  clear(): void {
    for (const { table, points } of this.#definitions) {
      table.clear();
      points.length = 0;
    }
    this.times.clear();
  }

  #count({ dimensions, table, points }: Definition): void {
    const keys = this.#keys;
    keys.begin();
    for (const dimension of dimensions) {
      if (!this.#find(dimension)) return;
      // values of different types differ, and so do their bytes; the length keeps neighbours apart
      keys.length(this.#end - this.#start);
      keys.copy(this.#buffer, this.#start, this.#end);
    }
    keys.finish();
    const known = points[table.find(keys)];
    if (known !== undefined) known.count++;
    else points[table.add(keys)] = { attributes: this.#attributesOf(dimensions), count: 1 };
  }

  #attributesOf(dimensions: readonly Dimension[]): Buffer {
    const list = new AttributeList();
    for (const dimension of dimensions) {
      if (this.#find(dimension)) list.put(dimension.key, this.#buffer.subarray(this.#start, this.#end));
    }
    return list.encode();
  }

  #find({ index, fallback }: Dimension): boolean {
    for (const { buffer, starts, ends } of this.#lookups) {
      const start = starts[index] as number;
      if (start < 0) continue;
      this.#buffer = buffer;
      this.#start = start;
      this.#end = ends[index] as number;
      return true;
    }
    if (fallback === undefined) return false;
    this.#buffer = fallback;
    this.#start = 0;
    this.#end = fallback.length;
    return true;
  }
}

/** An attribute that is listed twice is one of a point and two of the list, which then counts nothing. */
function isCountable({ attributes }: MetricInfo): boolean {
  return new Set(attributes.map(({ key }) => key)).size === attributes.length;
}

function define(name: string, { description, attributes }: MetricInfo, names: Map<string, number>): Definition {
  const dimensions = attributes.map(({ key, default_value }) => {
    const index = names.get(key) ?? names.size;
    names.set(key, index);
    const none = default_value === undefined || default_value === null;
    return { key: Buffer.from(key), index, fallback: none ? undefined : encodeValue(default_value as PlainValue) };
  });
  return { name, description, dimensions, table: new KeyRows(), points: [] };
}
