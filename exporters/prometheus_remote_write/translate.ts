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
import { withLabel } from '../../core/prometheus/remote-write/join-labels.ts';
import { remoteType } from '../../core/prometheus/remote-write/metric-type.ts';
import { exemplarsOf, milliseconds, nativeHistogram } from '../../core/prometheus/remote-write/points.ts';
import {
  type RemoteMetadata,
  type RemoteSample,
  RemoteType,
  SeriesSet,
} from '../../core/prometheus/remote-write/series.ts';
import type { TextLabels } from '../../core/prometheus/text.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type LabelOptions, Labels, SERVICE_ATTRIBUTES, type Texts, textsOf } from './labels.ts';

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
/** From OTLP to series of remote write, read from the bytes. */
export class Translator {
  readonly #options: TranslateOptions;
  readonly #labels: Labels;
  readonly #groups = new Groups();
  readonly #scope = new ScopeReader();
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();
  readonly #resource = new Attributes();
  #result: Translated;
  #metadata: RemoteMetadata = NO_METADATA;
  /** Nanoseconds; of the points of a resource. */
  #newest = 0n;
  /** Of the last point: nanoseconds, and the same in milliseconds. */
  #time = 0n;
  #timeMs = 0;
  readonly #seed: number;

  /** `seed`: see KeyWriter. */
  constructor(options: TranslateOptions, seed: number) {
    this.#options = options;
    this.#seed = seed;
    this.#result = empty(seed);
    this.#labels = new Labels(options);
  }

  translate(batch: Telemetry): Translated {
    const result = empty(this.#seed);
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
    this.#result = empty(this.#seed);
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
    const stale = (point.flags & NO_RECORDED_VALUE) !== 0;
    const timestampMs = this.#millisecondsOf(point);
    if (point.type === MetricType.GAUGE || point.type === MetricType.SUM) {
      this.#addNumber(point, { timestampMs, stale, value: point.value });
      return;
    }
    const labels = this.#labels.ofPoint(point.attributes);
    const at = { timestampMs, stale };
    switch (point.type) {
      case MetricType.SUMMARY:
        this.#addSummary(point, labels, at);
        return;
      case MetricType.HISTOGRAM:
        this.#addHistogram(point, labels, at);
        return;
      default: {
        const histogram = nativeHistogram(point, at);
        const row = this.#series(labels, '');
        this.#result.series.addHistogram(row, histogram);
        this.#result.series.addExemplars(row, exemplarsOf(point));
      }
    }
  }

  #addNumber(point: DataPointReader, sample: RemoteSample): void {
    const { second } = this.#options;
    const { series } = this.#result;
    // the second version wants the labels themselves
    const plan = second ? undefined : this.#labels.planFor(this.#metadata.name);
    let row = plan === undefined ? -1 : series.planned(plan, point.attributes, this.#metadata);
    if (row < 0) {
      row = this.#series(this.#labels.ofPoint(point.attributes), '');
      if (!second) this.#labels.replan(point.attributes);
    }
    series.addSample(row, sample);
    if (second || this.#metadata.type === RemoteType.COUNTER) series.addExemplars(row, exemplarsOf(point));
  }

  /** Points one after another mostly have the same time. */
  #millisecondsOf({ timeUnixNano }: DataPointReader): number {
    if (timeUnixNano !== this.#time) {
      this.#time = timeUnixNano;
      this.#timeMs = milliseconds(timeUnixNano);
    }
    return this.#timeMs;
  }

  #addSummary(point: DataPointReader, labels: TextLabels, at: Omit<RemoteSample, 'value'>): void {
    const { series } = this.#result;
    series.addSample(this.#series(labels, '_sum'), { ...at, value: point.sum ?? 0 });
    series.addSample(this.#series(labels, '_count'), { ...at, value: Number(point.count) });
    for (const { quantile, value } of point.quantiles()) {
      series.addSample(this.#series(labels, '', ['quantile', decimalText(quantile)]), { ...at, value });
    }
  }

  #addHistogram(point: DataPointReader, labels: TextLabels, at: Omit<RemoteSample, 'value'>): void {
    const { sum } = point;
    const count = Number(point.count);
    const { series } = this.#result;
    if (sum !== undefined) series.addSample(this.#series(labels, '_sum'), { ...at, value: sum });
    series.addSample(this.#series(labels, '_count'), { ...at, value: count });
    const counts = point.bucketCounts();
    const buckets: { readonly bound: number; readonly row: number }[] = [];
    const add = (bound: number, value: number): void => {
      const row = this.#series(labels, '_bucket', ['le', decimalText(bound)]);
      series.addSample(row, { ...at, value });
      buckets.push({ bound, row });
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
      const bucket = buckets.find(({ bound }) => exemplar.value <= bound);
      if (bucket !== undefined) series.addExemplars(bucket.row, [exemplar]);
    }
  }

  /** The series of the metric; with a label of ours, which wins over an attribute of that name. */
  #series(labels: TextLabels, suffix: string, own?: readonly [string, string]): number {
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
    const { series } = this.#result;
    series.addSample(series.of(withLabel(labels, '__name__', name), metadata), sample);
  }
}

const NO_METADATA: RemoteMetadata = { name: '', type: RemoteType.UNKNOWN, help: '', unit: '' };

function empty(seed: number): Translated {
  return { series: new SeriesSet(seed), metadata: [], failures: { count: 0, reasons: [] } };
}
