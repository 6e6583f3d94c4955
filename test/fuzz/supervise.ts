import { Worker } from 'node:worker_threads';

export interface ReportedFinding {
  readonly mutation: number;
  readonly message: string;
  readonly input: Uint8Array;
}

export interface Report {
  readonly mutations: number;
  readonly accepted: number;
  readonly findings: readonly ReportedFinding[];
  readonly cpuSeconds: number;
  readonly growthMib: number;
}

export interface Job {
  readonly name: string;
  readonly seed: number;
  readonly mutations: number;
  readonly shared: SharedArrayBuffer;
}

/** In what is shared: the number of the mutation and the length of its input (32 bits each), then the input. */
export const SHARED_HEAD = 8;
const SHARED_SIZE = SHARED_HEAD + (16 << 10);
/** An input that takes so much processor time, or waits so long on a machine that is busy, takes for ever. */
const HANG_CPU_MS = 30_000;
const HANG_MS = 600_000;
const LOOK_MS = 1000;
/** In the place of the number: code and seeds are being loaded, which takes its time on a busy machine. */
const NOT_BEGUN = -1;
const MAX_HEAP_MIB = 1024;

/** Fuzzes one target in a thread of its own. One that hangs or dies is a finding too, with what it was working on. */
export async function supervise(name: string, seed: number, mutations: number): Promise<Report> {
  const shared = new SharedArrayBuffer(SHARED_SIZE);
  const head = new Int32Array(shared, 0, 2);
  head[0] = NOT_BEGUN;
  const workerData: Job = { name, seed, mutations, shared };
  const resourceLimits = { maxOldGenerationSizeMb: MAX_HEAP_MIB };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, resourceLimits });
  const { promise, resolve } = Promise.withResolvers<Report>();
  const died = (message: string): void => {
    const [mutation = 0, length = 0] = head;
    const input = new Uint8Array(shared).slice(SHARED_HEAD, SHARED_HEAD + length);
    const findings = [{ mutation, message, input }];
    resolve({ mutations: mutation, accepted: 0, findings, cpuSeconds: 0, growthMib: 0 });
  };
  worker.once('message', resolve);
  worker.once('error', (error) => died(`the thread died: ${error.stack ?? error.message}`));
  worker.once('exit', (code) => died(`the thread ended with ${code}`));
  let last = -1;
  let since = performance.now();
  let cpuSince = 0;
  const look = async (): Promise<void> => {
    const cpu = await cpuMillis(worker);
    const [mutation = 0] = head;
    if (mutation !== last || mutation === NOT_BEGUN) [since, cpuSince] = [performance.now(), cpu];
    last = mutation;
    if (cpu - cpuSince > HANG_CPU_MS || performance.now() - since > HANG_MS) died('it hangs');
  };
  const timer = setInterval(look, LOOK_MS);
  const report = await promise;
  clearInterval(timer);
  await worker.terminate();
  return report;
}

/** Of the thread alone; 0 once it has ended. */
async function cpuMillis(worker: Worker): Promise<number> {
  const { user, system } = await worker.cpuUsage().catch(() => ({ user: 0, system: 0 }));
  return (user + system) / 1000;
}
