import type { Outputs, Settings } from '../../core/component.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader, NO_RECORDED_VALUE } from '../../core/otlp/readers/data-point.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { MetricReader, MetricType, Temporality } from '../../core/otlp/readers/metric.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import type { Signal } from '../../core/signal.ts';
import { eventTime, logEventTime } from '../../core/stream/event-time.ts';
import { FieldValues, type Reader } from '../../core/stream/fields.ts';
import type { Items } from '../../core/stream/items.ts';
import { Members, type MemberVisitor } from '../../core/stream/members.ts';
import { type Stage, StreamOperator } from '../../core/stream/operator.ts';
import { streamOutputs } from '../../core/stream/outputs.ts';
import type { Partition } from '../../core/stream/partition-runner.ts';
import { SignalKeys } from '../../core/stream/signal-keys.ts';
import { WINDOWS_VERSION } from '../../core/stream/window/keyed-windows.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, STATISTICS } from './config.ts';
import { WindowPartition } from './partition.ts';
import { type Item, NumberAggregation } from './statistics.ts';

const NANOS_PER_MILLI = 1e6;
const IN_MILLIS = 'ms';

export function windowConnector(settings: Settings, config: Config, outputs: Outputs): StreamOperator<WindowPartition> {
  const results = streamOutputs(outputs, 'metrics', config.late_pipeline);
  return new StreamOperator(settings, config, results, new WindowStage(config));
}

/** Reads points, log records and spans into windows. */
class WindowStage implements Stage<WindowPartition> {
  readonly version = WINDOWS_VERSION;
  readonly #config: Config;
  readonly #quantiles: boolean;
  readonly #keys: SignalKeys;
  readonly #readers: Readonly<Record<Signal, SignalReader>>;

  constructor(config: Config) {
    this.#config = config;
    this.#quantiles = STATISTICS.some((one) => /^p\d/.test(one) && config.statistics.includes(one));
    this.#keys = new SignalKeys((signal) => (config.key.length === 0 ? standardKey(signal) : config.key));
    this.#readers = {
      metrics: new PointReader(config, this.#keys, 'metrics'),
      logs: new RecordReader(config, this.#keys, 'logs'),
      traces: new DurationReader(config, this.#keys, 'traces'),
    };
  }

  open(partition: Partition): WindowPartition {
    const aggregation = new NumberAggregation(this.#quantiles, this.#config.distinct !== '');
    return new WindowPartition(partition, this.#config, this.#keys, aggregation);
  }

  process(batch: Telemetry, state: WindowPartition, items: Items): void {
    this.#readers[batch.signal].read(batch, state, items);
    state.emit();
  }
}

function standardKey(signal: Signal): readonly string[] {
  return signal === 'metrics' ? ['resource.service.name', 'metric.name'] : ['resource.service.name'];
}

/** Reads the items of one signal. */
abstract class SignalReader implements MemberVisitor {
  protected readonly config: Config;
  protected readonly keys: FieldValues;
  protected readonly item: Item = { value: 0, text: '' };
  protected items: Items | undefined;
  /** The value, and what `distinct` counts. */
  readonly #others: FieldValues;
  readonly #signalKeys: SignalKeys;
  readonly #signal: Signal;
  readonly #members = new Members(this);
  #state: WindowPartition | undefined;

  constructor(config: Config, keys: SignalKeys, signal: Signal) {
    this.config = config;
    this.keys = keys.of(signal);
    this.#signalKeys = keys;
    this.#signal = signal;
    this.#others = new FieldValues([config.value, config.distinct], signal);
  }

  abstract member(buffer: Buffer, start: number, end: number): void;

  read(batch: Telemetry, state: WindowPartition, items: Items): void {
    this.#state = state;
    this.items = items;
    this.#members.walk(batch);
  }

  resource(attributes: Attributes): void {
    this.keys.resource(attributes);
    this.#others.resource(attributes);
  }

  /** The key of the item that `keys` are at. */
  protected key(): string {
    return this.#signalKeys.join(this.#signal, this.keys);
  }

  protected add(key: string, time: number, unit: string): void {
    const { items, item } = this;
    // NaN would make NaN of all that it is added to
    const verdict = Number.isNaN(item.value) ? 'no value' : this.#state?.add(key, time, item, items?.source, unit);
    if (verdict !== undefined && verdict !== 'taken') items?.stray(verdict);
  }

  /** The value and text of an item, where they are attributes. */
  protected readOthers(reader: Reader, attributes: Attributes, isNumber: boolean): void {
    const { value, distinct } = this.config;
    if (distinct === '' && (isNumber || value === '')) return;
    this.#others.item(reader, attributes);
    const [text, counted] = this.#others.values as [string, string];
    this.item.text = counted;
    if (!isNumber && value !== '') this.item.value = text === '' ? Number.NaN : Number(text);
  }
}

class PointReader extends SignalReader {
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();

  member(buffer: Buffer, start: number, end: number): void {
    const { keys, items, item } = this;
    const metric = this.#metric.read(buffer, start, end);
    if (keys.perMetric) keys.item(metric, undefined);
    let key = keys.perMetric ? this.key() : '';
    while (metric.nextPoint()) {
      const point = this.#point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
      const time = timeOf(metric, point);
      if (items?.next(time) !== true) continue;
      item.value = numberOf(point);
      if (!keys.perMetric) {
        keys.item(metric, point.attributes);
        key = this.key();
      }
      this.readOthers(metric, point.attributes, true);
      this.add(key, time, metric.unit);
    }
  }
}

/**
 * What tells of a stretch of time ends before the time that it has, which is where the next one begins: the last minute
 * of an hour is part of that hour.
 */
function timeOf({ temporality }: MetricReader, { buffer, timeAt, startTimeAt }: DataPointReader): number {
  const time = eventTime(buffer, timeAt);
  return startTimeAt >= 0 && temporality !== Temporality.CUMULATIVE && time > 1 ? time - 1 : time;
}

/** NaN where it has no number: one that is not known, or a distribution. */
function numberOf(point: DataPointReader): number {
  const isNumber = point.type === MetricType.GAUGE || point.type === MetricType.SUM;
  return isNumber && point.valueAt >= 0 && (point.flags & NO_RECORDED_VALUE) === 0 ? point.value : Number.NaN;
}

class RecordReader extends SignalReader {
  readonly #record = new LogRecordReader();

  member(buffer: Buffer, start: number, end: number): void {
    const { keys, items, item } = this;
    const record = this.#record.read(buffer, start, end);
    const time = logEventTime(record);
    if (items?.next(time) !== true) return;
    keys.item(record, record.attributes);
    item.value = 1;
    this.readOthers(record, record.attributes, false);
    this.add(this.key(), time, '');
  }
}

class DurationReader extends SignalReader {
  readonly #span = new SpanReader();

  member(buffer: Buffer, start: number, end: number): void {
    const { keys, items, item } = this;
    const span = this.#span.read(buffer, start, end);
    const time = eventTime(span.buffer, span.endTimeAt);
    if (items?.next(time) !== true) return;
    keys.item(span, span.attributes);
    item.value = span.durationNanos / NANOS_PER_MILLI;
    this.readOthers(span, span.attributes, false);
    this.add(this.key(), time, this.config.value === '' ? IN_MILLIS : '');
  }
}
