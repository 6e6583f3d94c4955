import type { Settings } from '../../core/component.ts';
import type { RecordBatch } from '../../core/kafka/client.ts';
import type { Counter, Gauge, Histogram, HistogramDefinition, MetricDefinition } from '../../core/meter.ts';
import { ITEM_NAME, type Signal } from '../../core/signal.ts';

const definition = (name: string, description: string, unit = '1'): MetricDefinition => ({
  name: `otelcol_kafka_receiver_${name}`,
  description,
  unit,
});

const MESSAGES = definition('messages', 'The number of received messages.');
const RECORDS = definition('records', 'The number of received records.');
const BYTES = definition(
  'bytes_uncompressed',
  'The uncompressed size in bytes of received records seen by the client.',
  'By',
);
const OFFSET = definition('current_offset', 'Current message offset');
const LAG = definition('offset_lag', 'Current offset lag');
const DELAY: HistogramDefinition = {
  ...definition('records_delay', 'The time in seconds between producing and receiving a batch of records.', 's'),
  bounds: [
    0, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 25, 50, 75, 100, 250, 500, 750, 1000,
    2500, 5000, 7500, 10000,
  ],
};
const UNMARSHAL_FAILED: Readonly<Record<Signal, MetricDefinition>> = {
  traces: failed('traces'),
  metrics: failed('metrics'),
  logs: failed('logs'),
};

function failed(signal: Signal): MetricDefinition {
  const items = ITEM_NAME[signal];
  return definition(`unmarshal_failed_${items}`, `Number of ${items.replace('_', ' ')} failed to be unmarshaled`);
}

interface Series {
  readonly messages: Counter;
  readonly records: Counter;
  readonly bytes: Counter;
  readonly offset: Gauge;
  readonly lag: Gauge;
  readonly delay: Histogram | undefined;
}

/** Counts what is consumed, by topic and partition. */
export class ConsumedMetrics {
  readonly #settings: Settings;
  readonly #measuresDelay: boolean;
  readonly #series = new Map<string, Series>();

  constructor(settings: Settings, measuresDelay: boolean) {
    this.#settings = settings;
    this.#measuresDelay = measuresDelay;
  }

  received({ topic, partition, records, highWatermark }: RecordBatch): void {
    const series = this.#of(topic, partition);
    const last = records.at(-1);
    if (last === undefined) return;
    let bytes = 0;
    for (const { key, value } of records) bytes += value.length + (key?.length ?? 0);
    series.messages.add(records.length);
    series.records.add(records.length);
    series.bytes.add(bytes);
    series.offset.set(Number(last.offset));
    series.lag.set(Math.max(0, Number(highWatermark - last.offset - 1n)));
    series.delay?.record(Math.max(0, this.#settings.clock.now() - last.timestamp) / 1000);
  }

  unreadable(signal: Signal, topic: string, partition: number): void {
    this.#settings.meter.counter(UNMARSHAL_FAILED[signal], { topic, partition: String(partition) }).add(1);
  }

  #of(topic: string, partition: number): Series {
    const key = `${topic} ${partition}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const { meter } = this.#settings;
      const place = { topic, partition: String(partition) };
      const labels = { ...place, outcome: 'success' };
      series = {
        messages: meter.counter(MESSAGES, labels),
        records: meter.counter(RECORDS, labels),
        bytes: meter.counter(BYTES, labels),
        offset: meter.gauge(OFFSET, place),
        lag: meter.gauge(LAG, place),
        delay: this.#measuresDelay ? meter.histogram(DELAY, place) : undefined,
      };
      this.#series.set(key, series);
    }
    return series;
  }
}
