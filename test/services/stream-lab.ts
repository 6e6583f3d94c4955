/** Metrics in Kafka, windows over them, and what the windows should be: for tests that end processes at any moment. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import type { ConsumerOptions, OutgoingRecord } from '../../core/kafka/client.ts';
import { platformaticDriver } from '../../core/kafka/platformatic.ts';
import { readTopic } from '../../core/kafka/platformatic-reader.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { TestLogger } from '../../core/testing/settings.ts';
import type { KafkaCluster } from './kafka.ts';

const PARTITIONS = 12;
const KEYS_PER_PARTITION = 3;
const WINDOW_MS = 10_000;
const OUT_OF_ORDERNESS_MS = 3_000;
const BEGIN = 1_700_000_000_000;
/** Far enough behind everything that all windows end. */
const END = BEGIN + 10 * 3_600_000;
/** Of event time between two records of a partition. */
const STEP_MS = 500;
const NANOS_PER_MILLI = 1_000_000;

/** For topics of input and of results. */
export const labClient = (brokers: readonly string[]) => ({
  brokers,
  clientId: 'stream-lab',
  tls: undefined,
  sasl: undefined,
  requestTimeoutMs: 30_000,
  metadataMaxAgeMs: 60_000,
  retries: 5,
  retryDelayMs: 200,
  logger: new TestLogger(),
  clock: systemClock,
});

/** The topics of input and results. */
export async function createTopics(
  cluster: KafkaCluster,
  topics: readonly string[] = ['points', 'windows'],
  partitions = PARTITIONS,
): Promise<void> {
  const [server = ''] = cluster.addresses;
  for (const topic of topics) {
    const args = ['--bootstrap-server', server, '--create', '--topic', topic, '--partitions', `${partitions}`];
    await cluster.tool('TopicCommand', args);
  }
}

/** One window of one series: the name of a service, the start of the window, and what was in it. */
export type Row = `${string} ${number} ${number} ${number}`;

/** Puts points into partitions, and keeps what the windows over them have to be. */
export class Points {
  readonly #producer;
  readonly #random: () => number;
  readonly #topic: string;
  readonly #windows = new Map<string, { count: number; sum: number }>();
  #step = 0;

