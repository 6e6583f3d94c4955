/** Metrics for the shipped job, and the windows and anomalies that have to come of them. */
import type { IncomingRecord, OutgoingRecord } from '../../core/kafka/client.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { AGE_MS, END_MS, type Expected, MINUTE, millis, producerFor, textOf } from './stream-jobs.ts';

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
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
  const metrics = [{ name: metric, gauge: { dataPoints: [{ timeUnixNano: `${time}000000`, asDouble: value }] } }];
  const request = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
  const { bytes } = decodeJson('metrics', Buffer.from(JSON.stringify(request)));
  return { topic: 'otel-metrics', key: Buffer.from(key), value: Buffer.from(bytes), headers: [] };
}
