import { decimalText } from '../../core/otlp/go-format.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader, NO_RECORDED_VALUE } from '../../core/otlp/readers/data-point.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { MetricReader, MetricType, Temporality } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import {
  labelName,
  type MetricNaming,
  metricName,
  type NamedType,
  remoteLabelName,
  unitName,
} from '../../core/prometheus/names.ts';
import { exemplarsOf, milliseconds, nativeHistogram } from '../../core/prometheus/remote-write/points.ts';
import {
  type RemoteMetadata,
  type RemoteSample,
  type RemoteSeries,
  RemoteType,
  SeriesSet,
} from '../../core/prometheus/remote-write/series.ts';
import type { TextLabels } from '../../core/prometheus/text.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type LabelOptions, Labels, SERVICE_ATTRIBUTES, type Texts, textsOf, withLabel } from './labels.ts';

export interface TranslateOptions extends LabelOptions {
  readonly naming: MetricNaming;
  readonly targetInfo: boolean;
  /** The second version of the protocol, in which gauges have exemplars too. */
  readonly second: boolean;
}

export interface Translated {
  readonly series: SeriesSet;
  readonly metadata: RemoteMetadata[];
  /** Why metrics or points were left out: so many, and the first reasons. */
  readonly failures: { count: number; readonly reasons: string[] };
}

const MAX_REASONS = 10;
/** What a receiver for Prometheus says about a type that OTLP does not have. */
const TYPE_KEY = Buffer.from('prometheus.type');

/** From OTLP to series of remote write, read from the bytes. */
export class Translator {
  readonly #options: TranslateOptions;
  readonly #labels: Labels;
  readonly #groups = new Groups();
  readonly #scope = new ScopeReader();
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();
  readonly #resource = new Attributes();
  #result: Translated = empty();
  #metadata: RemoteMetadata = NO_METADATA;
  /** Nanoseconds; of the points of a resource. */
  #newest = 0n;

  constructor(options: TranslateOptions) {
    this.#options = options;
    this.#labels = new Labels(options);
  }

