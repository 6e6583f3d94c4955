import { AttributeList } from '../../core/otlp/build/attribute-list.ts';
import { type MetricHead, MetricsBuilder, type PointHead } from '../../core/otlp/build/metrics-builder.ts';
import { encodeString, encodeValue } from '../../core/otlp/value-encode.ts';
import type { Signal } from '../../core/signal.ts';
import { nanosOf } from '../../core/stream/event-time.ts';
import type { SignalKeys } from '../../core/stream/signal-keys.ts';
import { INCOMPLETE, type NamedKey } from '../../core/stream/window/keyed-windows.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config, Statistic } from './config.ts';
import type { Numbers } from './statistics.ts';

const SCOPE = 'weir/connector/window';
const NAMES: Readonly<Record<Signal, string>> = {
  metrics: '{metric.name}.window',
  logs: 'event.window',
  traces: 'span.duration.window',
};
const NOTHING: readonly Telemetry[] = [];
const QUANTILES: Readonly<Partial<Record<Statistic, number>>> = {
  min: 0,
  p50: 0.5,
  p75: 0.75,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
  max: 1,
};

/** What results say about a key. */
interface Label {
  /** Encoded lists. */
  readonly resource: Buffer;
  readonly attributes: Buffer;
  readonly name: string;
}

type Metric = Pick<Label, 'name'> & { readonly unit: string };

/** A batch of results has about so many points at most, so that it fits into the requests of usual exporters. */
const MOST_POINTS = 8_192;

/** Writes the results of one step of one partition: neighbours of one resource together. */
export class ResultWriter {
  readonly #config: Config;
  readonly #keys: SignalKeys;
  readonly #builder = new MetricsBuilder();
  readonly #statistics: readonly Statistic[];
  #resource: Buffer | undefined;
  #points = 0;
  #full: Telemetry[] = [];

  constructor(config: Config, keys: SignalKeys) {
    this.#config = config;
    this.#keys = keys;
    this.#statistics = config.statistics as readonly Statistic[];
  }

  /** A window [start, end) in milliseconds. */
  add({ key, label: unit }: NamedKey, start: number, end: number, numbers: Numbers, incomplete: boolean): void {
    const label = labelOf(this.#keys, key, this.#config.metric_name);
    this.#open(label.resource);
    const attributes = incomplete ? withIncomplete(label.attributes) : label.attributes;
    const head: PointHead = { attributes, startTime: nanosOf(start), time: nanosOf(end) };
    const seconds = (end - start) / 1000;
    if (this.#config.output === 'summary') this.#summary({ ...label, unit }, head, numbers, seconds);
    else for (const statistic of this.#statistics) this.#gauge({ ...label, unit }, statistic, head, numbers, seconds);
    if (numbers.distinct !== undefined) {
      this.#openGauge({ name: `${label.name}.distinct` });
      this.#builder.integerPoint(head, numbers.distinct.estimate);
      this.#builder.closeMetric();
    }
    if (this.#points >= MOST_POINTS) this.#finish();
  }

  /** What was added, in batches. */
  take(context: RequestContext): readonly Telemetry[] {
    this.#finish();
    if (this.#full.length === 0) return NOTHING;
    const batches = this.#full.map((batch) => batch.derive(batch.ranges, batch.items, context));
    this.#full = [];
    return batches;
  }

  #finish(): void {
    if (this.#resource === undefined) return;
    this.#builder.closeScope();
    this.#builder.closeResource();
    this.#resource = undefined;
    this.#points = 0;
    this.#full.push(this.#builder.finish());
  }

  #open(resource: Buffer): void {
    if (this.#resource?.equals(resource)) return;
    if (this.#resource !== undefined) {
      this.#builder.closeScope();
      this.#builder.closeResource();
    }
    this.#resource = resource;
    this.#builder.openResource(resource);
    this.#builder.openScope(SCOPE);
  }

  #summary(label: Metric, head: PointHead, numbers: Numbers, seconds: number): void {
    const quantiles: [number, number][] = [];
    for (const statistic of this.#statistics) {
      const quantile = QUANTILES[statistic];
      if (quantile !== undefined) quantiles.push([quantile, numberOf(statistic, numbers, seconds)]);
    }
    quantiles.sort(([a], [b]) => a - b);
    this.#points++;
    this.#builder.openSummary(label);
    this.#builder.summaryPoint(head, numbers.count, numbers.sum, quantiles);
    this.#builder.closeMetric();
    if (this.#statistics.includes('rate')) this.#gauge(label, 'rate', head, numbers, seconds);
  }

  #gauge({ name, unit }: Metric, statistic: Statistic, head: PointHead, numbers: Numbers, seconds: number): void {
    const plain = statistic !== 'count' && statistic !== 'rate';
    this.#openGauge({ name: `${name}.${statistic}`, unit: plain ? unit : '' });
    const value = numberOf(statistic, numbers, seconds);
    if (statistic === 'count') this.#builder.integerPoint(head, value);
    else this.#builder.doublePoint(head, value);
    this.#builder.closeMetric();
  }

  #openGauge(metric: MetricHead): void {
    this.#points++;
    this.#builder.openGauge(metric);
  }
}

function numberOf(statistic: Statistic, numbers: Numbers, seconds: number): number {
  const { count, sum, min, max, quantiles } = numbers;
  switch (statistic) {
    case 'count':
      return count;
    case 'sum':
      return sum;
    case 'avg':
      return sum / count;
    case 'min':
      return min;
    case 'max':
      return max;
    case 'rate':
      return sum / seconds;
    default:
      // one that is not exact may lie beyond
      return Math.min(Math.max(quantiles?.quantile(QUANTILES[statistic] ?? 0) ?? Number.NaN, min), max);
  }
}

function labelOf(keys: SignalKeys, key: string, metricName: string): Label {
  const { signal, fields, values } = keys.split(key);
  const resource = new AttributeList();
  const attributes = new AttributeList();
  let metric = '';
  for (const [i, { name, place, key }] of fields.entries()) {
    const value = values[i] ?? '';
    if (name === 'metric.name') metric = value;
    else if (value === '') continue;
    else if (place === 'resource') resource.put(Buffer.from(key), encodeString(value));
    else attributes.put(Buffer.from(key || name), encodeString(value));
  }
  const name = (metricName || NAMES[signal]).replaceAll('{metric.name}', () => metric);
  return { resource: resource.encode(), attributes: attributes.encode(), name };
}

function withIncomplete(attributes: Buffer): Buffer {
  const mark = new AttributeList().put(Buffer.from(INCOMPLETE), encodeValue(true)).encode();
  return Buffer.concat([attributes, mark]);
}
