import type { Settings } from '../../core/component.ts';
import type { OutgoingRecord } from '../../core/kafka/client.ts';
import type { Counter, Histogram, HistogramDefinition, MetricDefinition } from '../../core/meter.ts';

const MESSAGES: MetricDefinition = {
  name: 'otelcol_kafka_exporter_messages',
  description: 'The number of exported messages.',
  unit: '1',
};
const RECORDS: MetricDefinition = {
  name: 'otelcol_kafka_exporter_records',
  description: 'The number of exported records.',
  unit: '1',
};
const BYTES: MetricDefinition = {
  name: 'otelcol_kafka_exporter_bytes_uncompressed',
  description: 'The uncompressed size in bytes of exported messages seen by the client.',
  unit: 'By',
};
const LATENCY: HistogramDefinition = {
  name: 'otelcol_kafka_exporter_write_latency',
  description: 'The time it took in seconds to export a batch of records.',
  unit: 's',
  bounds: [0, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 25, 50, 75, 100],
};

type Outcome = 'success' | 'failure';

interface Series {
  readonly messages: Counter;
  readonly records: Counter;
  readonly bytes: Counter;
  readonly latency: Histogram;
}

/** So many topics have series of their own: topics can come from data. */
const MAX_TOPICS = 1000;

/** Counts records by topic and outcome. */
export class SentMetrics {
  readonly #settings: Settings;
  readonly #series = new Map<string, Series>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  sent(records: readonly OutgoingRecord[], ms: number, outcome: Outcome): void {
    const topics = new Map<string, { count: number; bytes: number }>();
    for (const { topic, value, key } of records) {
      const sum = topics.get(topic) ?? { count: 0, bytes: 0 };
      sum.count++;
      sum.bytes += value.length + (key?.length ?? 0);
      topics.set(topic, sum);
    }
    for (const [topic, { count, bytes }] of topics) {
      const series = this.#of(topic, outcome);
      series.messages.add(count);
      series.records.add(count);
      series.bytes.add(bytes);
      series.latency.record(ms / 1000);
    }
  }

  #of(topic: string, outcome: Outcome): Series {
    const name = this.#series.size < MAX_TOPICS ? topic : 'other';
    const key = `${outcome} ${this.#series.has(`${outcome} ${topic}`) ? topic : name}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const labels = { topic: key.slice(outcome.length + 1), outcome };
      const { meter } = this.#settings;
      series = {
        messages: meter.counter(MESSAGES, labels),
        records: meter.counter(RECORDS, labels),
        bytes: meter.counter(BYTES, labels),
        latency: meter.histogram(LATENCY, labels),
      };
      this.#series.set(key, series);
    }
    return series;
  }
}
