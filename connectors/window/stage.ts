import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader, NO_RECORDED_VALUE } from '../../core/otlp/readers/data-point.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { MetricReader, MetricType } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import type { Signal } from '../../core/signal.ts';
import { eventTime, logEventTime } from '../../core/stream/event-time.ts';
import { FieldValues, type Reader } from '../../core/stream/fields.ts';
import type { Items } from '../../core/stream/items.ts';
import type { Stage } from '../../core/stream/operator.ts';
import type { Partition } from '../../core/stream/partition-runner.ts';
import { WINDOWS_VERSION } from '../../core/stream/window/keyed-windows.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, METRIC_KEY, STATISTICS } from './config.ts';
import type { WindowPartition } from './connector.ts';
import { labelOf } from './output.ts';
import { type Item, NumberAggregation } from './statistics.ts';

const NANOS_PER_MILLI = 1e6;
/** Between the parts of a key: values hardly have it. */
const SEPARATOR = '\u001f';
const NAMES: Readonly<Record<Signal, string>> = {
  metrics: '{metric.name}.window',
  logs: 'event.window',
  traces: 'span.duration.window',
};

/** Reads points, log records and spans into windows. */
export class WindowStage implements Stage<WindowPartition> {
  readonly version = WINDOWS_VERSION;
  readonly #config: Config;
  readonly #open: (partition: Partition, aggregation: NumberAggregation) => WindowPartition;
  readonly #aggregation: NumberAggregation;
  readonly #keys = new Map<Signal, FieldValues>();
  readonly #others = new Map<Signal, FieldValues>();
  readonly #groups = new Groups();
  readonly #resource = new Attributes();
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();
  readonly #record = new LogRecordReader();
  readonly #span = new SpanReader();
  readonly #item: Item = { value: 0, text: '' };

  constructor(config: Config, open: (partition: Partition, aggregation: NumberAggregation) => WindowPartition) {
    this.#config = config;
    this.#open = open;
    const quantiles = STATISTICS.some((one) => /^p\d/.test(one) && config.statistics.includes(one));
    this.#aggregation = new NumberAggregation(quantiles, config.distinct !== '');
  }

  open(partition: Partition): WindowPartition {
    return this.#open(partition, this.#aggregation);
  }

  process(batch: Telemetry, state: WindowPartition, items: Items): void {
    const { signal } = batch;
    const place: Place = { state, items, keys: this.#keysOf(signal), others: this.#othersOf(signal) };
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      const resource = this.#resource.set(groups.buffer, groups.resourceStart, groups.resourceEnd, RESOURCE_ATTRIBUTES);
      place.keys.resource(resource);
      place.others.resource(resource);
      while (groups.nextScope()) {
        while (groups.nextMember()) {
          const { buffer, memberStart, memberEnd } = groups;
          if (signal === 'metrics') this.#addPoints(this.#metric.read(buffer, memberStart, memberEnd), place);
          else if (signal === 'logs') this.#addRecord(this.#record.read(buffer, memberStart, memberEnd), place);
          else this.#addSpan(this.#span.read(buffer, memberStart, memberEnd), place);
        }
      }
    }
    state.emit();
  }

  #addPoints(metric: MetricReader, place: Place): void {
    const { keys, items } = place;
    const isNumber = metric.type === MetricType.GAUGE || metric.type === MetricType.SUM;
    const label = () => labelOf(keys, this.#nameOf('metrics'), metric.unit);
    if (keys.perMetric) keys.item(metric, undefined);
    let key = keyOf('metrics', keys);
    while (metric.nextPoint()) {
      const point = this.#point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
      const time = eventTime(point.buffer, point.timeAt);
      if (!items.next(time)) continue;
      if (!isNumber || point.valueAt < 0 || (point.flags & NO_RECORDED_VALUE) !== 0) {
        items.stray('no value');
        continue;
      }
      if (!keys.perMetric) {
        keys.item(metric, point.attributes);
        key = keyOf('metrics', keys);
      }
      this.#item.value = point.value;
      if (this.#config.distinct !== '') this.#readOthers(place, metric, point.attributes);
      this.#add(key, time, place, label);
    }
  }

  #addRecord(record: LogRecordReader, place: Place): void {
    const time = logEventTime(record);
    this.#item.value = 1;
    if (place.items.next(time)) this.#addSingle('logs', record, time, place, '');
  }

  #addSpan(span: SpanReader, place: Place): void {
    const time = eventTime(span.buffer, span.endTimeAt);
    this.#item.value = span.durationNanos / NANOS_PER_MILLI;
    if (place.items.next(time)) this.#addSingle('traces', span, time, place, this.#config.value === '' ? 'ms' : '');
  }

  #addSingle(
    signal: 'logs' | 'traces',
    reader: LogRecordReader | SpanReader,
    time: number,
    place: Place,
    unit: string,
  ): void {
    const { value, distinct } = this.#config;
    const { keys, others, items } = place;
    if (value !== '' || distinct !== '') this.#readOthers(place, reader, reader.attributes);
    if (value !== '') {
      const [text] = others.values;
      this.#item.value = text === '' ? Number.NaN : Number(text);
      if (Number.isNaN(this.#item.value)) {
        items.stray('no value');
        return;
      }
    }
    keys.item(reader, reader.attributes);
    this.#add(keyOf(signal, keys), time, place, () => labelOf(keys, this.#nameOf(signal), unit));
  }

  #add(key: string, time: number, { state, items }: Place, label: () => Buffer): void {
    const verdict = state.add(key, time, this.#item, items.source, label);
    if (verdict !== 'taken') items.stray(verdict);
  }

  #readOthers({ others }: Place, reader: Reader, attributes: Attributes): void {
    others.item(reader, attributes);
    this.#item.text = others.values[1] as string;
  }

  #nameOf(signal: Signal): string {
    return this.#config.metric_name === '' ? NAMES[signal] : this.#config.metric_name;
  }

  #keysOf(signal: Signal): FieldValues {
    const { key } = this.#config;
    const standard = signal === 'metrics' ? METRIC_KEY : METRIC_KEY.slice(0, 1);
    return remembered(this.#keys, signal, () => new FieldValues(key.length === 0 ? standard : key, signal));
  }

  #othersOf(signal: Signal): FieldValues {
    const { value, distinct } = this.#config;
    return remembered(this.#others, signal, () => new FieldValues([value, distinct], signal));
  }
}

/** Where the items of a batch go, and the fields that are read of them. */
interface Place {
  readonly state: WindowPartition;
  readonly items: Items;
  readonly keys: FieldValues;
  /** The value, and what `distinct` counts. */
  readonly others: FieldValues;
}

/** Keys of different signals differ. */
function keyOf(signal: Signal, { values }: FieldValues): string {
  let key: string = signal;
  for (let i = 0; i < values.length; i++) key += SEPARATOR + (values[i] as string);
  return key;
}

function remembered<T>(known: Map<Signal, T>, signal: Signal, make: () => T): T {
  const value = known.get(signal) ?? make();
  known.set(signal, value);
  return value;
}
