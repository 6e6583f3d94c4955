/** Clients and the destination are killed many times at random moments; what weir acknowledged is there in the end. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { canConnect } from '../support/daemon.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const KILLS = 100;
const MAX_LIFE_MS = 500;
const CLIENTS = 3;

const SINK = fileURLToPath(new URL('../support/killable-sink.ts', import.meta.url));
const CLIENT = fileURLToPath(new URL('../support/killable-client.ts', import.meta.url));

class Killable implements AsyncDisposable {
  readonly #args: () => readonly string[];
  #process: ChildProcess;

  constructor(args: () => readonly string[]) {
    this.#args = args;
    this.#process = this.#start();
  }

  #start(): ChildProcess {
    return spawn(process.execPath, this.#args(), { stdio: ['ignore', 'inherit', 'inherit'] });
  }

  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  async killAndStart(): Promise<void> {
    await this.kill();
    this.#process = this.#start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process.signalCode === null ? this.kill() : Promise.resolve();
  }
}

/** Whole lines: the last one may have been cut by a kill. */
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

test(`${KILLS} kills: what was acknowledged from a storage, or after its export, arrived`, async (t) => {
  await using lab = new Lab();
  const [stored, waited, back] = [await freePort(), await freePort(), await freePort()];
  const retry = 'retry_on_failure: { initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0 }';
  const exporter = `endpoint: "http://127.0.0.1:${back}", compression: none, ${retry}`;
  const weir = lab.run(`
extensions: { file_storage: { directory: "${lab.path('queue')}", create_directory: true } }
receivers:
  otlp/stored: { protocols: { http: { endpoint: "127.0.0.1:${stored}" } } }
  otlp/waited: { protocols: { http: { endpoint: "127.0.0.1:${waited}" } } }
exporters:
  otlp_http/stored: { ${exporter}, sending_queue: { storage: file_storage, queue_size: 100000 } }
  otlp_http/waited: { ${exporter}, sending_queue: { wait_for_result: true } }
service:
  extensions: [file_storage]
  telemetry: { logs: { level: warn }, metrics: { level: none } }
  pipelines:
    traces/stored: { receivers: [otlp/stored], exporters: [otlp_http/stored] }
    traces/waited: { receivers: [otlp/waited], exporters: [otlp_http/waited] }`);
  await weir.listening(stored, waited);
  const [arrivedIn, acknowledgedIn] = [lab.path('arrived'), lab.path('acknowledged')];
  await using sink = new Killable(() => [SINK, String(back), arrivedIn]);
  let lives = 0;
  const client = () => new Killable(() => [CLIENT, `c${lives++}`, acknowledgedIn, String(stored), String(waited)]);
  await using stack = new AsyncDisposableStack();
  const clients = Array.from({ length: CLIENTS }, () => stack.use(client()));
  await weir.until('the first spans', () => linesOf(arrivedIn).length > 0);
  for (let kill = 0; kill < KILLS; kill++) {
    // now and then it is killed while it starts
    if (kill % 4 !== 0) await weir.until('the destination', () => canConnect(back));
    await sleep(Math.random() * MAX_LIFE_MS);
    await (kill % 2 === 0 ? sink : clients[(kill >> 1) % CLIENTS]!).killAndStart();
  }
  await sleep(1000);
  for (const one of clients) await one.kill();
  const acknowledged = linesOf(acknowledgedIn);
  const missing = () => {
    const arrived = new Set(linesOf(arrivedIn));
    return acknowledged.filter((name) => !arrived.has(name));
  };
  await weir.until('all of it', () => missing().length === 0);
  assert.equal(await weir.stop(), 0, weir.output);
  const ofBoth = [0, 1].map((p) => acknowledged.filter((name) => name.split('-')[1] === String(p)).length);
  t.diagnostic(`${ofBoth.join(' and ')} spans acknowledged, ${linesOf(arrivedIn).length} arrived`);
  assert.ok(ofBoth.every((count) => count > 1000));
});
