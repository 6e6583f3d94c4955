/** Spans in Kafka, and what there has to be counted of them: for tests that end processes at any moment. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutgoingRecord } from '../../core/kafka/client.ts';
import { platformaticDriver } from '../../core/kafka/platformatic.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree, type KeyValue } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { labClient, readCommitted } from './stream-lab.ts';

export const PARTITIONS = 6;
const SERVICES_PER_PARTITION = 2;
const NAMES = 4;
const MOST_SPANS = 3;

/** Puts spans into partitions, and counts them. */
export class Spans {
  readonly #producer;
  /** By partition, service and name, as `Counted` has them. */
  readonly expected = new Map<string, number>();

  constructor(brokers: readonly string[]) {
    this.#producer = platformaticDriver.producer({
      ...labClient(brokers),
      ...{ acks: -1, codec: 'none', idempotent: true, transactionalId: '', autoCreateTopics: false },
      partitioner: (_topic, key) => Number(key?.toString().split('-')[1]),
    });
  }

  /** Some more in every partition. */
  async next(): Promise<void> {
    await this.#producer.send(Array.from({ length: PARTITIONS }, (_, partition) => this.#record(partition)));
  }

  async end(): Promise<void> {
    await this.#producer.close();
  }

  #record(partition: number): OutgoingRecord {
    const service = `service-${partition}-${below(SERVICES_PER_PARTITION)}`;
    const spans = Array.from({ length: 1 + below(MOST_SPANS) }, () => {
      const name = `name-${below(NAMES)}`;
      const series = `spans/${partition} ${service} ${name}`;
      this.expected.set(series, (this.expected.get(series) ?? 0) + 1);
      return { name, startTimeUnixNano: '1700000000000000000', endTimeUnixNano: `170000000000${below(10)}000000` };
    });
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
    const request = { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] };
    const value = decodeJson('traces', Buffer.from(JSON.stringify(request))).bytes;
    return { topic: 'spans', key: Buffer.from(`p-${partition}`), value, headers: [] };
  }
}

/** One committed point: how many calls, or how many durations. */
export interface Point {
  readonly startTime: bigint;
  readonly time: bigint;
  readonly value: number;
}

/** What was counted, by metric, then by series; points in the order in which they were committed. */
export type Counted = Readonly<Record<'calls' | 'duration', ReadonlyMap<string, readonly Point[]>>>;

/** The committed points of a topic, as they come. */
export async function countedIn(brokers: readonly string[], topic: string) {
  const counted = { calls: new Map<string, Point[]>(), duration: new Map<string, Point[]>() };
  const read = await readCommitted(brokers, topic, (value) => {
    const tree = decodeTree('metrics', { ranges: [{ buffer: value, start: 0, end: value.length }] });
    for (const { resource, scopeMetrics } of tree.resourceMetrics) {
      const source = `${text(resource?.attributes, 'source.partition')} ${text(resource?.attributes, 'service.name')}`;
      for (const { name, sum, histogram } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
        const points = [
          ...(sum?.dataPoints ?? []).map((point) => ({ ...point, value: Number(point.asInt) })),
          ...(histogram?.dataPoints ?? []).map((point) => ({ ...point, value: Number(point.count) })),
        ];
        for (const { attributes, startTimeUnixNano: startTime, timeUnixNano: time, value } of points) {
          const series = `${source} ${text(attributes, 'span.name')}`;
          const of = counted[name as 'calls' | 'duration'];
          of.set(series, [...(of.get(series) ?? []), { startTime, time, value }]);
        }
      }
    }
  });
  return { counted: counted as Counted, ...read };
}

/** The configuration of a process that counts twice: sums to the topic `sums`, deltas to `deltas`. */
export function countingConfig(brokers: readonly string[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-span-metrics-')), 'config.yaml');
  const list = `[${brokers.map((broker) => `"${broker}"`).join(', ')}]`;
  const options = 'namespace: "", metrics_flush_interval: 150ms';
  writeFileSync(
    path,
    `
extensions:
  checkpoint:
    interval: 300ms
    min_pause: 50ms
    exactly_once: { brokers: ${list}, replication_factor: 1, partitions: 3 }
receivers:
  kafka:
    brokers: ${list}
    group_id: counting
    group_instance_id: only
    initial_offset: earliest
    session_timeout: 6s
    heartbeat_interval: 1s
    traces: { topics: [spans] }
connectors:
  span_metrics/sums: { ${options} }
  span_metrics/deltas: { ${options}, aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA }
exporters:
  kafka/sums: { brokers: ${list}, exactly_once: true, metrics: { topic: sums } }
  kafka/deltas: { brokers: ${list}, exactly_once: true, metrics: { topic: deltas } }
service:
  extensions: [checkpoint]
  telemetry: { metrics: { level: none } }
  pipelines:
    traces: { receivers: [kafka], exporters: [span_metrics/sums, span_metrics/deltas] }
    metrics/sums: { receivers: [span_metrics/sums], exporters: [kafka/sums] }
    metrics/deltas: { receivers: [span_metrics/deltas], exporters: [kafka/deltas] }
`,
  );
  return path;
}

function below(most: number): number {
  return Math.floor(Math.random() * most);
}

function text(attributes: readonly KeyValue[] | undefined, key: string): string {
  return valueText(attributes?.find((attribute) => attribute.key === key)?.value);
}
