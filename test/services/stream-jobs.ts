/** Data for the shipped stream processing jobs, and what has to come of it. */
import { systemClock } from '../../core/clock.ts';
import type { ConsumerOptions, IncomingRecord, OutgoingRecord } from '../../core/kafka/client.ts';
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

const MINUTE = 60_000;
const NANOS_PER_MILLI = 1_000_000n;
/** Events are not of the future, and the end of event time, 20 minutes later, is not far in it. */
const AGE_MS = 15 * MINUTE;
const END_MS = 20 * MINUTE;

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

const producerFor = (brokers: readonly string[]) =>
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

const millis = (nanos: bigint): number => Number(nanos / NANOS_PER_MILLI);
const nanosOf = (time: number): string => String(BigInt(time) * NANOS_PER_MILLI);
const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const textOf = (attributes: readonly KeyValue[] | undefined, key: string): string =>
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

const SIZE = MINUTE;
const SLIDE = MINUTE / 2;
const POINT_EVERY = 5_000;
const LENGTH = 12 * MINUTE;
const SERVICES = ['shop', 'cart', 'search', 'mail', 'login'];
const METRICS = ['latency', 'load'];
/** In this minute the latency of one service is ten times what it was. */
const OUTBREAK = { service: 'cart', metric: 'latency', from: 9 * MINUTE, to: 10 * MINUTE };

interface Point {
  readonly service: string;
  readonly metric: string;
  readonly time: number;
  readonly value: number;
}

/** Points of some series over 12 minutes, and the windows and anomalies that they make. */
export class Series {
  readonly #producer;
  readonly #begin = Math.floor((Date.now() - AGE_MS) / MINUTE) * MINUTE;
  readonly #points: readonly Point[];

  constructor(brokers: readonly string[]) {
    this.#producer = producerFor(brokers);
    const points: Point[] = [];
    for (let at = 0; at < LENGTH; at += POINT_EVERY) {
      for (const service of SERVICES) {
        for (const metric of METRICS) {
          const hot = service === OUTBREAK.service && metric === OUTBREAK.metric;
          const value = hot && at >= OUTBREAK.from && at < OUTBREAK.to ? 1000 : 100 + Math.floor(Math.random() * 10);
          // up to four seconds out of order
          const time = this.#begin + at + Math.floor(Math.random() * 4_000);
          points.push({ service, metric, time, value });
        }
      }
    }
    this.#points = points;
  }

