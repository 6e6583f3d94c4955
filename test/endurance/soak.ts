import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../bench/child.ts';
import type { Totals } from '../bench/load/count.ts';
import { cpuSeconds, memoryMiB } from '../bench/proc.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { addIds } from './ids.ts';
import type { Tally, Task } from './sender.ts';

/** What a process holds at one moment. */
interface Sample {
  readonly rssMiB: number;
  readonly descriptors: number;
  readonly threads: number;
}

export interface SoakResult {
  readonly sent: Tally;
  readonly arrived: Totals;
  /** Medians of the quarter after the first one, and of the last one. */
  readonly early: Sample;
  readonly late: Sample;
  readonly cpuShare: number;
  /** After the senders are gone. */
  readonly descriptorsBefore: number;
  readonly descriptorsAfter: number;
}

const SAMPLE_MS = 1000;
const LOAD: Task['load'] = [
  { kind: 'grpc', lanes: 8, perSecond: 100 },
  { kind: 'grpc-gzip', lanes: 2, perSecond: 20 },
  { kind: 'http', lanes: 4, perSecond: 40 },
  { kind: 'json', lanes: 2, perSecond: 10 },
  { kind: 'stranger', lanes: 4, perSecond: 20 },
];
/** Batches on their way, and sockets of clients that have gone. */
const SETTLE_MS = 5000;

/** A mixed load through processors and a connector, at a rate that leaves the machine room, for a time. */
export async function soak(seconds: number): Promise<SoakResult> {
  await using lab = new Lab();
  const [grpc, http, page, sinkGrpc, sinkHttp] = await Promise.all([0, 1, 2, 3, 4].map(freePort));
  const sink = new Child(new URL('../bench/load/sink.ts', import.meta.url), [`${sinkGrpc}`, `${sinkHttp}`]);
  const sender = new Child(new URL('./sender.ts', import.meta.url));
  try {
    await sink.next();
    const weir = lab.run(configuration(grpc!, http!, page!, sinkGrpc!));
    await weir.listening(grpc!, http!);
    const pid = weir.process.pid!;
    await sleep(SETTLE_MS);
    const descriptorsBefore = descriptors(pid);
    const task: Task = { grpc: grpc!, http: http!, seconds, spansPerRequest: 100, first: 1, load: LOAD };
    const cpu = cpuSeconds(pid);
    const samples: Sample[] = [];
    const arrived: Totals = { requests: 0, spans: 0, idSum: 0, bad: 0 };
    const ended = new AbortController();
    const sending = sender.ask<Tally>(task).finally(() => ended.abort());
    while (!ended.signal.aborted) {
      samples.push(sample(pid));
      await add(arrived, sink);
      await sleep(SAMPLE_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
    const sent = await sending;
    const cpuShare = (cpuSeconds(pid) - cpu) / seconds;
    await sleep(SETTLE_MS);
    await add(arrived, sink);
    const quarter = Math.floor(samples.length / 4);
    const early = median(samples.slice(quarter, 2 * quarter));
    const late = median(samples.slice(-quarter));
    return { sent, arrived, early, late, cpuShare, descriptorsBefore, descriptorsAfter: descriptors(pid) };
  } finally {
    await Promise.all([sender.end(), sink.end()]);
  }
}

/** What arrived since the last time. */
async function add(totals: Totals, sink: Child): Promise<void> {
  const { requests, spans, idSum, bad } = await sink.ask<Totals>('reset');
  totals.requests += requests;
  totals.spans += spans;
  totals.idSum = addIds(totals.idSum, idSum);
  totals.bad += bad;
}

function sample(pid: number): Sample {
  const threads = /^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { rssMiB: memoryMiB(pid, 'VmRSS'), descriptors: descriptors(pid), threads: Number(threads) };
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

function median(samples: readonly Sample[]): Sample {
  const of = (pick: (sample: Sample) => number): number =>
    samples.map(pick).toSorted((a, b) => a - b)[samples.length >> 1] ?? 0;
  return { rssMiB: of((s) => s.rssMiB), descriptors: of((s) => s.descriptors), threads: of((s) => s.threads) };
}

const configuration = (grpc: number, http: number, page: number, sink: number): string => `
receivers:
  otlp:
    protocols: { grpc: { endpoint: "127.0.0.1:${grpc}" }, http: { endpoint: "127.0.0.1:${http}" } }
processors:
  memory_limiter: { check_interval: 1s, limit_mib: 1000, spike_limit_mib: 200 }
  attributes: { actions: [{ key: soak, value: true, action: insert }] }
  batch: { timeout: 200ms, send_batch_size: 1024 }
connectors: { span_metrics: { metrics_flush_interval: 5s } }
exporters:
  otlp_grpc: { endpoint: "127.0.0.1:${sink}", tls: { insecure: true }, compression: none }
  prometheus: { endpoint: "127.0.0.1:${page}" }
service:
  telemetry: { logs: { level: error }, metrics: { level: none } }
  pipelines:
    traces: { receivers: [otlp], processors: [memory_limiter, attributes, batch], exporters: [otlp_grpc, span_metrics] }
    metrics: { receivers: [span_metrics], exporters: [prometheus] }`;
