/**
 * The kafka exporter beside the reference collector's, to a real broker: processor seconds per million spans, memory,
 * spans a second from the first request to the last record in the broker. Messages of 1,000 spans (about 430 KB),
 * encoding otlp_proto, no compression, from requests of that size and from requests of 100 spans that are batched.
 * Run: `npm run build && node test/bench/kafka.bench.ts [SPANS] [ROUNDS]`.
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
/** Long, so that no batch is sent before it is full; the numbers of spans are multiples of it. */
const BATCH = `batch: {send_batch_size: ${SPANS_A_MESSAGE}, send_batch_max_size: ${SPANS_A_MESSAGE}, timeout: 60s}`;
const SHAPES = [
  { name: 'requests of 1000 spans', spansPerRequest: SPANS_A_MESSAGE, processors: '' },
  { name: 'requests of 100 spans, batched', spansPerRequest: 100, processors: BATCH },
] as const;
type Shape = (typeof SHAPES)[number];
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

let topics = 0;
await using cluster = await KafkaCluster.start(1);
const admin = new kafkajs.Kafka({ brokers: cluster.addresses, logLevel: 0 }).admin();
await admin.connect();

console.log(`Best of ${ROUNDS} rounds of ${SPANS} spans; the broker and the load share the machine.`);
for (const shape of SHAPES) await compare(shape);
await admin.disconnect();

async function compare(shape: Shape): Promise<void> {
  const results = subjects.map((): Result[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    const turn = round % 2 === 0 ? subjects : subjects.toReversed();
    for (const subject of turn) results[subjects.indexOf(subject)]?.push(await measure(subject, shape));
  }
  const reference = best(results.at(-1) ?? []);
  console.log(`\n${shape.name}`);
  for (const [i, { name }] of subjects.entries()) {
    const { cpuPerMillion, rate, rssMiB } = best(results[i] ?? []);
    const ratio = (cpuPerMillion / reference.cpuPerMillion).toFixed(2);
    console.log(
      `${name.padEnd(18)} CPU ${cpuPerMillion.toFixed(2)} s a million (x${ratio})  ` +
        `${(rate / 1000).toFixed(0)}k spans/s  RSS ${rssMiB.toFixed(0)} MiB`,
    );
  }
}

/** Other work on the machine only adds. */
function best(list: readonly Result[]): Result {
  return {
    cpuPerMillion: Math.min(...list.map((r) => r.cpuPerMillion)),
    rate: Math.max(...list.map((r) => r.rate)),
    rssMiB: Math.min(...list.map((r) => r.rssMiB)),
  };
}

function configuration({ more }: Subject, { processors }: Shape, topic: string, port: number): string {
  return `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${port}"}}}}
processors: {${processors}}
exporters:
  kafka:
    brokers: ["${cluster.addresses[0]}"]
    sending_queue: {queue_size: 100, block_on_overflow: true}
    producer: {compression: none}
    traces: {topic: ${topic}, encoding: otlp_proto}
    ${more}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {traces: {receivers: [otlp], processors: [${processors === '' ? '' : 'batch'}], exporters: [kafka]}}
`;
}

async function measure(subject: Subject, shape: Shape): Promise<Result> {
  const topic = `bench-${++topics}`;
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const port = await freePort();
  writeFileSync(join(folder, 'config.yaml'), configuration(subject, shape, topic, port));
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
  const collector = new Daemon({ command: subject.command, args: ['--config', join(folder, 'config.yaml')] });
  const sender = new Child(new URL('./load/send.ts', import.meta.url));
  const pid = collector.process.pid as number;
  const order: Omit<Order, 'first' | 'requests'> = {
    protocol: 'grpc',
    port,
    spansPerRequest: shape.spansPerRequest,
    connections: 4,
    inFlightPerConnection: 4,
  };
  try {
    await collector.listening(port);
    const [messages, warm] = [SPANS, SPANS * WARM_UP].map((spans) => Math.ceil(spans / SPANS_A_MESSAGE)) as [
      number,
      number,
    ];
    const requestsOf = (records: number) => (records * SPANS_A_MESSAGE) / shape.spansPerRequest;
    await sender.ask<Sent>({ ...order, first: 1, requests: requestsOf(warm) });
    await stored(topic, warm);
    const before = cpuSeconds(pid);
    const start = performance.now();
    await sender.ask<Sent>({ ...order, first: 1 + requestsOf(warm), requests: requestsOf(messages) });
    await stored(topic, warm + messages);
    const seconds = (performance.now() - start) / 1000;
    const spans = messages * SPANS_A_MESSAGE;
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