  translate(batch: Telemetry): Translated {
    const result = empty();
    this.#result = result;
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      const attributes = textsOf(
        this.#resource.set(groups.buffer, groups.resourceStart, groups.resourceEnd, RESOURCE_ATTRIBUTES),
      );
      this.#labels.resource(attributes);
      this.#newest = 0n;
      while (groups.nextScope()) {
        this.#labels.scope(this.#scope.read(groups.buffer, groups.scopeStart, groups.scopeEnd));
        while (groups.nextMember()) {
          this.#try(() => this.#addMetric(groups.buffer, groups.memberStart, groups.memberEnd));
        }
      }
      this.#try(() => this.#addTarget(attributes));
    }
    this.#result = empty();
    return result;
  }

  /** What cannot be translated is left out, and the rest goes on. */
  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      const { failures } = this.#result;
      if (failures.count++ < MAX_REASONS) failures.reasons.push((error as Error).message);
    }
  }

  #addMetric(buffer: Buffer, start: number, end: number): void {
    const metric = this.#metric.read(buffer, start, end);
    const { type } = metric;
    // the time of target_info does not hang on what can be written
    const times: bigint[] = [this.#newest];
    while (metric.nextPoint()) {
      times.push(this.#point.read(type, buffer, metric.pointStart, metric.pointEnd).timeUnixNano);
    }
    this.#newest = times.reduce((a, b) => (b > a ? b : a));
    this.#metadata = this.#metadataOf(metric);
    this.#result.metadata.push(this.#metadata);
    const timed = type !== MetricType.GAUGE && type !== MetricType.SUMMARY;
    if (type === MetricType.NONE || (timed && metric.temporality !== Temporality.CUMULATIVE)) {
      throw new Error(`invalid temporality and type combination for metric ${JSON.stringify(metric.name)}`);
    }
    if (times.length === 1) throw new Error(`empty data points. ${metric.name} is dropped`);
    metric.rewind();
    while (metric.nextPoint()) {
      const point = this.#point.read(type, buffer, metric.pointStart, metric.pointEnd);
      this.#try(() => this.#addPoint(point));
    }
  }

  #metadataOf(metric: MetricReader): RemoteMetadata {
    const { naming } = this.#options;
    const { name, unit, type, monotonic, description: help } = metric;
    const named: NamedType =
      type === MetricType.GAUGE ? 'gauge' : monotonic && type === MetricType.SUM ? 'counter' : 'other';
    const built = metricName(name, unit, named, naming);
    return { name: built, type: remoteType(metric), help, unit: unitName(unit, naming.utf8 === true) };
  }

  #addPoint(point: DataPointReader): void {
    const labels = this.#labels.ofPoint(point.attributes);
    const stale = (point.flags & NO_RECORDED_VALUE) !== 0;
    const at = { timestampMs: milliseconds(point.timeUnixNano), stale };
    switch (point.type) {
      case MetricType.GAUGE:
      case MetricType.SUM: {
        const series = this.#series(labels, '');
        series.samples.push({ timestampMs: at.timestampMs, stale, value: point.value });
        const counter = this.#metadata.type === RemoteType.COUNTER;
        if (counter || this.#options.second) series.exemplars.push(...exemplarsOf(point));
        return;
      }
      case MetricType.SUMMARY:
        this.#addSummary(point, labels, at);
        return;
      case MetricType.HISTOGRAM:
        this.#addHistogram(point, labels, at);
        return;
      default: {
        const histogram = nativeHistogram(point, at);
        const series = this.#series(labels, '');
        series.histograms.push(histogram);
        series.exemplars.push(...exemplarsOf(point));
      }
    }
  }

  #addSummary(point: DataPointReader, labels: TextLabels, at: Omit<RemoteSample, 'value'>): void {
    this.#series(labels, '_sum').samples.push({ ...at, value: point.sum ?? 0 });
    this.#series(labels, '_count').samples.push({ ...at, value: Number(point.count) });
    for (const { quantile, value } of point.quantiles()) {
      const series = this.#series(labels, '', ['quantile', decimalText(quantile)]);
      series.samples.push({ ...at, value });
    }
  }

  #addHistogram(point: DataPointReader, labels: TextLabels, at: Omit<RemoteSample, 'value'>): void {
    const { sum } = point;
    const count = Number(point.count);
    if (sum !== undefined) this.#series(labels, '_sum').samples.push({ ...at, value: sum });
    this.#series(labels, '_count').samples.push({ ...at, value: count });
    const counts = point.bucketCounts();
    const buckets: { readonly bound: number; readonly series: RemoteSeries }[] = [];
    const add = (bound: number, value: number): void => {
      const series = this.#series(labels, '_bucket', ['le', decimalText(bound)]);
      series.samples.push({ ...at, value });
      buckets.push({ bound, series });
    };
    let cumulative = 0n;
    for (const [i, bound] of point.explicitBounds().entries()) {
      if (i >= counts.length) break;
      cumulative = BigInt.asUintN(64, cumulative + (counts[i] as bigint));
      // that of all values comes anyway
      if (bound !== Infinity) add(bound, Number(cumulative));
    }
    add(Infinity, count);
    buckets.sort((a, b) => a.bound - b.bound);
    for (const exemplar of exemplarsOf(point)) {
      buckets.find(({ bound }) => exemplar.value <= bound)?.series.exemplars.push(exemplar);
    }
  }

  /** The series of the metric; with a label of ours, which wins over an attribute of that name. */
  #series(labels: TextLabels, suffix: string, own?: readonly [string, string]): RemoteSeries {
    const all = own === undefined ? labels : withLabel(labels, own[0], own[1]);
    return this.#result.series.of(withLabel(all, '__name__', this.#metadata.name + suffix), this.#metadata);
  }

  /** `target_info`, where it says more than `job` and `instance`, and there is one of these to find it by. */
  #addTarget(attributes: Texts): void {
    const { naming, targetInfo, second, permissive } = this.#options;
    if (!targetInfo || this.#newest === 0n || this.#labels.target.length === 0) return;
    if (attributes.every(([key]) => SERVICE_ATTRIBUTES.has(key))) return;
    const { namespace = '', utf8 = false } = naming;
    const nameOf = second
      ? (key: string) => remoteLabelName(key, utf8, permissive)
      : (key: string) => labelName(key, false);
    const labels = this.#labels.ofTarget(attributes, nameOf);
    const name = namespace === '' ? 'target_info' : `${namespace}_target_info`;
    const metadata = { name, type: RemoteType.GAUGE, help: 'Target metadata', unit: '' };
    const sample = { timestampMs: milliseconds(this.#newest), value: 1, stale: false };
    this.#result.series.of(withLabel(labels, '__name__', name), metadata).samples.push(sample);
  }
}

const NO_METADATA: RemoteMetadata = { name: '', type: RemoteType.UNKNOWN, help: '', unit: '' };

function empty(): Translated {
  return { series: new SeriesSet(), metadata: [], failures: { count: 0, reasons: [] } };
}

function remoteType(metric: MetricReader): RemoteType {
  switch (metric.type) {
    case MetricType.GAUGE:
      return typeHint(metric) === 'unknown' ? RemoteType.UNKNOWN : RemoteType.GAUGE;
    case MetricType.SUM: {
      if (metric.monotonic) return RemoteType.COUNTER;
      const hint = typeHint(metric);
      return hint === 'info' ? RemoteType.INFO : hint === 'stateset' ? RemoteType.STATESET : RemoteType.GAUGE;
    }
    case MetricType.SUMMARY:
      return RemoteType.SUMMARY;
    case MetricType.NONE:
      return RemoteType.UNKNOWN;
    default:
      return RemoteType.HISTOGRAM;
  }
}

function typeHint({ metadata }: MetricReader): string {
  return metadata.find(TYPE_KEY) ? (textsOf(metadata).find(([key]) => key === 'prometheus.type')?.[1] ?? '') : '';
}
