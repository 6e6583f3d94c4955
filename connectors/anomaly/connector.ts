import type { Timer } from '../../core/clock.ts';
import type { Host, Outputs, Settings } from '../../core/component.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DataPointReader, NO_RECORDED_VALUE } from '../../core/otlp/readers/data-point.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { MetricReader, MetricType } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES } from '../../core/otlp/readers/scope.ts';
import { eventTime } from '../../core/stream/event-time.ts';
import { FieldValues } from '../../core/stream/fields.ts';
import type { Items } from '../../core/stream/items.ts';
import { type Stage, StreamOperator } from '../../core/stream/operator.ts';
import { streamOutputs } from '../../core/stream/outputs.ts';
import type { Partition } from '../../core/stream/partition-runner.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Baselines, SEPARATOR, writeBaselines } from './baselines.ts';
import type { Config } from './config.ts';
import { ANOMALY_VERSION, AnomalyPartition, type Series } from './partition.ts';

export function anomalyConnector(settings: Settings, config: Config, outputs: Outputs): AnomalyConnector {
  return new AnomalyConnector(settings, config, outputs, new Baselines());
}

export class AnomalyConnector extends StreamOperator<AnomalyPartition> {
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
class AnomalyStage implements Stage<AnomalyPartition> {
  readonly version = ANOMALY_VERSION;
  readonly #config: Config;
  readonly #known: Baselines;
  readonly #keys: FieldValues;
  /** What alerts say about a series beside its key. */
  readonly #about = new FieldValues(['resource.service.name', 'metric.name'], 'metrics');
  readonly #groups = new Groups();
  readonly #resource = new Attributes();
  readonly #metric = new MetricReader();
  readonly #point = new DataPointReader();

  constructor(config: Config, known: Baselines) {
    this.#config = config;
    this.#known = known;
    this.#keys = new FieldValues(config.key, 'metrics');
  }

  open(partition: Partition): AnomalyPartition {
    return new AnomalyPartition(partition, this.#config, this.#known);
  }

  process(batch: Telemetry, state: AnomalyPartition, items: Items): void {
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      const resource = this.#resource.set(groups.buffer, groups.resourceStart, groups.resourceEnd, RESOURCE_ATTRIBUTES);
      this.#keys.resource(resource);
      this.#about.resource(resource);
      while (groups.nextScope()) {
        while (groups.nextMember()) {
          this.#add(this.#metric.read(groups.buffer, groups.memberStart, groups.memberEnd), state, items);
        }
      }
    }
    state.emit();
  }

  #add(metric: MetricReader, state: AnomalyPartition, items: Items): void {
    this.#about.item(metric, undefined);
    while (metric.nextPoint()) {
      const point = this.#point.read(metric.type, metric.buffer, metric.pointStart, metric.pointEnd);
      const time = eventTime(point.buffer, point.timeAt);
      if (!items.next(time)) continue;
      const value = valueOfPoint(point);
      if (!Number.isFinite(value)) {
        items.stray('no value');
        continue;
      }
      this.#keys.item(metric, point.attributes);
      const series = this.#series(state);
      if (series === undefined) items.stray('too many keys');
      else state.add(series, { time, value }, items.source);
    }
  }

  #series(state: AnomalyPartition): Series | undefined {
    const key = this.#keys.values.join(SEPARATOR);
    const known = state.get(key);
    if (known !== undefined) return known;
    const [service, metric] = this.#about.values as [string, string];
    return state.create(key, service, this.#keys.values.join(':'), metric);
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
