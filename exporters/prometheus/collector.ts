import type { Logger } from '../../core/logger.ts';
import { Families, type Family, type Sample } from '../../core/prometheus/families.ts';
import {
  exponentialSample,
  histogramSample,
  numberSample,
  type SampleFrame,
  summarySample,
  timestampOf,
} from '../../core/prometheus/from-otlp.ts';
import { labelName, type MetricNaming, metricName, type NamedType } from '../../core/prometheus/names.ts';
import type { MetricType, TextLabels } from '../../core/prometheus/text.ts';
import { type Resource, SERVICE_ATTRIBUTES, type Series, type Texts } from './accumulator.ts';
import type { Data } from './merge.ts';

export interface CollectorOptions {
  readonly naming: MetricNaming;
  readonly constLabels: Readonly<Record<string, string>>;
  readonly sendTimestamps: boolean;
  readonly scopeInfo: boolean;
  readonly expirationMs: number;
}

/** What was decided about a name when it was first served. */
interface Known {
  readonly type: MetricType;
  readonly help: string;
  /** Of the monotonic clock. */
  lastSeen: number;
}

/** Makes families out of series. What cannot be served is left out, which the log says once for each series. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #logger: Logger;
  /** By name; as many as there are names among the series, and those of the last `expirationMs`. */
  readonly #known = new Map<string, Known>();
  readonly #refused = new WeakSet<Series>();
  #lastName: { name?: string; unit?: string; type?: NamedType; built: string } = { built: '' };

  constructor(options: CollectorOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  collect(all: readonly Series[], now: number): Family[] {
    const families = new Families();
    for (const resource of targets(all)) this.#addTarget(families, resource);
    for (const series of all) {
      try {
        this.#addSeries(families, series, now);
      } catch (error) {
        this.#refuse(series, error instanceof Error ? error.message : String(error));
      }
    }
    this.expire(now);
    return families.sorted();
  }

  expire(now: number): void {
    for (const [name, { lastSeen }] of this.#known) {
      if (now - this.#options.expirationMs > lastSeen) this.#known.delete(name);
    }
  }

  #addSeries(families: Families, series: Series, now: number): void {
    const { data } = series;
    const type = typeOf(data);
    const named = type === 'counter' ? type : data.kind === 'gauge' ? 'gauge' : 'other';
    const name = this.#nameOf(series, named);
    const help = this.#helpOf(name, type, series.description, now);
    const labels = this.#seriesLabels(name, series);
    const timestampMs = this.#options.sendTimestamps ? timestampOf(data.point.timeUnixNano) : undefined;
    const fault = families.add(name, help, type, sampleOf(data, type, { labels, timestampMs }));
    if (fault !== undefined) throw new Error(`collected metric "${name}" ${fault}`);
  }

  /** Series of one metric follow each other mostly, so the last name is kept. */
  #nameOf({ name, unit }: Series, type: NamedType): string {
    const last = this.#lastName;
    if (last.name === name && last.unit === unit && last.type === type) return last.built;
    const built = metricName(name, unit, type, this.#options.naming);
    if (built === '') throw new Error('"" is not a valid metric name');
    this.#lastName = { name, unit, type, built };
    return built;
  }

  #refuse(series: Series, reason: string): void {
    if (this.#refused.has(series)) return;
    this.#refused.add(series);
    this.#logger.error(`failed to convert metric ${series.name}: ${reason}`);
  }

  /** The first type and the first help of a name stay as long as the name does. */
  #helpOf(name: string, type: MetricType, help: string, now: number): string {
    const known = this.#known.get(name);
    if (known === undefined) {
      this.#known.set(name, { type, help, lastSeen: now });
      return help;
    }
    if (known.type !== type) {
      throw new Error(
        `instrument type conflict, using existing type definition. instrument: ${name}, ` +
          `existing: ${known.type.toUpperCase()}, dropped: ${type.toUpperCase()}`,
      );
    }
    known.lastSeen = now;
    return known.help;
  }

  #seriesLabels(metric: string, { attributes, scope, resource }: Series): TextLabels {
    const { scopeInfo, constLabels, naming } = this.#options;
    const utf8 = naming.utf8 === true;
    const labels: [string, string][] = attributes.map(([key, text]) => [labelName(key, utf8), text]);
    if (scopeInfo) {
      for (const [key, text] of scope.attributes) {
        if (!RESERVED.has(key)) labels.push([labelName(`otel_scope_${key}`, utf8), text]);
      }
      labels.push(['otel_scope_name', scope.name], ['otel_scope_version', scope.version]);
      labels.push(['otel_scope_schema_url', scope.schemaUrl]);
    }
    if (resource.job !== undefined) labels.push(['job', resource.job]);
    if (resource.instance !== undefined) labels.push(['instance', resource.instance]);
    labels.push(...Object.entries(constLabels));
    return checked(metric, labels);
  }

  /** `target_info`: the attributes of the resource that job and instance stand for. */
  #addTarget(families: Families, { attributes, job = '', instance = '' }: Resource): void {
    const { namespace = '', utf8 = false } = this.#options.naming;
    try {
      const labels = joined(attributes, utf8);
      labels.set('job', job).set('instance', instance);
      const name = namespace === '' ? 'target_info' : `${labelName(namespace, utf8)}_target_info`;
      families.add(name, 'Target metadata', 'gauge', { labels: checked(name, [...labels]), value: 1 });
    } catch (error) {
      this.#logger.debug(`failed to convert metric target_info: ${String(error)}`);
    }
  }
}

/** Attributes of the scope that have a label of their own. */
const RESERVED: ReadonlySet<string> = new Set(['name', 'version', 'schema_url']);

/** One resource for each job and instance, where there are both. */
function targets(all: readonly Series[]): Iterable<Resource> {
  const found = new Map<string, Resource>();
  for (const { resource } of all) {
    const { job = '', instance = '' } = resource;
    const key = `${job}\0${instance}`;
    if (job !== '' && instance !== '' && !found.has(key)) found.set(key, resource);
  }
  return found.values();
}

/** Attributes that become one label are joined by a semicolon. */
function joined(attributes: Texts, utf8: boolean): Map<string, string> {
  const labels = new Map<string, string>();
  for (const [key, text] of attributes) {
    if (SERVICE_ATTRIBUTES.has(key)) continue;
    const label = labelName(key, utf8);
    const before = labels.get(label);
    labels.set(label, before === undefined ? text : `${before};${text}`);
  }
  return labels;
}

/** Sorted by name. Throws where a name is not allowed or occurs twice. */
function checked(metric: string, labels: (readonly [string, string])[]): TextLabels {
  labels.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [i, [name]] of labels.entries()) {
    if (name.startsWith('__')) throw new Error(`"${name}" is not a valid label name for metric "${metric}"`);
    if (labels[i - 1]?.[0] === name) {
      throw new Error(`duplicate label names in constant and variable labels for metric "${metric}"`);
    }
  }
  return labels;
}

function typeOf(data: Data): MetricType {
  if (data.kind === 'sum') return data.monotonic ? 'counter' : 'gauge';
  return data.kind === 'exponential' ? 'histogram' : data.kind;
}

function sampleOf(data: Data, type: MetricType, frame: SampleFrame): Sample {
  switch (data.kind) {
    case 'summary':
      if (frame.labels.some(([name]) => name === 'quantile'))
        throw new Error('must not have an explicit "quantile" label');
      return summarySample(data.point, frame);
    case 'histogram':
      return histogramSample(data.point, frame);
    case 'exponential':
      return exponentialSample(data.point, frame);
    default:
      return numberSample(data.point, type === 'counter', frame);
  }
}
