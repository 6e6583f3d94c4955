/**
 * The two patterns of `configs/patterns.yaml` over events of 100,000 users and as many traces: what an event costs.
 * Run: `node --expose-gc test/bench/pattern.bench.ts`.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { config } from '../../connectors/pattern/config.ts';
import { patternConnector } from '../../connectors/pattern/connector.ts';
import { readYaml } from '../../core/config/read.ts';
import type { Consumer } from '../../core/consumer.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';

const KEYS = 100_000;
const BATCH = 1_000;
const BATCHES = 100;
/** Rounds until events of ten seconds wait and most keys have been seen. */
const WARM_UP = 3;
const EVENTS_PER_MS = 20;
/** In how many thousandths the events are what; the rest are page views, which no pattern knows. */
const MIX: readonly (readonly [number, string])[] = [
  [100, 'user.session.start'],
  [150, 'system.error'],
  [150, 'llm.request.start'],
  [200, 'mcp.tool.call'],
  [50, 'llm.request.failed'],
];
const START = 1_700_000_000_000;

let seed = 1;
function random(below: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return Math.floor((seed / 0x8000_0000) * below);
}

function nameOf(thousandth: number): string {
  let sum = 0;
  for (const [share, name] of MIX) {
    sum += share;
    if (thousandth < sum) return name;
  }
  return 'page.view';
}

let made = 0;

function recordOf(name: string, key: number): object {
  const time = START + Math.floor(made / EVENTS_PER_MS) - random(5_000);
  const text = (value: string) => ({ stringValue: value });
  return {
    timeUnixNano: `${time}000000`,
    eventName: name,
    traceId: (key + 1).toString(16).padStart(32, '0'),
    spanId: (made++ + 1).toString(16).padStart(16, '0'),
    body: text(`{"eventType":"${name}","userId":"user-${key}","properties":{"page":"/home"}}`),
    attributes: [
      { key: 'event.id', value: text(`evt-${made}`) },
      { key: 'session.id', value: text(`session-${key}`) },
      { key: 'user.id', value: text(`user-${key}`) },
      { key: 'properties.page', value: text('/home') },
      { key: 'properties.duration', value: { intValue: `${random(1000)}` } },
    ],
  };
}

function batchOf(records: object[]): Telemetry {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'gateway' } }] };
  const json = { resourceLogs: [{ resource, scopeLogs: [{ logRecords: records }] }] };
  const { bytes, items } = decodeJson('logs', Buffer.from(JSON.stringify(json)));
  return Telemetry.of('logs', bytes, items);
}

const sink: Consumer & { alerts: number } = {
  alerts: 0,
  consume(batch) {
    sink.alerts += batch.items;
    batch.release();
  },
};
const yaml = parse(readFileSync(new URL('../../configs/patterns.yaml', import.meta.url), 'utf8'));
const options = { ...yaml.connectors.pattern, idle_timeout: '0s', max_future: '0s' };

function connector() {
  const settings = testSettings({ id: 'pattern', kind: 'connector', signals: ['logs'] });
  const outputs = { for: () => sink, pipelines: new Map([['logs/alerts', sink]]) };
  return patternConnector(settings, readYaml(config, JSON.stringify(options)), outputs);
}

/** Batches are made beforehand, so that their making is not measured. */
async function throughput(rounds: number): Promise<void> {
  const subject = connector();
  await subject.start(new NopHost());
  const spent: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const batches = Array.from({ length: BATCHES }, () =>
      batchOf(Array.from({ length: BATCH }, () => recordOf(nameOf(random(1000)), random(KEYS)))),
    );
    globalThis.gc?.();
    const before = process.cpuUsage();
    for (const batch of batches) await subject.consume(batch);
    const { user, system } = process.cpuUsage(before);
    const each = (user + system) / (BATCHES * BATCH);
    console.log(`  round ${round + 1}: ${each.toFixed(2)} us an event`);
    if (round >= WARM_UP) spent.push(each);
  }
  const median = spent.sort((a, b) => a - b)[Math.floor(spent.length / 2)] ?? Number.NaN;
  console.log(`${Math.round(1e6 / median)} events/s of a core (${median.toFixed(2)} us each), ${sink.alerts} alerts`);
}

await throughput(Number(process.argv[2] ?? 8));
