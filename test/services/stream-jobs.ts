/** What the tests of the shipped stream processing jobs have in common: a producer, and what is in topics. */
import { systemClock } from '../../core/clock.ts';
import type { ConsumerOptions, IncomingRecord } from '../../core/kafka/client.ts';
import { fnv1a } from '../../core/kafka/partitioner.ts';
import { platformaticDriver } from '../../core/kafka/platformatic.ts';
import { readTopic } from '../../core/kafka/platformatic-reader.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { plainObject } from '../../core/otlp/plain-value.ts';
import { decodeTree, type KeyValue } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { TestLogger } from '../../core/testing/settings.ts';

/** A row that a topic has to have, by the names of its columns. */
export type Expected = Readonly<Record<string, string | number>>;

export const MINUTE = 60_000;
const NANOS_PER_MILLI = 1_000_000n;
/** Events are not of the future, and the end of event time, 20 minutes later, is not far in it. */
export const AGE_MS = 15 * MINUTE;
export const END_MS = 20 * MINUTE;

const client = (brokers: readonly string[]) => ({
  brokers,
  clientId: 'stream-jobs',
  tls: undefined,
  sasl: undefined,
  requestTimeoutMs: 30_000,
  metadataMaxAgeMs: 60_000,
  retries: 5,
  retryDelayMs: 200,
  logger: new TestLogger(),
  clock: systemClock,
});

export const producerFor = (brokers: readonly string[]) =>
  platformaticDriver.producer({
    ...client(brokers),
    ...{ acks: -1, codec: 'none', idempotent: true, transactionalId: '', autoCreateTopics: false },
    partitioner: (_topic, key, partitions) => {
      const text = key?.toString() ?? '';
      // what ends event time is in each partition
      return text.startsWith('#') ? Number(text.slice(1)) : (fnv1a(Buffer.from(text)) >>> 0) % partitions;
    },
  });

/** What transactions have put into a topic, as it comes. */
export class Topic<Row> {
  readonly rows: Row[] = [];
  #close: () => Promise<void> = async () => {};

  static async read<Row>(brokers: readonly string[], name: string, rowsOf: (record: IncomingRecord) => Row[]) {
    const topic = new Topic<Row>();
    const options: ConsumerOptions = {
      ...client(brokers),
      ...{ groupId: 'reader', groupInstanceId: '', strategy: 'range', initialOffset: 'earliest', committedOnly: true },
      ...{ sessionTimeoutMs: 10_000, heartbeatMs: 3_000, rebalanceTimeoutMs: 60_000, commitIntervalMs: 0 },
      ...{ minBytes: 1, maxBytes: 1 << 24, maxBytesPerPartition: 1 << 22, maxWaitMs: 200 },
    };
    const handle = async ({ records }: { readonly records: readonly IncomingRecord[] }) => {
      for (const record of records) topic.rows.push(...rowsOf(record));
    };
    const reading = await readTopic(options, name, handle, () => {});
    topic.#close = () => reading.close();
    return topic;
  }

  close(): Promise<void> {
    return this.#close();
  }
}

export const millis = (nanos: bigint): number => Number(nanos / NANOS_PER_MILLI);
export const textOf = (attributes: readonly KeyValue[] | undefined, key: string): string =>
  String(plainObject(attributes ?? [])[key] ?? '');

/** Alerts in OTLP/JSON. */
export function alertsIn({ value }: IncomingRecord) {
  const { bytes, items } = decodeJson('logs', value);
  return decodeTree('logs', Telemetry.of('logs', Buffer.from(bytes), items)).resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ attributes, timeUnixNano }) => ({
        type: textOf(attributes, 'alert.type'),
        key: textOf(attributes, 'alert.key'),
        time: millis(timeUnixNano),
        count: Number(textOf(attributes, 'alert.count')),
        first: Date.parse(textOf(attributes, 'alert.first_time')),
        last: Date.parse(textOf(attributes, 'alert.last_time')),
      })),
    ),
  );
}
