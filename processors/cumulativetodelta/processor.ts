import type { Timer } from '../../core/clock.ts';
import type { Consumer, Processor, Settings } from '../../core/component.ts';
import type { BytesMatcher } from '../../core/match/bytes-matcher.ts';
import { textMatcher } from '../../core/match/texts.ts';
import type { Counter } from '../../core/meter.ts';
import { copyFieldsExcept } from '../../core/otlp/edit/copy-fields.ts';
import { PointEditor } from '../../core/otlp/edit/item-editors.ts';
import { Writer } from '../../core/otlp/edit/writer.ts';
import { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import { GROUP, Groups, MEMBER } from '../../core/otlp/readers/groups.ts';
import { MetricReader, MetricType, POINT, Temporality } from '../../core/otlp/readers/metric.ts';
import { tagOf, WireType } from '../../core/otlp/wire.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config, Match } from './config.ts';
import { Outcome, PointConverter, REASONS } from './points.ts';
import { Streams } from './streams.ts';

const TEMPORALITY = tagOf(2, WireType.VARINT);

/** Types as the configuration and the metrics call them. */
const TYPES: Readonly<Partial<Record<MetricType, readonly [configured: string, label: string]>>> = {
  [MetricType.SUM]: ['sum', 'sum'],
  [MetricType.HISTOGRAM]: ['histogram', 'histogram'],
  [MetricType.EXPONENTIAL_HISTOGRAM]: ['exponentialhistogram', 'exponential_histogram'],
};

/** Remembers the last point of every cumulative series and hands on what came since. */
export class CumulativeToDelta implements Processor {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  readonly #include: BytesMatcher | undefined;
  readonly #exclude: BytesMatcher | undefined;
  /** By the type of metric: whether its type is to be converted. */
  readonly #types: ReadonlySet<MetricType>;
  readonly #streams: Streams;
  readonly #converter: PointConverter;
  readonly #counters = new Map<number, Counter>();
  readonly #groups = new Groups();
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();
  readonly #editor = new PointEditor();
  readonly #writer = new Writer();
  /** Points that were dropped from the current batch. */
  #dropped = 0;
  #sweeper: Timer | undefined;
  #endObservation = () => {};

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#include = matcherOf('include', config.include, settings);
    this.#exclude = matcherOf('exclude', config.exclude, settings);
    this.#types = convertedTypes(config);
    this.#streams = new Streams(settings.random() * 2 ** 32);
    this.#converter = new PointConverter(this.#streams, config, settings.logger);
  }

  start(): void {
    const { clock, meter } = this.#settings;
    const staleness = this.#config.max_staleness;
    this.#converter.startAt(clock.nowNanos());
    if (staleness > 0) this.#sweeper = clock.every(staleness, () => this.#sweep(clock.nowNanos(), staleness));
    const definition = {
      name: 'otelcol_cumulativetodelta_streams_tracked',
      description:
        'Number of metric streams currently tracked in memory for cumulative-to-delta conversion. [Development]',
      unit: '{stream}',
    };
    this.#endObservation = meter.observe(definition, {}, 'gauge', () => this.#streams.count);
  }

  shutdown(): void {
    this.#sweeper?.cancel();
    this.#endObservation();
  }

  consume(batch: Telemetry): void | Promise<void> {
    const groups = this.#groups.open(batch);
    const writer = this.#writer;
    this.#dropped = 0;
    writer.clear();
    while (groups.nextResource()) this.#writeResource(groups);
    if (writer.length === 0) {
      batch.release();
      return;
    }
    const range = writer.finish();
    const rest = batch.derive([range], batch.items - this.#dropped);
    range.slab.release();
    batch.release();
    return this.#next.consume(rest);
  }

  #writeResource(at: Groups): void {
    const { buffer, groupStart, groupEnd } = at;
    const writer = this.#writer;
    const mark = writer.length;
    let left = false;
    writer.open(GROUP, groupEnd - groupStart);
    copyFieldsExcept(writer, buffer, groupStart, groupEnd, at.scopesTag);
    while (at.nextScope()) if (this.#writeScope(at)) left = true;
    writer.close();
    if (!left) writer.truncate(mark);
  }

  /** Whether a metric is left in it. */
  #writeScope(at: Groups): boolean {
    const { buffer, scopeGroupStart, scopeGroupEnd } = at;
    const writer = this.#writer;
    const mark = writer.length;
    let left = false;
    writer.open(at.scopesTag, scopeGroupEnd - scopeGroupStart);
    copyFieldsExcept(writer, buffer, scopeGroupStart, scopeGroupEnd, MEMBER);
    while (at.nextMember()) {
      const metric = this.#metric.read(buffer, at.memberStart, at.memberEnd);
      if (this.#converts(metric)) {
        this.#streams.openMetric(at, metric);
        if (this.#writeMetric(metric)) left = true;
      } else {
        writer.copy(buffer, at.memberField, at.memberEnd);
        left = true;
      }
    }
    writer.close();
    if (!left) writer.truncate(mark);
    return left;
  }

  #converts(metric: MetricReader): boolean {
    const { buffer, type, nameStart, nameEnd } = metric;
    if (metric.temporality !== Temporality.CUMULATIVE || !this.#types.has(type)) return false;
    if (type === MetricType.SUM && !metric.monotonic) return false;
    if (this.#include?.test(buffer, nameStart, nameEnd) === false) return false;
    if (this.#exclude?.test(buffer, nameStart, nameEnd) === true) return false;
    // an empty histogram stays what it is, an empty sum goes
    if (type === MetricType.SUM) return true;
    const hasPoints = metric.nextPoint();
    metric.rewind();
    return hasPoints;
  }

  /** Whether a point is left in it. */
  #writeMetric(metric: MetricReader): boolean {
    const { buffer, type, dataStart, dataEnd } = metric;
    const writer = this.#writer;
    const mark = writer.length;
    const dataTag = tagOf(type, WireType.BYTES);
    let left = false;
    writer.open(MEMBER, metric.end - metric.start);
    copyFieldsExcept(writer, buffer, metric.start, metric.end, dataTag);
    writer.open(dataTag, dataEnd - dataStart);
    while (metric.nextPoint()) {
      const { pointStart, pointEnd } = metric;
      const editor = this.#editor.openAs(type, buffer, pointStart, pointEnd);
      const outcome = this.#converter.convert(this.#point.read(type, buffer, pointStart, pointEnd), editor);
      this.#count(type, outcome);
      if (outcome !== Outcome.CONVERTED && outcome !== Outcome.KEEP) {
        this.#dropped++;
        continue;
      }
      left = true;
      writer.open(POINT, pointEnd - pointStart);
      editor.writeTo(writer);
      writer.close();
    }
    copyFieldsExcept(writer, buffer, dataStart, dataEnd, POINT, TEMPORALITY);
    writer.varint(TEMPORALITY);
    writer.varint(Temporality.DELTA);
    writer.close();
    writer.close();
    if (!left) writer.truncate(mark);
    return left;
  }

  #count(type: MetricType, outcome: number): void {
    if (outcome === Outcome.KEEP || outcome === Outcome.NO_VALUE) return;
    const index = type * REASONS.length + outcome;
    let counter = this.#counters.get(index);
    if (counter === undefined) {
      counter = this.#counter(TYPES[type]?.[1] ?? '', REASONS[outcome] ?? '');
      this.#counters.set(index, counter);
    }
    counter.add(1);
  }

  #counter(metric_type: string, reason: string): Counter {
    const { meter } = this.#settings;
    const name = 'otelcol_cumulativetodelta_datapoints';
    const unit = '{datapoint}';
    if (reason === '') {
      const description = 'Number of datapoints converted from cumulative to delta temporality. [Development]';
      return meter.counter({ name, description, unit }, { metric_type });
    }
    const description = 'Number of datapoints dropped instead of being converted. [Development]';
    return meter.counter({ name: `${name}_dropped`, description, unit }, { metric_type, reason });
  }

  #sweep(now: bigint, staleness: number): void {
    const before = now - BigInt(Math.round(staleness * 1e6));
    this.#streams.removeBefore(Number(before >> 32n), Number(BigInt.asUintN(32, before)));
  }
}

/** As in the collector, names that cannot be matched filter nothing. */
function matcherOf(name: string, section: Match, { logger }: Settings): BytesMatcher | undefined {
  if (section.metrics.length === 0) return undefined;
  try {
    return textMatcher(section.metrics, section);
  } catch (error) {
    logger.warn(`The metric names of ${name} have no effect`, {
      error: error instanceof Error ? error.message : String(error),
    });
    return undefined;
  }
}

function convertedTypes({ include, exclude }: Config): ReadonlySet<MetricType> {
  const listed = (section: Match, name: string) => section.metric_types.some((type) => type.toLowerCase() === name);
  const types = new Set<MetricType>();
  for (const [type, [name]] of Object.entries(TYPES)) {
    if (include.metric_types.length > 0 && !listed(include, name)) continue;
    if (!listed(exclude, name)) types.add(Number(type) as MetricType);
  }
  return types;
}
