/**
 * The kafka exporter beside the reference collector's, to a real broker: processor seconds per million spans, memory,
 * spans a second from the first request to the last record in the broker. Messages of 1,000 spans (about 430 KB),
 * encoding otlp_proto, no compression. Run: `npm run build && node test/bench/kafka.bench.ts [SPANS] [ROUNDS]`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import { DRIVERS } from '../../core/kafka/driver.ts';
import { KafkaCluster } from '../services/kafka.ts';
import { needOtelcol } from '../services/otelcol.ts';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { Child } from './child.ts';
import type { Order, Sent } from './load/send.ts';
import { cpuSeconds, memoryMiB } from './proc.ts';

const [SPANS = 600_000, ROUNDS = 3] = process.argv.slice(2).map(Number);
const SPANS_A_MESSAGE = 1000;
const WARM_UP = 0.3;
const ARRIVAL_TIMEOUT_MS = 60_000;
const MAIN = fileURLToPath(new URL('../../dist/cmd/weir/main.js', import.meta.url));

interface Subject {
  readonly name: string;
  readonly command: readonly string[];
  /** A key that only weir has. */
  readonly more: string;
}

interface Result {
  readonly cpuPerMillion: number;
  readonly rate: number;
  readonly rssMiB: number;
}

const weir = DRIVERS.map((driver) => ({
  name: `weir ${driver}`,
  command: [process.execPath, MAIN],
  more: `driver: ${driver}`,
}));
const subjects: Subject[] = [...weir, { name: 'otelcol', command: [needOtelcol()], more: '' }];

await using cluster = await KafkaCluster.start(1);
const admin = new kafkajs.Kafka({ brokers: cluster.addresses, logLevel: 0 }).admin();
await admin.connect();

const results = new Map<Subject, Result[]>(subjects.map((subject) => [subject, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
    results.get(subject)?.push(await measure(subject, `bench-${round}-${subjects.indexOf(subject)}`));
  }
}
await admin.disconnect();

const best = (list: readonly Result[]): Result => ({
  cpuPerMillion: Math.min(...list.map((r) => r.cpuPerMillion)),
  rate: Math.max(...list.map((r) => r.rate)),
  rssMiB: Math.min(...list.map((r) => r.rssMiB)),
});
console.log(`Best of ${ROUNDS} rounds of ${SPANS} spans; the broker and the load share the machine.`);
const reference = best(results.get(subjects.at(-1) as Subject) ?? []);
for (const [subject, list] of results) {
  const { cpuPerMillion, rate, rssMiB } = best(list);
  const ratio = (cpuPerMillion / reference.cpuPerMillion).toFixed(2);
  console.log(
    `${subject.name.padEnd(18)} CPU ${cpuPerMillion.toFixed(2)} s a million (x${ratio})  ` +
      `${(rate / 1000).toFixed(0)}k spans/s  RSS ${rssMiB.toFixed(0)} MiB`,
  );
}

function configuration({ more }: Subject, topic: string, port: number): string {
  return `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${port}"}}}}
exporters:
  kafka:
    brokers: ["${cluster.addresses[0]}"]
    sending_queue: {queue_size: 100, block_on_overflow: true}
    producer: {compression: none}
    traces: {topic: ${topic}, encoding: otlp_proto}
    ${more}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {traces: {receivers: [otlp], exporters: [kafka]}}
`;
}

async function measure(subject: Subject, topic: string): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const port = await freePort();
  writeFileSync(join(folder, 'config.yaml'), configuration(subject, topic, port));
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
  const collector = new Daemon({ command: subject.command, args: ['--config', join(folder, 'config.yaml')] });
  const sender = new Child(new URL('./load/send.ts', import.meta.url));
  const pid = collector.process.pid as number;
  const order: Omit<Order, 'first' | 'requests'> = {
    protocol: 'grpc',
    port,
    spansPerRequest: SPANS_A_MESSAGE,
    connections: 4,
    inFlightPerConnection: 4,
  };
  try {
    await collector.listening(port);
    const requests = Math.ceil(SPANS / SPANS_A_MESSAGE);
    const warm = Math.ceil(requests * WARM_UP);
    await sender.ask<Sent>({ ...order, first: 1, requests: warm });
    await stored(topic, warm);
    const before = cpuSeconds(pid);
    const start = performance.now();
    await sender.ask<Sent>({ ...order, first: 1 + warm, requests });
    await stored(topic, warm + requests);
    const seconds = (performance.now() - start) / 1000;
    const spans = requests * SPANS_A_MESSAGE;
    const cpuPerMillion = ((cpuSeconds(pid) - before) * 1e6) / spans;
    return { cpuPerMillion, rate: spans / seconds, rssMiB: memoryMiB(pid, 'VmHWM') };
  } finally {
    await Promise.all([collector.stop(), sender.end()]);
    await admin.deleteTopics({ topics: [topic] });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until the topic has so many records; fails when they do not come, or more do. */
async function stored(topic: string, records: number): Promise<void> {
  const end = performance.now() + ARRIVAL_TIMEOUT_MS;
  for (;;) {
    const offsets = await admin.fetchTopicOffsets(topic);
    const count = offsets.reduce((sum, { high }) => sum + Number(high), 0);
    if (count === records) return;
    if (count > records) throw new Error(`${count} records in ${topic} instead of ${records}`);
    if (performance.now() > end) throw new Error(`${count} of ${records} records in ${topic}`);
    await sleep(20);
  }
}