  /** The second half ends event time. */
  async send(half: 0 | 1): Promise<void> {
    const middle = this.#points.length / 2;
    const points = half === 0 ? this.#points.slice(0, middle) : this.#points.slice(middle);
    await this.#producer.send(points.map((point) => recordOf(point, `${point.service}-${point.metric}`)));
    if (half === 0) return;
    const end = { service: 'end', metric: 'end', time: this.#begin + END_MS, value: 0 };
    await this.#producer.send(Array.from({ length: 8 }, (_, i) => recordOf(end, `#${i}`)));
  }

  windows(): Expected[] {
    const windows = new Map<string, { count: number; sum: number }>();
    for (const { service, metric, time, value } of this.#points) {
      const last = Math.floor(time / SLIDE) * SLIDE;
      for (let start = last; start > time - SIZE; start -= SLIDE) {
        const name = JSON.stringify([service, metric, start]);
        const { count, sum } = windows.get(name) ?? { count: 0, sum: 0 };
        windows.set(name, { count: count + 1, sum: sum + value });
      }
    }
    return [...windows].map(([name, { count, sum }]) => {
      const [service, metric, start] = JSON.parse(name);
      return { service, metric, start, count, sum };
    });
  }

  readonly windowsOf = ({ value }: IncomingRecord): Expected[] =>
    decodeTree('metrics', { ranges: [{ buffer: value, start: 0, end: value.length }] }).resourceMetrics.flatMap(
      ({ resource, scopeMetrics }) => {
        const service = textOf(resource?.attributes, 'service.name');
        return scopeMetrics.flatMap(({ metrics }) =>
          metrics.flatMap(({ name, summary }) =>
            (summary?.dataPoints ?? []).map(({ startTimeUnixNano, count, sum }) => {
              const metric = name.replace('.window', '');
              return { service, metric, start: millis(startTimeUnixNano), count: Number(count), sum };
            }),
          ),
        );
      },
    );

  /** The rule, with a weight of 0.1, three deviations and ten values before the first alert. */
  anomalies(): Expected[] {
    const states = new Map<string, { mean: number; variance: number; values: number }>();
    const found: Expected[] = [];
    const windows = this.windows().toSorted((a, b) => Number(a.start) - Number(b.start));
    for (const { service, metric, start, count, sum } of windows) {
      const key = `${service}:${metric}.window`;
      const value = Number(sum) / Number(count);
      const state = states.get(key);
      if (state === undefined) {
        states.set(key, { mean: value, variance: 0, values: 1 });
        continue;
      }
      const off = value - state.mean;
      const time = Number(start) + SIZE;
      if (state.values >= 10 && Math.abs(off) > 3 * Math.sqrt(state.variance)) {
        found.push({ type: 'ANOMALY_DETECTED', key, time });
      }
      const mean = 0.1 * value + 0.9 * state.mean;
      states.set(key, { mean, variance: 0.1 * off ** 2 + 0.9 * state.variance, values: state.values + 1 });
    }
    return found;
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}

function recordOf({ service, metric, time, value }: Point, key: string): OutgoingRecord {
  const resource = { attributes: [attribute('service.name', service)] };
  const metrics = [{ name: metric, gauge: { dataPoints: [{ timeUnixNano: nanosOf(time), asDouble: value }] } }];
  const request = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
  const { bytes } = decodeJson('metrics', Buffer.from(JSON.stringify(request)));
  return { topic: 'otel-metrics', key: Buffer.from(key), value: Buffer.from(bytes), headers: [] };
}

interface Event {
  readonly eventType: string;
  readonly timestamp: number;
  readonly userId: string;
  readonly [field: string]: unknown;
}

const USERS = 40;
const SPREAD = 50_000;

/** Events of users within a minute, some of whom have what the patterns look for, and what has to come of that. */
export class Business {
  readonly #producer;
  /** So that all is in one minute. */
  readonly #begin = Math.floor((Date.now() - AGE_MS) / MINUTE) * MINUTE;
  readonly #events: Event[] = [];
  readonly #matches: Expected[] = [];
  #id = 0;

  constructor(brokers: readonly string[]) {
    this.#producer = producerFor(brokers);
    for (let user = 0; user < USERS; user++) {
      this.#add(user, 0, 'page.view');
      this.#session(user, 1 + (user % 6));
      this.#chain(user, user % 3, user % 5 === 0);
    }
    this.#events.sort((a, b) => a.timestamp - b.timestamp);
  }

  /** In order of time; the second half ends the event time of the patterns. */
  async send(half: 0 | 1): Promise<void> {
    const middle = this.#events.length / 2;
    await this.#send(half === 0 ? this.#events.slice(0, middle) : this.#events.slice(middle));
    if (half === 0) return;
    const end = { eventType: 'end', timestamp: this.#begin + END_MS / 2 };
    await this.#send(Array.from({ length: 6 }, (_, i) => ({ ...end, userId: `#${i}` })));
  }

  /** One more match, minutes later, so that the minute ends for alerts. */
  async later(): Promise<void> {
    const time = END_MS / 2 + MINUTE;
    const user = 'one-more';
    const at = (offset: number) => this.#begin + time + offset;
    const error = { eventType: 'system.error', userId: user };
    const events: Event[] = [{ eventType: 'user.session.start', userId: user, timestamp: at(0) }];
    for (const offset of [1, 2, 3]) events.push({ ...error, timestamp: at(offset) });
    events.push({ eventType: 'end', userId: user, timestamp: at(MINUTE) });
    await this.#send(events);
  }

  matches(): readonly Expected[] {
    return this.#matches;
  }

  covers(time: number): boolean {
    return time >= this.#begin && time < this.#begin + MINUTE;
  }

  alerts(): Expected[] {
    return ['SESSION_ANOMALY', 'LLM_CHAIN_FAILURE'].map((type) => {
      const times = this.#matches.filter((match) => match.type === type).map(({ time }) => Number(time));
      return { type, count: times.length, first: Math.min(...times), last: Math.max(...times) };
    });
  }

  close(): Promise<void> {
    return this.#producer.close();
  }

  /** From the third error on each one completes a match. */
  #session(user: number, errors: number): void {
    this.#add(user, 1_000, 'user.session.start');
    for (let i = 1; i <= errors; i++) {
      const time = this.#add(user, 1_000 + i * 500, 'system.error');
      if (i >= 3) this.#matches.push({ type: 'SESSION_ANOMALY', key: `user-${user}`, time });
    }
  }

  #chain(user: number, calls: number, fails: boolean): void {
    const traceId = (user + 1).toString(16).padStart(32, '0');
    this.#add(user, 10_000, 'llm.request.start', { traceId });
    for (let i = 1; i <= calls; i++) this.#add(user, 10_000 + i * 100, 'mcp.tool.call', { traceId, tool: `tool-${i}` });
    const time = this.#add(user, 11_000, fails ? 'llm.request.failed' : 'llm.request.done', { traceId });
    if (fails) this.#matches.push({ type: 'LLM_CHAIN_FAILURE', key: traceId, time });
  }

  #add(user: number, offset: number, eventType: string, more: object = {}): number {
    const timestamp = this.#begin + Math.floor((user * (SPREAD - 12_000)) / USERS) + offset;
    const ids = { userId: `user-${user}`, sessionId: `session-${user}`, eventId: `event-${this.#id++}` };
    this.#events.push({ eventType, timestamp, ...ids, ...more });
    return timestamp;
  }

  #send(events: readonly Event[]): Promise<unknown> {
    return this.#producer.send(
      events.map((event) => ({
        ...{ topic: 'business-events', key: Buffer.from(event.userId), headers: [] },
        value: Buffer.from(JSON.stringify(event)),
      })),
    );
  }
}
