/** weir killed again and again while it writes into ClickHouse from a queue on disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../support/daemon.ts';
import { Lab, postSpans } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { ClickHouseServer } from './clickhouse.ts';
import { FaultyProxy } from './clickhouse-proxy.ts';
import { Subject } from './clickhouse-subject.ts';

const KILLS = 15;
const SENDERS = 8;
const SPANS_PER_REQUEST = 5;
const MAX_LIFE_MS = 500;
const ALL_STORED_MS = 60_000;

function configuration(port: number, endpoint: string, database: string, directory: string, batch: string): string {
  return `
extensions: { file_storage: { directory: "${directory}", create_directory: true } }
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters:
  clickhouse:
    endpoint: "${endpoint}"
    database: ${database}
    timeout: 2s
    retry_on_failure: { initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0 }
    sending_queue: { storage: file_storage, queue_size: 100000, num_consumers: 4${batch} }
service:
  extensions: [file_storage]
  telemetry: { logs: { level: warn }, metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [clickhouse] } }`;
}

/** Posts spans until told to stop, each under a name of its own. */
class Load {
  readonly acknowledged: string[] = [];
  readonly #senders: Promise<void>[];
  #stopped = false;

  constructor(port: number) {
    this.#senders = Array.from({ length: SENDERS }, (_, sender) => this.#send(port, sender));
  }

  async #send(port: number, sender: number): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const names = Array.from({ length: SPANS_PER_REQUEST }, (_, n) => `${sender}-${i}-${n}`);
      try {
        if ((await postSpans(port, names)) === 200) this.acknowledged.push(...names);
      } catch {
        await sleep(5);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#senders);
  }
}

async function killAgainAndAgain(start: () => Daemon, port: number): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    const weir = start();
    if (kill % 4 === 3) await sleep(Math.random() * MAX_LIFE_MS);
    else {
      await weir.listening(port);
      await sleep(Math.random() * MAX_LIFE_MS);
    }
    weir.process.kill('SIGKILL');
    await weir.exited();
  }
}

for (const [name, batch] of [
  ['requests as they come', ''],
  ['requests joined to batches', ', batch: { min_size: 50, flush_timeout: 20ms }'],
] as const) {
  test(`killed ${KILLS} times, ${name}: every acknowledged span is stored once`, async (t) => {
    await using lab = new Lab();
    await using server = await ClickHouseServer.start();
    await using proxy = await FaultyProxy.before(server.url);
    // some answers never come, so that there is doubt at all times
    proxy.fate = () => (Math.random() < 0.1 ? 'lose' : 'pass');
    await using subject = await Subject.start(`endpoint: ${server.url}`, 'kills');
    const port = await freePort();
    const yaml = configuration(port, proxy.url, 'kills', lab.path('queue'), batch);
    const load = new Load(port);
    await killAgainAndAgain(() => lab.run(yaml), port);
    await load.stop();
    const last = await lab.run(yaml).listening(port);
    const table = subject.table('otel_traces');
    const missing = async () => {
      const stored = new Set((await subject.rows(`SELECT SpanName AS name FROM ${table}`)).map((row) => row.name));
      return load.acknowledged.filter((span) => !stored.has(span));
    };
    await last.until('all spans to be stored', async () => (await missing()).length === 0, ALL_STORED_MS);
    assert.equal(await last.stop(), 0, last.output);
    const twice = await subject.value(`SELECT toString(count() - uniqExact(SpanName)) FROM ${table}`);
    t.diagnostic(`${load.acknowledged.length} spans acknowledged, ${proxy.hits} answers lost`);
    assert.ok(load.acknowledged.length > 100, `${load.acknowledged.length} spans acknowledged`);
    assert.equal(twice, '0', 'spans stored more than once');
  });
}
