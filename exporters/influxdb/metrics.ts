import { Line, setTags } from '../../core/line-protocol/line.ts';
import type { LineWriter } from '../../core/line-protocol/line-writer.ts';
import { SortedTexts } from '../../core/line-protocol/sorted-texts.ts';
import { encodeText, textOf } from '../../core/line-protocol/text.ts';
import { exponentialBounds } from '../../core/otlp/exponential-bounds.ts';
import { decimalText } from '../../core/otlp/go-format.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { MetricReader, MetricType, Temporality } from '../../core/otlp/readers/metric.ts';
import { ExemplarReader } from '../../core/otlp/readers/parts.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { isNoId } from '../../core/otlp/wire.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import type { Lines } from './exporter.ts';

/** As many counts as bounds, or one more for what is above them. */
type Buckets = Readonly<{ bounds: readonly number[]; counts: readonly bigint[] }>;

const TEMPORALITIES = ['unspecified', 'delta', 'cumulative'];
const BAD_BUCKETS = 'a histogram whose numbers of buckets and bounds do not fit together';
const NO_VALUE = 'a data point without a number that InfluxDB could hold';

/** Data points as lines, laid out as `metrics_schema` says. */
export class MetricLines implements Lines {
  readonly #writer: LineWriter;
  readonly #schema: string;
  readonly #line: Line;
  readonly #groups = new Groups();
  readonly #resource = new Attributes();
  readonly #scope = new ScopeReader();
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();
  readonly #exemplar = new ExemplarReader();
  readonly #shared = new SortedTexts();
  /** Of the data point at hand. */
  readonly #tags = new SortedTexts();

  constructor(config: Config, writer: LineWriter) {
    this.#writer = writer;
    this.#schema = config.metrics_schema;
    this.#line = new Line(config.precision);
  }

  write(batch: Telemetry, skip: (reason: string) => void): void {
    const at = this.#groups.open(batch);
    while (at.nextResource()) {
      this.#resource.set(at.buffer, at.resourceStart, at.resourceEnd, RESOURCE_ATTRIBUTES);
      while (at.nextScope()) {
        this.#shareTags(this.#scope.read(at.buffer, at.scopeStart, at.scopeEnd));
        while (at.nextMember()) this.#writeMetric(at, skip);
      }
    }
  }

  #shareTags(scope: ScopeReader): void {
    const tags = this.#shared.reset();
    setTags(tags, this.#resource);
    const line = this.#line.begin(tags);
    if (scope.name !== '') line.tag('otel.library.name', encodeText(scope.name));
    if (scope.version !== '') line.tag('otel.library.version', encodeText(scope.version));
    setTags(tags.reset(line.tags), scope.attributes);
  }

  #writeMetric(at: Groups, skip: (reason: string) => void): void {
    const metric = this.#metric.read(at.buffer, at.memberStart, at.memberEnd);
    const point = this.#point;
    const name = textOf(metric.buffer, metric.nameStart, metric.nameEnd);
    while (metric.nextPoint()) {
      point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
      setTags(this.#tags.reset(this.#shared), point.attributes);
      const fault = this.#writePoint(name);
      if (fault !== undefined) skip(fault);
    }
  }

  /** Returns why the point cannot be written. One without a value says so itself, and is no fault. */
  #writePoint(name: string): string | undefined {
    if (this.#schema === 'otel-v1') return this.#writeOtel(name);
    const point = this.#point;
    switch (point.type) {
      case MetricType.GAUGE:
      case MetricType.SUM:
        return point.valueAt < 0 ? undefined : this.#writeNumber(name);
      case MetricType.SUMMARY:
        return this.#writeSummary(name);
      default:
        return this.#writeHistogram(name);
    }
  }

