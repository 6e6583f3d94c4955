import type { KeyValue, Metric, MetricsTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { type Data, newer, pointsOf } from './merge.ts';

/** Attributes as texts, in the order they came. */
export type Texts = readonly (readonly [key: string, text: string])[];

export interface Resource {
  readonly attributes: Texts;
  /** `service.namespace/service.name`. */
  readonly job: string | undefined;
  readonly instance: string | undefined;
}

export interface Scope {
  readonly name: string;
  readonly version: string;
  readonly schemaUrl: string;
  readonly attributes: Texts;
}

/** One series: what came last, of deltas what they add up to. */
export interface Series {
  readonly scope: Scope;
  readonly attributes: Texts;
  resource: Resource;
  name: string;
  description: string;
  unit: string;
  data: Data;
  /** Of the monotonic clock. */
  updated: number;
}

export interface AccumulatorOptions {
  /** 0 for no limit. */
  readonly maxSeries: number;
  /** A series lives so many milliseconds after its last point. */
  readonly expirationMs: number;
  /** The attributes of the resource that every point gets, in place of its own of the same key. */
  readonly promoted: (resource: Resource) => Texts;
}

/** Keeps the series by what identifies them: name, type, scope, attributes, job and instance. */
export class Accumulator {
  readonly #series = new Map<string, Series>();
  readonly #options: AccumulatorOptions;

  constructor(options: AccumulatorOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#series.size;
  }

  /** Takes the points over; returns how many were dropped because there are too many series. */
  add(tree: MetricsTree, now: number): number {
    let dropped = 0;
    for (const { resource: given, scopeMetrics } of tree.resourceMetrics) {
      const resource = resourceOf(texts(given?.attributes ?? []));
      const promoted = this.#options.promoted(resource);
      const owner = identity([
        ['job', resource.job ?? ''],
        ['instance', resource.instance ?? ''],
      ]);
      for (const { scope: named, schemaUrl, metrics } of scopeMetrics) {
        const attributes = texts(named?.attributes ?? []);
        const scope = { name: named?.name ?? '', version: named?.version ?? '', schemaUrl, attributes };
        const within = [scope.name, scope.version, schemaUrl, identity(attributes), owner].join(SEPARATOR);
        for (const metric of metrics) dropped += this.#addMetric(metric, resource, promoted, scope, within, now);
      }
    }
    return dropped;
  }

  /** The series in the order they appeared, without those that expired. */
  live(now: number): readonly Series[] {
    this.expire(now);
    return [...this.#series.values()];
  }

  expire(now: number): void {
    for (const [key, series] of this.#series) {
      if (now - this.#options.expirationMs > series.updated) this.#series.delete(key);
    }
  }

  #addMetric(metric: Metric, resource: Resource, promoted: Texts, scope: Scope, within: string, now: number): number {
    const { name, description, unit } = metric;
    let dropped = 0;
    for (const { data, temporality } of pointsOf(metric)) {
      const attributes = merged(texts(data.point.attributes), promoted);
      const key = [name, data.kind, within, identity(attributes)].join(SEPARATOR);
      if ((data.point.flags & NO_RECORDED_VALUE) !== 0) {
        this.#series.delete(key);
        // as in the collector: a series that ends is the last of its metric that is looked at
        return dropped;
      }
      data.point.attributes = [];
      const known = this.#series.get(key);
      const value = newer(known?.data, data, temporality);
      if (value === undefined) continue;
      if (known !== undefined) {
        Object.assign(known, { resource, name, description, unit, data: value, updated: now });
      } else if (this.#options.maxSeries === 0 || this.#series.size < this.#options.maxSeries) {
        this.#series.set(key, { scope, attributes, resource, name, description, unit, data: value, updated: now });
      } else dropped++;
    }
    return dropped;
  }
}

/** A flag of data points: the series has ended. */
const NO_RECORDED_VALUE = 1;
const SEPARATOR = '\0';

function texts(attributes: readonly KeyValue[]): Texts {
  return attributes.map(({ key, value }) => [key, valueText(value)] as const);
}

/** The same for the same attributes in another order. */
function identity(attributes: Texts): string {
  return attributes
    .map(([key, text]) => key + SEPARATOR + text)
    .sort()
    .join(SEPARATOR);
}

function merged(attributes: Texts, promoted: Texts): Texts {
  if (promoted.length === 0) return attributes;
  const all = [...attributes];
  for (const entry of promoted) {
    const at = all.findIndex(([key]) => key === entry[0]);
    if (at < 0) all.push(entry);
    else all[at] = entry;
  }
  return all;
}

export const SERVICE_ATTRIBUTES: ReadonlySet<string> = new Set([
  'service.name',
  'service.namespace',
  'service.instance.id',
]);

function resourceOf(attributes: Texts): Resource {
  const find = (wanted: string) => attributes.find(([key]) => key === wanted)?.[1];
  const name = find('service.name');
  const namespace = find('service.namespace');
  return {
    attributes,
    job: name === undefined || namespace === undefined ? name : `${namespace}/${name}`,
    instance: find('service.instance.id'),
  };
}
