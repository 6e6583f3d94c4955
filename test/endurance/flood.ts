import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../bench/child.ts';
import type { Totals } from '../bench/load/count.ts';
import { memoryMiB } from '../bench/proc.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { addIds } from './ids.ts';
import { FLOOD } from './judge.ts';
import type { Tally, Task } from './sender.ts';

export interface FloodResult extends Tally {
  readonly limitMiB: number;
  readonly peakMiB: number;
  /** What arrived after the flood, when the destination was there again. */
  readonly arrived: Totals;
}

const SENDERS = 2;
const LANES = 8;
/** Several times what the queue of the exporter takes to be sent. */
const ARRIVAL_MS = 180_000;
/** Requests of each sender; more than it sends. */
const NUMBERS = 1 << 28;

/**
 * Sends as fast as answers come, for a time, while nothing leaves: the destination is not there and the queue has no
 * end, so that only the memory limiter stands between the flood and the memory. Then the destination comes.
 */
export async function flood(seconds: number, limitMiB: number): Promise<FloodResult> {
  await using lab = new Lab();
  const [grpc, http, sinkGrpc, sinkHttp] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const weir = lab.run(configuration(grpc, http, sinkGrpc, limitMiB));
  await weir.listening(grpc, http);
  const senders = Array.from({ length: SENDERS }, () => new Child(new URL('./sender.ts', import.meta.url)));
  const task = {
    grpc,
    http,
    seconds,
    leastBytes: (FLOOD * limitMiB * 1024 * 1024) / SENDERS,
    spansPerRequest: 100,
    load: [{ kind: 'grpc', lanes: LANES, perSecond: 0 }],
  } as const;
  const tallies = await Promise.all(
    senders.map((sender, i) => sender.ask<Tally>({ ...task, first: 1 + i * NUMBERS } satisfies Task)),
  );
  const peakMiB = memoryMiB(weir.process.pid!, 'VmHWM');
  await Promise.all(senders.map((sender) => sender.end()));
  const sum = (pick: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + pick(tally), 0);
  const accepted = sum((tally) => tally.accepted);
  const sink = new Child(new URL('../bench/load/sink.ts', import.meta.url), [`${sinkGrpc}`, `${sinkHttp}`]);
  try {
    await sink.next();
    return {
      limitMiB,
      peakMiB,
      accepted,
      idSum: tallies.reduce((total, tally) => addIds(total, tally.idSum), 0),
      refused: sum((tally) => tally.refused),
      failed: sum((tally) => tally.failed),
      bytes: sum((tally) => tally.bytes),
      arrived: await arrival(sink, accepted),
    };
  } finally {
    await sink.end();
  }
}

async function arrival(sink: Child, spans: number): Promise<Totals> {
  for (const end = performance.now() + ARRIVAL_MS; ; ) {
    const totals = await sink.ask<Totals>('totals');
    if (totals.spans >= spans || performance.now() > end) return totals;
    await sleep(100);
  }
}

const configuration = (grpc: number, http: number, sink: number, limitMiB: number): string => `
receivers:
  otlp:
    protocols: { grpc: { endpoint: "127.0.0.1:${grpc}" }, http: { endpoint: "127.0.0.1:${http}" } }
processors:
  memory_limiter: { check_interval: 100ms, limit_mib: ${limitMiB}, spike_limit_mib: ${Math.floor(limitMiB / 4)} }
exporters:
  otlp_grpc:
    endpoint: "127.0.0.1:${sink}"
    tls: { insecure: true }
    compression: none
    sending_queue: { queue_size: 100000000, num_consumers: 4 }
    retry_on_failure: { initial_interval: 1s, max_interval: 1s, max_elapsed_time: 0 }
service:
  telemetry: { logs: { level: error }, metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], processors: [memory_limiter], exporters: [otlp_grpc] } }`;
