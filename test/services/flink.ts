/** Runs the works that are measured beside Apache Flink, here and there. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Consumer } from '../../core/consumer.ts';
import { NO_PARTITION } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { BATCH, type Work } from './flink-works.ts';

const FLINK = fileURLToPath(new URL('./flink.sh', import.meta.url));
/** Batches that are made beforehand each time, so that making them is not measured. */
const GATHERED = 100;

export interface Outcome {
  readonly events: number;
  readonly cpuSeconds: number;
  /** Windows or matches, and how many events are in them. */
  readonly results: number;
  readonly counted: number;
}

async function runOurs(work: Work, events: number): Promise<Outcome> {
  const results: Telemetry[] = [];
  const sink: Consumer = {
    consume: (batch) => {
      results.push(batch);
    },
  };
  const pipelines = new Map([
    ['metrics/x', sink],
    ['logs/x', sink],
  ]);
  const subject = work.connector({ for: () => sink, pipelines });
  await subject.start(new NopHost());
  let micros = 0;
  const measured = async (run: () => Promise<void>): Promise<void> => {
    globalThis.gc?.();
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
  };
  for (let first = 0; first < events; first += GATHERED * BATCH) {
    const batches = Array.from({ length: GATHERED }, (_, i) => work.batch(first + i * BATCH));
    await measured(async () => {
      for (const batch of batches) {
        const accepted = subject.consume(batch);
        if (accepted !== undefined) await accepted;
      }
    });
  }
  await measured(async () => {
    await subject.watermark?.(NO_PARTITION, Number.POSITIVE_INFINITY);
  });
  await subject.shutdown();
  const counts = results.flatMap((batch) => work.counts(batch));
  const counted = counts.reduce((sum, count) => sum + count, 0);
  return { events, cpuSeconds: micros / 1e6, results: counts.length, counted };
}

export async function ours(work: Work): Promise<Outcome> {
  await runOurs(work, work.warmUp);
  return runOurs(work, work.events);
}

export function flink({ name, warmUp, events }: Work): Outcome {
  const args = [FLINK, 'run', name, String(warmUp), String(events)];
  const { status, stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`flink.sh: ${stderr}`);
  return JSON.parse(stdout);
}
