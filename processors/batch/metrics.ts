import type { Settings } from '../../core/component.ts';
import type { Counter, Gauge, Histogram, HistogramDefinition, MetricDefinition } from '../../core/meter.ts';
import type { Signal } from '../../core/signal.ts';

export type Trigger = 'size' | 'timeout';

const COUNTS = [
  10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000, 30000, 50000,
  100000,
];
const BYTES = [
  ...COUNTS,
  ...[2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => n * 100_000),
  ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => n * 1_000_000),
];

const SEND_SIZE: HistogramDefinition = {
  name: 'otelcol_processor_batch_batch_send_size',
  description: 'Number of units in the batch [Development]',
  unit: '{unit}',
  level: 'normal',
  bounds: COUNTS,
};
const SEND_SIZE_BYTES: HistogramDefinition = {
  name: 'otelcol_processor_batch_batch_send_size_bytes',
  description: 'Number of bytes in batch that was sent. Only available on detailed level. [Development]',
  unit: 'By',
  level: 'detailed',
  bounds: BYTES,
};
const CARDINALITY: MetricDefinition = {
  name: 'otelcol_processor_batch_metadata_cardinality',
  description: 'Number of distinct metadata value combinations being processed [Development]',
  unit: '{combination}',
  level: 'normal',
};
const TRIGGERS: Readonly<Record<Trigger, MetricDefinition>> = {
  size: {
    name: 'otelcol_processor_batch_batch_size_trigger_send',
    description: 'Number of times the batch was sent due to a size trigger [Development]',
    unit: '{time}',
    level: 'normal',
  },
  timeout: {
    name: 'otelcol_processor_batch_timeout_trigger_send',
    description: 'Number of times the batch was sent due to a timeout trigger [Development]',
    unit: '{time}',
    level: 'normal',
  },
};
/** Ours: the collector only logs this. */
const LOST: MetricDefinition = {
  name: 'otelcol_processor_batch_lost_items',
  description: 'Number of items that were acknowledged and then refused by the next component. [Development]',
  unit: '{item}',
};

/** The processor's self-metrics. Counters show from their first event on, as the collector's do. */
export class BatchMetrics {
  readonly #settings: Settings;
  readonly #labels: { readonly processor: string };
  readonly #cardinality: Gauge;
  readonly #triggers: Partial<Record<Trigger, Counter>> = {};
  #size: Histogram | undefined;
  #bytes: Histogram | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#labels = { processor: settings.name };
    this.#cardinality = settings.meter.gauge(CARDINALITY, this.#labels);
  }

  combinations(change: number): void {
    this.#cardinality.add(change);
  }

  sent(trigger: Trigger, items: number, bytes: number): void {
    const { meter } = this.#settings;
    this.#triggers[trigger] ??= meter.counter(TRIGGERS[trigger], this.#labels);
    this.#size ??= meter.histogram(SEND_SIZE, this.#labels);
    this.#bytes ??= meter.histogram(SEND_SIZE_BYTES, this.#labels);
    this.#triggers[trigger].add(1);
    this.#size.record(items);
    this.#bytes.record(bytes);
  }

  lost(signal: Signal, items: number): void {
    this.#settings.meter.counter(LOST, { ...this.#labels, otel_signal: signal }).add(items);
  }
}
