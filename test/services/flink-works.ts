/** The works that are measured beside Apache Flink, with their events. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { config as patternConfig } from '../../connectors/pattern/config.ts';
import { patternConnector } from '../../connectors/pattern/connector.ts';
import { config as windowConfig } from '../../connectors/window/config.ts';
import { windowConnector } from '../../connectors/window/connector.ts';
import type { Connector, Outputs } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';

const START = 1_700_000_040_000;
const WINDOW_KEYS = 10_000;
const USERS = 100_000;
const EVENTS_PER_MS = 2;
const JITTER_MS = 5_000;
export const BATCH = 1_000;

/** What is measured: a connector, its events, and what is in a batch of its results. */
export interface Work {
  readonly name: string;
  readonly warmUp: number;
  readonly events: number;
  connector(outputs: Outputs): Connector;
  batch(first: number): Telemetry;
  counts(results: Telemetry): number[];
}

const text = (value: string) => ({ stringValue: value });
const encoded = (signal: 'logs' | 'metrics', request: object): Buffer =>
  Buffer.from(decodeJson(signal, Buffer.from(JSON.stringify(request))).bytes);

export function windows(): Work {
  const templates = Array.from({ length: WINDOW_KEYS / BATCH }, (_, i) => pointsOf(i * BATCH));
  const options = 'type: sliding\nsize: 1m\nslide: 30s\nmax_future: 0s\nout_of_orderness: 5s';
  return {
    name: 'windows',
    warmUp: 1_000_000,
    events: 3_000_000,
    connector: (outputs) =>
      windowConnector(testSettings({ id: 'window', kind: 'connector' }), readYaml(windowConfig, options), outputs),
    batch(first) {
      const template = templates[(first % WINDOW_KEYS) / BATCH] as PointsTemplate;
      const bytes = Buffer.from(template.bytes);
      for (let i = 0; i < BATCH; i++) {
        const index = first + i;
        const time = START + Math.floor(index / WINDOW_KEYS) * 1_000 - ((index * 7_919) % JITTER_MS);
        bytes.writeBigUInt64LE(BigInt(time) * 1_000_000n, template.times[i] as number);
        bytes.writeDoubleLE((index * 7_919) % 1_000, template.values[i] as number);
      }
      return Telemetry.of('metrics', bytes, BATCH);
    },
    counts: (results) =>
      decodeTree('metrics', results).resourceMetrics.flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap(({ metrics }) =>
          metrics.flatMap(({ summary }) => (summary?.dataPoints ?? []).map(({ count }) => Number(count))),
        ),
      ),
  };
}

/** A batch, and where the time and the value of each point are. */
interface PointsTemplate {
  readonly bytes: Buffer;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

function pointsOf(firstKey: number): PointsTemplate {
  const VALUE = 0.123456789;
  const resourceMetrics = Array.from({ length: BATCH / 100 }, (_, service) => ({
    resource: { attributes: [{ key: 'service.name', value: text(`service-${firstKey / 100 + service}`) }] },
    scopeMetrics: [
      {
        metrics: Array.from({ length: 100 }, (_, i) => ({
          name: `metric.number.${i}`,
          gauge: { dataPoints: [{ timeUnixNano: `${START}000000`, asDouble: VALUE }] },
        })),
      },
    ],
  }));
  const bytes = encoded('metrics', { resourceMetrics });
  const [time, value] = [Buffer.alloc(8), Buffer.alloc(8)];
  time.writeBigUInt64LE(BigInt(START) * 1_000_000n);
  value.writeDoubleLE(VALUE);
  return { bytes, times: placesOf(bytes, time), values: placesOf(bytes, value) };
}

function placesOf(bytes: Buffer, wanted: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + wanted.length)) places.push(at);
  return places;
}

export function pattern(): Work {
  const { patterns } = parse(readFileSync(new URL('../../configs/patterns.yaml', import.meta.url), 'utf8')).connectors
    .pattern;
  const options = { out_of_orderness: '10s', max_future: '0s', patterns: { session: patterns.session_anomaly } };
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((seed / 0x8000_0000) * below);
  };
  const recordOf = (index: number): object => {
    const kind = random(1_000);
    const user = random(USERS);
    const time = START + Math.floor(index / EVENTS_PER_MS) - random(JITTER_MS);
    return {
      timeUnixNano: `${time}000000`,
      eventName: kind < 100 ? 'user.session.start' : kind < 250 ? 'system.error' : 'page.view',
      body: text('{"page":"/home"}'),
      attributes: [
        { key: 'event.id', value: text(`evt-${index}`) },
        { key: 'session.id', value: text(`session-${user}`) },
        { key: 'user.id', value: text(`user-${user}`) },
      ],
    };
  };
  return {
    name: 'pattern',
    warmUp: 300_000,
    events: 1_000_000,
    connector: (outputs) =>
      patternConnector(
        testSettings({ id: 'pattern', kind: 'connector', signals: ['logs'] }),
        readYaml(patternConfig, JSON.stringify(options)),
        outputs,
      ),
    batch(first) {
      if (first === 0) seed = 1;
      const logRecords = Array.from({ length: BATCH }, (_, i) => recordOf(first + i));
      return Telemetry.of('logs', encoded('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }), BATCH);
    },
    // without the event that begins a session
    counts: (results) =>
      decodeTree('logs', results).resourceLogs.flatMap(({ scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) =>
          logRecords.map(
            ({ attributes }) => Number(attributes.find(({ key }) => key === 'alert.count')?.value?.intValue) - 1,
          ),
        ),
      ),
  };
}
