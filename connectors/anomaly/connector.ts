import type { Timer } from '../../core/clock.ts';
import type { Host, Outputs, Settings } from '../../core/component.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader, NO_RECORDED_VALUE } from '../../core/otlp/readers/data-point.ts';
import { MetricReader, MetricType } from '../../core/otlp/readers/metric.ts';
import { eventTime } from '../../core/stream/event-time.ts';
import { FieldValues } from '../../core/stream/fields.ts';
import type { Items } from '../../core/stream/items.ts';
import { joinKey } from '../../core/stream/key.ts';
import { Members, type MemberVisitor } from '../../core/stream/members.ts';
import { type Stage, StreamOperator } from '../../core/stream/operator.ts';
import { streamOutputs } from '../../core/stream/outputs.ts';
import type { Partition } from '../../core/stream/partition-runner.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Baselines, writeBaselines } from './baselines.ts';
import type { Config } from './config.ts';
import { ANOMALY_VERSION, AnomalyPartition, type Value } from './partition.ts';

export function anomalyConnector(settings: Settings, config: Config, outputs: Outputs): AnomalyConnector {
  return new AnomalyConnector(settings, config, outputs, new Baselines());
}

class AnomalyConnector extends StreamOperator<AnomalyPartition> {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #known: Baselines;
  #timer: Timer | undefined;
  #started = false;

  constructor(settings: Settings, config: Config, outputs: Outputs, known: Baselines) {
    super(settings, config, streamOutputs(outputs, 'logs', config.late_pipeline), new AnomalyStage(config, known));
    this.#settings = settings;
    this.#config = config;
    this.#known = known;
  }

  override async start(host: Host): Promise<void> {
    const { baseline_file: path, export_file: target, export_interval: interval } = this.#config;
    const { clock, logger } = this.#settings;
    if (path !== '') {
      this.#known.read(path);
      logger.info('Baselines were read', { path, series: this.#known.size });
    }
    await super.start(host);
    this.#started = true;
    if (target !== '') this.#timer = clock.every(interval, () => this.#export());
  }

  override async shutdown(): Promise<void> {
    this.#timer?.cancel();
    await super.shutdown();
    if (this.#started) this.#export();
    this.#started = false;
  }

  #export(): void {
    const { export_file: path } = this.#config;
    if (path === '') return;
    try {
      writeBaselines(
        path,
        [...this.states()].flatMap((state) => [...state.values()]),
      );
    } catch (error) {
      this.#settings.logger.error('Baselines cannot be written', { path, error: (error as Error).message });
    }
  }
}

/** Reads the values of points: of gauges and sums the number, of summaries and histograms the average. */
class AnomalyStage implements Stage<AnomalyPartition>, MemberVisitor {
  readonly version = ANOMALY_VERSION;
  readonly #config: Config;
  readonly #known: Baselines;
  readonly #keys: FieldValues;
  /** What alerts say about a series beside its key. */
  readonly #about = new FieldValues(['resource.service.name', 'metric.name'], 'metrics');
  readonly #members = new Members(this);
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();
  readonly #value: Value = { time: 0, value: 0, service: '', metric: '' };
  #state: AnomalyPartition | undefined;
  #items: Items | undefined;

  constructor(config: Config, known: Baselines) {
    this.#config = config;
    this.#known = known;
    this.#keys = new FieldValues(config.key, 'metrics');
  }

  open(partition: Partition): AnomalyPartition {
    return new AnomalyPartition(partition, this.#config, this.#known);
  }

  process(batch: Telemetry, state: AnomalyPartition, items: Items): void {
    this.#state = state;
    this.#items = items;
    this.#members.walk(batch);
    state.emit();
  }

  resource(attributes: Attributes): void {
    this.#keys.resource(attributes);
    this.#about.resource(attributes);
  }

  member(buffer: Buffer, start: number, end: number): void {
    const state = this.#state as AnomalyPartition;
    const items = this.#items as Items;
    const metric = this.#metric.read(buffer, start, end);
    const value = this.#value;
    this.#about.item(metric, undefined);
    [value.service, value.metric] = this.#about.values as [string, string];
    while (metric.nextPoint()) {
      const point = this.#point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
      value.time = eventTime(point.buffer, point.timeAt);
      if (!items.next(value.time)) continue;
      value.value = valueOfPoint(point);
      if (!Number.isFinite(value.value)) {
        items.stray('no value');
        continue;
      }
      this.#keys.item(metric, point.attributes);
      const key = joinKey(this.#keys.values);
      const series = state.get(key) ?? state.create(key);
      if (series === undefined) items.stray('too many keys');
      else state.add(series, value, items.source);
    }
  }
}

/** NaN where there is none. */
function valueOfPoint(point: DataPointReader): number {
  if ((point.flags & NO_RECORDED_VALUE) !== 0) return Number.NaN;
  if (point.type === MetricType.GAUGE || point.type === MetricType.SUM) {
    return point.valueAt < 0 ? Number.NaN : point.value;
  }
  return point.countAt < 0 ? Number.NaN : (point.sum ?? Number.NaN) / Number(point.count);
}
