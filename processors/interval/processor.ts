import type { Timer } from '../../core/clock.ts';
import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import type { Counter } from '../../core/meter.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import { type MetricReader, MetricType, Temporality } from '../../core/otlp/readers/metric.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { LatestPoints } from './latest-points.ts';

/** Points that are held at most, some 500 bytes each. With more, they are handed on before their time. */
const MAX_POINTS = 1_000_000;

/** Holds back the last point of each cumulative series, gauge and summary, and hands them on in intervals. */
export class Interval implements Processor {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  readonly #points: LatestPoints;
  readonly #rewriter: Rewriter;
  readonly #maxPoints: number;
  #ticker: Timer | undefined;
  #lost: Counter | undefined;
  /** One batch is under way at a time; meanwhile points are collected for the next. */
  #sending: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: Config, next: Consumer, maxPoints = MAX_POINTS) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#maxPoints = maxPoints;
    this.#points = new LatestPoints(settings.random() * 2 ** 32);
    this.#rewriter = new Rewriter({
      dropsEmpty: true,
      metric: (_editor, metric, at) => {
        if (!this.#holds(metric)) return true;
        this.#points.add(at, metric);
        return false;
      },
    });
  }

  start(): void {
    this.#ticker = this.#settings.clock.every(this.#config.interval, () => this.#export());
  }

  consume(batch: Telemetry): void | Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      batch.release();
      throw refusal;
    }
    const rest = this.#rewriter.rewrite(batch);
    if (this.#points.count >= this.#maxPoints) this.#export();
    if (rest.byteLength > 0) return this.#next.consume(rest);
    rest.release();
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#ticker?.cancel();
    await this.#sending;
    this.#export();
    await this.#sending;
  }

  #refusal(): PipelineError | undefined {
    if (this.#stopping !== undefined) return new PipelineError('the interval processor has stopped');
    if (this.#points.count < this.#maxPoints) return undefined;
    return new PipelineError('the interval processor holds too many points while the next component is slow');
  }

  #holds({ type, temporality, monotonic }: MetricReader): boolean {
    switch (type) {
      case MetricType.GAUGE:
        return !this.#config.pass_through.gauge;
      case MetricType.SUMMARY:
        return !this.#config.pass_through.summary;
      case MetricType.SUM:
        return monotonic && temporality === Temporality.CUMULATIVE;
      default:
        return type !== MetricType.NONE && temporality === Temporality.CUMULATIVE;
    }
  }

  #export(): void {
    const batch = this.#sending === undefined ? this.#points.take() : undefined;
    if (batch === undefined) return;
    const { items } = batch;
    const fail = (error: unknown) => this.#lose(items, PipelineError.from(error));
    let running: void | Promise<void>;
    try {
      running = this.#next.consume(batch);
    } catch (error) {
      fail(error);
      return;
    }
    if (running === undefined) return;
    this.#sending = running.catch(fail).then(() => {
      this.#sending = undefined;
    });
  }

  /** The counter is ours: the collector only logs this. */
  #lose(points: number, error: PipelineError): void {
    this.#lost ??= this.#settings.meter.counter({
      name: 'otelcol_processor_interval_lost_points',
      description: 'Number of points that were accepted and then refused by the next component. [Development]',
      unit: '{datapoint}',
    });
    this.#lost.add(points);
    this.#settings.logger.error('Metrics export failed', { error: error.message, lost_points: points });
  }
}