  constructor(brokers: readonly string[], random: () => number, topic = 'points') {
    this.#random = random;
    this.#topic = topic;
    this.#producer = platformaticDriver.producer({
      ...labClient(brokers),
      ...{ acks: -1, codec: 'none', idempotent: true, transactionalId: '', autoCreateTopics: false },
      partitioner: (_topic, key) => Number(key?.toString().split('-')[1]),
    });
  }

  /** One more point in every partition, up to three seconds out of order. */
  async next(): Promise<void> {
    const records: OutgoingRecord[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const jitter = Math.floor(this.#random() * OUT_OF_ORDERNESS_MS);
      const time = BEGIN + this.#step * STEP_MS + OUT_OF_ORDERNESS_MS - jitter;
      records.push(this.#record(partition, Math.floor(this.#random() * KEYS_PER_PARTITION), time, true));
    }
    this.#step++;
    await this.#producer.send(records);
  }

  /** Ends all windows so far. */
  async end(): Promise<void> {
    await this.#producer.send(Array.from({ length: PARTITIONS }, (_, i) => this.#record(i, 0, END, false)));
    await this.#producer.close();
  }

  get expected(): Set<Row> {
    return new Set([...this.#windows].map(([window, { count, sum }]): Row => `${window} ${count} ${sum}` as Row));
  }

  #record(partition: number, key: number, time: number, counts: boolean): OutgoingRecord {
    const service = `${this.#topic}-${partition}-${key}`;
    const value = Math.floor(this.#random() * 1000);
    if (counts) {
      const start = Math.floor(time / WINDOW_MS) * WINDOW_MS;
      const window = this.#windows.get(`${service} ${start}`) ?? { count: 0, sum: 0 };
      this.#windows.set(`${service} ${start}`, { count: window.count + 1, sum: window.sum + value });
    }
    return {
      topic: this.#topic,
      key: Buffer.from(`p-${partition}`),
      value: pointOf(service, time, value),
      headers: [],
    };
  }
}

/** The committed windows of the topic `windows`, as they come, and how many records tell of one that was cut short. */
export async function windowsOf(brokers: readonly string[]) {
  const rows: Row[] = [];
  let incomplete = 0;
  const read = await readCommitted(brokers, 'windows', (value) => {
    rows.push(...rowsOf(value));
    if (value.includes('window.incomplete')) incomplete++;
  });
  return { rows, incomplete: () => incomplete, ...read };
}

/** Calls with the value of each committed record of a topic, from the first on, until it is closed. */
export async function readCommitted(brokers: readonly string[], topic: string, each: (value: Buffer) => void) {
  const options: ConsumerOptions = {
    ...labClient(brokers),
    ...{ groupId: 'reader', groupInstanceId: '', strategy: 'range', initialOffset: 'earliest', committedOnly: true },
    ...{ sessionTimeoutMs: 10_000, heartbeatMs: 3_000, rebalanceTimeoutMs: 60_000, commitIntervalMs: 0 },
    ...{ minBytes: 1, maxBytes: 1 << 24, maxBytesPerPartition: 1 << 22, maxWaitMs: 200 },
  };
  const failures: unknown[] = [];
  const reading = await readTopic(
    options,
    topic,
    async (batch) => {
      for (const record of batch.records) each(record.value);
    },
    (error) => failures.push(error),
  );
  return { failures, close: () => reading.close() };
}

/** The configuration of a process that makes the windows. Its state is in Kafka, or in the folder. */
export function windowsConfig(brokers: readonly string[], member: string, state?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-stream-'));
  const path = join(folder, 'config.yaml');
  const inFolder = state !== undefined;
  const list = `[${brokers.map((broker) => `"${broker}"`).join(', ')}]`;
  writeFileSync(
    path,
    `
extensions:
  ${inFolder ? `file_storage: { directory: "${state}", create_directory: true }` : ''}
  checkpoint:
    interval: 300ms
    min_pause: 50ms
    ${inFolder ? 'storage: file_storage' : `exactly_once: { brokers: ${list}, replication_factor: 1, partitions: 3 }`}
receivers:
  kafka:
    brokers: ${list}
    group_id: windows
    group_instance_id: "${member}"
    initial_offset: earliest
    isolation_level: read_committed
    session_timeout: 6s
    heartbeat_interval: 1s
    metrics: { topics: [points] }
connectors:
  window:
    type: tumbling
    size: ${WINDOW_MS}ms
    out_of_orderness: ${OUT_OF_ORDERNESS_MS}ms
    statistics: [count, sum]
exporters:
  kafka:
    brokers: ${list}
    exactly_once: ${!inFolder}
    metrics: { topic: windows }
service:
  extensions: [${inFolder ? 'file_storage, ' : ''}checkpoint]
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics/in: { receivers: [kafka], exporters: [window] }
    metrics/out: { receivers: [window], exporters: [kafka] }
`,
  );
  return path;
}

function pointOf(service: string, time: number, value: number): Buffer {
  const point = { timeUnixNano: `${BigInt(time) * BigInt(NANOS_PER_MILLI)}`, asDouble: value };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
  const metrics = [{ name: 'latency', gauge: { dataPoints: [point] } }];
  return decodeJson(
    'metrics',
    Buffer.from(JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] })),
  ).bytes;
}

function rowsOf(value: Buffer): Row[] {
  const tree = decodeTree('metrics', { ranges: [{ buffer: value, start: 0, end: value.length }] });
  return tree.resourceMetrics.flatMap(({ resource, scopeMetrics }) => {
    const service = valueText(resource?.attributes.find(({ key }) => key === 'service.name')?.value);
    return scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ summary }) =>
        (summary?.dataPoints ?? []).map(({ startTimeUnixNano, count, sum }): Row => {
          const start = Number(startTimeUnixNano / BigInt(NANOS_PER_MILLI));
          return `${service} ${start} ${count} ${sum}` as Row;
        }),
      ),
    );
  });
}