  #writeNumber(name: string): string | undefined {
    const { type, monotonic, temporality } = this.#metric;
    const counter = type === MetricType.SUM && monotonic && temporality === Temporality.CUMULATIVE;
    this.#begin();
    this.#number(this.#schema === SEPARATE ? name : counter ? 'counter' : 'gauge');
    const fault = this.#end(this.#schema === SEPARATE ? 'prometheus' : name);
    this.#writeExemplars(name);
    return fault;
  }

  #writeHistogram(name: string): string | undefined {
    const point = this.#point;
    const buckets = bucketsOf(point);
    if (buckets === undefined) return BAD_BUCKETS;
    const prefix = this.#schema === SEPARATE ? `${name}_` : '';
    const line = this.#begin();
    line.float(`${prefix}count`, Number(point.count));
    for (const key of ['sum', 'min', 'max'] as const) {
      const value = point[key];
      if (value !== undefined) line.float(`${prefix}${key}`, value);
    }
    const series = cumulative(buckets).map(([bound, count]) => [bound, Number(count)] as const);
    const fault = this.#endWith(name, series, 'le', `${name}_bucket`);
    this.#writeExemplars(name);
    return fault;
  }

  #writeSummary(name: string): string | undefined {
    const point = this.#point;
    const prefix = this.#schema === SEPARATE ? `${name}_` : '';
    const line = this.#begin();
    line.float(`${prefix}count`, Number(point.count));
    line.float(`${prefix}sum`, point.sum ?? 0);
    const series = point.quantiles().map(({ quantile, value }) => [decimalText(quantile), value] as const);
    return this.#endWith(name, series, 'quantile', name);
  }

  /** Buckets and quantiles: fields of the line in one schema, lines of their own with a tag in the other. */
  #endWith(name: string, series: readonly (readonly [string, number])[], tag: string, key: string): string | undefined {
    if (this.#schema !== SEPARATE) {
      for (const [field, value] of series) this.#line.float(field, value);
      return this.#end(name);
    }
    const fault = this.#end('prometheus');
    for (const [label, value] of series) {
      const line = this.#line.begin(this.#tags);
      line.tag(tag, label);
      line.float(key, value);
      this.#end('prometheus');
    }
    return fault;
  }

  #writeExemplars(name: string): void {
    const { exemplars } = this.#point;
    const exemplar = this.#exemplar;
    while (exemplars.next()) {
      const { buffer } = exemplar.read(exemplars.buffer, exemplars.messageStart, exemplars.messageEnd);
      if (exemplar.valueAt < 0 || isNoId(buffer, exemplar.traceIdAt, 16) || isNoId(buffer, exemplar.spanIdAt, 8))
        continue;
      const line = this.#line.begin();
      setTags(line.tags, exemplar.attributes);
      line.tag('trace_id', exemplar.traceId);
      line.tag('span_id', exemplar.spanId);
      if (exemplar.isInteger) line.field('gauge', `${buffer.readBigInt64LE(exemplar.valueAt)}i`);
      else line.float('gauge', exemplar.value);
      const written = line.end(`${name}_exemplar`, exemplar.timeUnixNano);
      if (written !== undefined) this.#writer.write(written);
    }
  }

  #writeOtel(name: string): string | undefined {
    const metric = this.#metric;
    const point = this.#point;
    const unit = textOf(metric.buffer, metric.unitStart, metric.unitEnd);
    const temporality = TEMPORALITIES[metric.temporality] ?? '';
    if (metric.type === MetricType.SUM) {
      if (point.valueAt < 0) return undefined;
      const monotonic = metric.monotonic ? 'monotonic' : 'nonmonotonic';
      this.#begin();
      this.#number(`value_${temporality}_${monotonic}_${point.isInteger ? 'int' : 'double'}`);
      return this.#end(`${name}_${unit}_sum`);
    }
    if (metric.type !== MetricType.HISTOGRAM) return 'a metric of a type that the schema otel-v1 does not have';
    const [bounds, counts] = [point.explicitBounds(), point.bucketCounts()];
    if (!fitTogether(bounds, counts)) return BAD_BUCKETS;
    const line = this.#begin();
    for (const [i, count] of counts.slice(0, bounds.length).entries()) {
      line.field(`${temporality}_${decimalText(bounds[i] as number)}`, `${count}u`);
    }
    line.field('count', `${point.count}u`);
    if (point.sum !== undefined) line.float('sum', point.sum);
    if (point.min !== undefined && point.max !== undefined) {
      line.float('min', point.min);
      line.float('max', point.max);
    }
    return this.#end(`${name}_${unit}_histogram`);
  }

  #begin(): Line {
    const line = this.#line.begin(this.#tags);
    const start = this.#point.startTimeUnixNano;
    if (start !== 0n) line.field('start_time_unix_nano', `${BigInt.asIntN(64, start)}i`);
    return line;
  }

  #number(key: string): void {
    const point = this.#point;
    if (point.isInteger) this.#line.field(key, `${point.integerValue}i`);
    else this.#line.float(key, point.value);
  }

  #end(measurement: string): string | undefined {
    const line = this.#line.end(measurement, this.#point.timeUnixNano);
    if (line === undefined) return this.#line.hasFields ? 'a metric without a name' : NO_VALUE;
    this.#writer.write(line);
    return undefined;
  }
}

/** Buckets and quantiles have lines of their own, and everything is in one measurement. */
const SEPARATE = 'telegraf-prometheus-v2';

/** Undefined where the point contradicts itself. Of exponential buckets those that are not empty. */
function bucketsOf(point: DataPointReader): Buckets | undefined {
  if (point.type !== MetricType.EXPONENTIAL_HISTOGRAM) {
    const [bounds, counts] = [point.explicitBounds(), point.bucketCounts()];
    return fitTogether(bounds, counts) ? { bounds, counts } : undefined;
  }
  const side = (sign: 'negative' | 'positive') => {
    const { offset, counts } = point.buckets(sign);
    return { offset, bucketCounts: counts };
  };
  const { scale, zeroCount } = point;
  const sides = { negative: side('negative'), positive: side('positive') };
  const { negative, positive } = exponentialBounds({ scale, zeroCount, ...sides });
  const buckets = [
    ...negative.map(({ low, count }) => [-low, count] as const),
    [point.zeroThreshold, zeroCount] as const,
    ...positive.map(({ high, count }) => [high, count] as const),
  ].filter(([, count]) => count > 0n);
  return { bounds: buckets.map(([bound]) => bound), counts: [...buckets.map(([, count]) => count), 0n] };
}

function fitTogether(bounds: readonly number[], counts: readonly bigint[]): boolean {
  return counts.length === 0 || counts.length === bounds.length || counts.length === bounds.length + 1;
}

function cumulative({ bounds, counts }: Buckets): [bound: string, count: bigint][] {
  let total = 0n;
  return counts.map((count, i) => {
    total += count;
    const bound = bounds[i];
    return [bound === undefined ? '+Inf' : decimalText(bound), BigInt.asUintN(64, total)];
  });
}
