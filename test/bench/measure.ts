import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { Child } from './child.ts';
import type { Totals } from './load/count.ts';
import type { Order, Sent } from './load/send.ts';
import { cpuSeconds, memoryMiB } from './proc.ts';
import { configuration, type Ports, type Scenario } from './scenarios.ts';

/** A collector that is measured: its program and first arguments; `--config FILE` is added. */
export interface Subject {
  readonly name: string;
  readonly command: readonly string[];
}

export interface Result {
  readonly cpuPerMillion: number;
  readonly rssMiB: number;
  readonly spansPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly refused: number;
  /** Spans accepted but not at the sink; negative: too many there. */
  readonly lost: number;
  /** Whether exactly the spans that were sent arrived; of a scenario in which some do, whether all could be read. */
  readonly sameIds: boolean;
  /** How many spans arrived, and a sum of their ids, which is the same with every collector. */
  readonly arrived: string;
}

export interface IdleResult {
  readonly readySeconds: number;
  readonly rssMiB: number;
}

const CONNECTIONS = 4;
const IN_FLIGHT = 4;
/** Part of the load that runs before measuring, so that code is compiled and pools are filled. */
const WARM_UP = 0.3;
const ARRIVAL_TIMEOUT_MS = 40_000;
const IDLE_SECONDS = 5;
/** Longer than a batch waits. */
const QUIET_MS = 4000;
const SCRAPE_MS = 250;

/** Loads one collector once. Loss is judged after everything had time to arrive. */
export async function measure(subject: Subject, scenario: Scenario, spans: number): Promise<Result> {
  return withCollector(subject, scenario, async (collector, ports) => {
    const sink = new Child(new URL('./load/sink.ts', import.meta.url), [`${ports.sinkGrpc}`, `${ports.sinkHttp}`]);
    const sender = new Child(new URL('./load/send.ts', import.meta.url));
    try {
      await sink.next();
      const requests = Math.ceil((spans * scenario.share) / scenario.spansPerRequest);
      const warm = Math.ceil(requests * WARM_UP);
      const order = orderFor(scenario, ports);
      const warmed = await sender.ask<Sent>({ ...order, first: 1, requests: warm });
      await arrived(scenario, ports, sink, warmed.spans);
      await sink.ask('reset');
      const before = cpuSeconds(collector.process.pid!);
      const sent = await sender.ask<Sent>({ ...order, first: 1 + warm, requests });
      const totals = await arrived(scenario, ports, sink, sent.spans, warmed.spans);
      const cpu = cpuSeconds(collector.process.pid!) - before;
      return resultOf(scenario, sent, totals, cpu, memoryMiB(collector.process.pid!, 'VmHWM'));
    } finally {
      await Promise.all([sender.end(), sink.end()]);
    }
  });
}

/** Starts one collector and leaves it alone. */
export async function measureIdle(subject: Subject, scenario: Scenario): Promise<IdleResult> {
  const start = performance.now();
  return withCollector(subject, scenario, async (collector) => {
    const readySeconds = (performance.now() - start) / 1000;
    await sleep(IDLE_SECONDS * 1000);
    return { readySeconds, rssMiB: memoryMiB(collector.process.pid!, 'VmRSS') };
  });
}

async function withCollector<T>(
  subject: Subject,
  scenario: Scenario,
  use: (collector: Daemon, ports: Ports) => Promise<T>,
): Promise<T> {
  const [grpc = 0, http = 0, metrics = 0, sinkGrpc = 0, sinkHttp = 0, page = 0] = await Promise.all(
    Array.from({ length: 6 }, freePort),
  );
  const ports: Ports = { grpc, http, metrics, sinkGrpc, sinkHttp, page };
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const file = join(folder, 'config.yaml');
  writeFileSync(file, configuration(scenario, ports, folder));
  const collector = new Daemon({ command: subject.command, args: ['--config', file] });
  try {
    await collector.listening(scenario.protocol === 'grpc' ? ports.grpc : ports.http);
    return await use(collector, ports);
  } finally {
    await collector.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function orderFor(scenario: Scenario, ports: Ports): Omit<Order, 'first' | 'requests'> {
  return {
    protocol: scenario.protocol,
    port: scenario.protocol === 'grpc' ? ports.grpc : ports.http,
    spansPerRequest: scenario.spansPerRequest,
    connections: CONNECTIONS,
    inFlightPerConnection: IN_FLIGHT,
    spansPerSecond: scenario.spansPerSecond,
    tls: scenario.tls,
  };
}

/** What came through, once all of it had time to. `before`: how many spans a page of metrics has counted already. */
async function arrived(scenario: Scenario, ports: Ports, sink: Child, spans: number, before = 0): Promise<Totals> {
  const end = performance.now() + ARRIVAL_TIMEOUT_MS;
  if (scenario.arrives === 'some') return settled(scenario, sink);
  for (;;) {
    const totals = await sink.ask<Totals>('totals');
    if (scenario.arrives === 'counted') totals.spans = (await counted(ports.page)) - before;
    if (totals.spans >= spans || performance.now() > end) return totals;
    await sleep(scenario.arrives === 'counted' ? SCRAPE_MS : 10);
  }
}

/** Nobody knows how many spans will come, so it waits until no more do. */
async function settled({ settleMs = 0 }: Scenario, sink: Child): Promise<Totals> {
  await sleep(settleMs);
  for (let before = -1; ; ) {
    const totals = await sink.ask<Totals>('totals');
    if (totals.spans === before) return totals;
    before = totals.spans;
    await sleep(QUIET_MS);
  }
}

/** The sum of the calls on the page of metrics. */
async function counted(port: number): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const calls = page.matchAll(/^traces_span_metrics_calls_total\{.*\} (\S+)$/gm);
  return [...calls].reduce((sum, [, value]) => sum + Number(value), 0);
}

function resultOf(scenario: Scenario, sent: Sent, totals: Totals, cpu: number, rssMiB: number): Result {
  const all = (scenario.arrives ?? 'all') === 'all';
  return {
    cpuPerMillion: (cpu / sent.spans) * 1e6,
    rssMiB,
    spansPerSecond: sent.spans / sent.seconds,
    p50: sent.p50,
    p99: sent.p99,
    refused: sent.refused,
    lost: scenario.arrives === 'some' ? 0 : sent.spans - totals.spans,
    sameIds: (!all || sent.idSum === totals.idSum) && totals.bad === 0,
    arrived: `${totals.spans} spans, sum ${totals.idSum}`,
  };
}
