import { AttributeList } from '../../core/otlp/build/attribute-list.ts';
import { MetricsBuilder, type PointHead } from '../../core/otlp/build/metrics-builder.ts';
import { encodeString, encodeValue } from '../../core/otlp/value-encode.ts';
import { StateReader, StateWriter } from '../../core/stream/codec.ts';
import { nanosOf } from '../../core/stream/event-time.ts';
import type { FieldValues } from '../../core/stream/fields.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config, Statistic } from './config.ts';
import type { Numbers } from './statistics.ts';

const SCOPE = 'weir/connector/window';
const INCOMPLETE = Buffer.from('window.incomplete');
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
  readonly unit: string;
}

/** The label of the key that `fields` is at, as bytes that are kept with it. */
export function labelOf({ fields, values }: FieldValues, name: string, unit: string): Buffer {
  const resource = new AttributeList();
  const attributes = new AttributeList();
  let metric = '';
  for (const [i, field] of fields.entries()) {
    const value = values[i] as string;
    if (field.name === 'metric.name') metric = value;
    else if (value === '') continue;
    else if (field.place === 'resource') resource.put(Buffer.from(field.key), encodeString(value));
    else attributes.put(Buffer.from(field.key || field.name), encodeString(value));
  }
  const full = name.replaceAll('{metric.name}', metric);
  return new StateWriter().bytes(resource.encode()).bytes(attributes.encode()).text(full).text(unit).finish();
}

/** Writes the results of one step of one partition: neighbours of one resource together. */
export class ResultWriter {
  readonly #config: Config;
  readonly #builder = new MetricsBuilder();
  readonly #statistics: readonly Statistic[];
  #resource: Buffer | undefined;

  constructor(config: Config) {
    this.#config = config;
    this.#statistics = config.statistics as readonly Statistic[];
  }

  /** A window [start, end) in milliseconds. */
  add(key: Buffer, start: number, end: number, numbers: Numbers, incomplete: boolean): void {
    const label = decodeLabel(key);
    this.#open(label.resource);
    const attributes = incomplete ? withIncomplete(label.attributes) : label.attributes;
    const head: PointHead = { attributes, startTime: nanosOf(start), time: nanosOf(end) };
    const seconds = (end - start) / 1000;
    if (this.#config.output === 'summary') this.#summary(label, head, numbers, seconds);
    else for (const statistic of this.#statistics) this.#gauge(label, statistic, head, numbers, seconds);
    if (numbers.distinct !== undefined) {
      this.#builder.openGauge({ name: `${label.name}.distinct` });
      this.#builder.integerPoint(head, numbers.distinct.estimate);
      this.#builder.closeMetric();
    }
  }

  /** What was added, undefined where that is nothing. */
  take(context: RequestContext): Telemetry | undefined {
    if (this.#resource === undefined) return undefined;
    this.#builder.closeScope();
    this.#builder.closeResource();
    this.#resource = undefined;
    const batch = this.#builder.finish();
    return batch.derive(batch.ranges, batch.items, context);
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

  #summary(label: Label, head: PointHead, numbers: Numbers, seconds: number): void {
    const quantiles: [number, number][] = [];
    for (const statistic of this.#statistics) {
      const quantile = QUANTILES[statistic];
      if (quantile !== undefined) quantiles.push([quantile, numberOf(statistic, numbers, seconds)]);
    }
    quantiles.sort(([a], [b]) => a - b);
    this.#builder.openSummary(label);
    this.#builder.summaryPoint(head, numbers.count, numbers.sum, quantiles);
    this.#builder.closeMetric();
    if (this.#statistics.includes('rate')) this.#gauge(label, 'rate', head, numbers, seconds);
  }

  #gauge({ name, unit }: Label, statistic: Statistic, head: PointHead, numbers: Numbers, seconds: number): void {
    const plain = statistic !== 'count' && statistic !== 'rate';
    this.#builder.openGauge({ name: `${name}.${statistic}`, unit: plain ? unit : '' });
    const value = numberOf(statistic, numbers, seconds);
    if (statistic === 'count') this.#builder.integerPoint(head, value);
    else this.#builder.doublePoint(head, value);
    this.#builder.closeMetric();
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
      return quantiles?.quantile(QUANTILES[statistic] ?? 0) ?? Number.NaN;
  }
}

function decodeLabel(bytes: Buffer): Label {
  const from = new StateReader(bytes);
  return { resource: from.bytes(), attributes: from.bytes(), name: from.text(), unit: from.text() };
}

function withIncomplete(attributes: Buffer): Buffer {
  const mark = new AttributeList().put(INCOMPLETE, encodeValue(true)).encode();
  return Buffer.concat([attributes, mark]);
}
