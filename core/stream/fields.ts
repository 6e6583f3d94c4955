import type { Attributes } from '../otlp/readers/attributes.ts';
import type { LogRecordReader } from '../otlp/readers/log-record.ts';
import type { MetricReader } from '../otlp/readers/metric.ts';
import type { SpanReader } from '../otlp/readers/span.ts';
import { valueText } from '../otlp/value.ts';
import { AttributeLookup } from '../series/attribute-lookup.ts';
import type { Signal } from '../signal.ts';

/** What a field can be beside an attribute, by signal. The reader is at the item; of points at their metric. */
const BUILT_IN: Readonly<Record<Signal, Readonly<Record<string, (reader: Reader) => string>>>> = {
  metrics: {
    'metric.name': (metric) => (metric as MetricReader).name,
    'metric.unit': (metric) => (metric as MetricReader).unit,
  },
  logs: {
    'event.name': (record) => eventNameOf(record as LogRecordReader),
    severity_text: (record) => (record as LogRecordReader).severityText,
    trace_id: (record) => (record as LogRecordReader).traceId,
    body: (record) => bodyOf(record as LogRecordReader),
  },
  traces: {
    'span.name': (span) => (span as SpanReader).name,
    trace_id: (span) => (span as SpanReader).traceId,
  },
};

const EVENT_NAME = Buffer.from('event.name');

/** What an item is read with: a point's metric, a log record or a span. */
export type Reader = MetricReader | LogRecordReader | SpanReader;

export type FieldPlace = 'resource' | 'attributes' | 'any' | 'built-in';

/** A field as it is named in a configuration. */
export interface Field {
  readonly name: string;
  readonly place: FieldPlace;
  /** The attribute's key; empty for what is built in. */
  readonly key: string;
}

/**
 * `resource.KEY` and `attributes.KEY` are attributes of the resource and of the item; names such as `metric.name` or
 * `event.name` are what every item of the signal has; any other is an attribute of the item, else of the resource.
 */
export function parseField(name: string, signal: Signal): Field {
  if (Object.hasOwn(BUILT_IN[signal], name)) return { name, place: 'built-in', key: '' };
  if (name.startsWith('resource.')) return { name, place: 'resource', key: name.slice('resource.'.length) };
  if (name.startsWith('attributes.')) return { name, place: 'attributes', key: name.slice('attributes.'.length) };
  return { name, place: 'any', key: name };
}

/** Reads some fields of each item, as text; '' for what is not there. */
export class FieldValues {
  readonly fields: readonly Field[];
  /** By place in `fields`, after `item`. */
  readonly values: string[];
  readonly #builtIn: readonly (((reader: Reader) => string) | undefined)[];
  readonly #resource: AttributeLookup;
  readonly #item: AttributeLookup;
  /** Of each field, its place in the lookups. */
  readonly #places: readonly number[];
  readonly #ofResource: string[];
  /** No field differs between the points of a metric. */
  readonly perMetric: boolean;

  constructor(names: readonly string[], signal: Signal) {
    this.fields = names.map((name) => parseField(name, signal));
    this.values = names.map(() => '');
    this.#ofResource = names.map(() => '');
    this.#builtIn = this.fields.map(({ name, place }) => (place === 'built-in' ? BUILT_IN[signal][name] : undefined));
    const keys = [...new Set(this.fields.flatMap(({ key, place }) => (place === 'built-in' ? [] : [key])))];
    this.#places = this.fields.map(({ key }) => keys.indexOf(key));
    this.#resource = new AttributeLookup(keys.map((key) => Buffer.from(key)));
    this.#item = new AttributeLookup(keys.map((key) => Buffer.from(key)));
    this.perMetric = this.fields.every(({ place }) => place === 'resource' || place === 'built-in');
  }

  /** To be called for each resource. */
  resource(attributes: Attributes): void {
    this.#resource.scan(attributes);
    for (const [i, { place }] of this.fields.entries()) {
      this.#ofResource[i] = place === 'resource' || place === 'any' ? this.#text(this.#resource, i) : '';
    }
  }

  /** Reads the fields of an item. `attributes`: its own; left out where no field needs them (`perMetric`). */
  item(reader: Reader, attributes: Attributes | undefined): void {
    if (attributes !== undefined) this.#item.scan(attributes);
    for (let i = 0; i < this.fields.length; i++) {
      const builtIn = this.#builtIn[i];
      this.values[i] = builtIn === undefined ? this.#attribute(i, attributes !== undefined) : builtIn(reader);
    }
  }

  #attribute(i: number, hasItem: boolean): string {
    const { place } = this.fields[i] as Field;
    if (place === 'resource' || !hasItem) return this.#ofResource[i] as string;
    const at = this.#places[i] as number;
    if ((this.#item.starts[at] as number) >= 0) return this.#text(this.#item, i);
    return place === 'any' ? (this.#ofResource[i] as string) : '';
  }

  #text(lookup: AttributeLookup, i: number): string {
    const at = this.#places[i] as number;
    const start = lookup.starts[at] as number;
    return start < 0 ? '' : valueText(lookup.buffer, start, lookup.ends[at] as number);
  }
}

/** The record's event name; older senders have it as an attribute. */
function eventNameOf(record: LogRecordReader): string {
  if (record.eventNameStart < record.eventNameEnd) return record.eventName;
  const { attributes } = record;
  return attributes.find(EVENT_NAME) ? valueText(attributes.buffer, attributes.valueStart, attributes.valueEnd) : '';
}

function bodyOf({ buffer, bodyStart, bodyEnd }: LogRecordReader): string {
  return valueText(buffer, bodyStart, bodyEnd);
}
