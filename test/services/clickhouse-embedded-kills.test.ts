/** weir and its embedded engine, killed again and again while they write, alone and together. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chdb } from '../../core/clickhouse/chdb.ts';
import { readRows } from '../../core/clickhouse/read.ts';
import type { Daemon } from '../support/daemon.ts';
import { Lab, postSpans } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const KILLS = 30;
const SENDERS = 6;
const SPANS_PER_REQUEST = 5;
const MAX_LIFE_MS = 400;

const configuration = (port: number, directory: string) => `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters:
  clickhouse:
    endpoint: "chdb://${directory}"
    retry_on_failure: { initial_interval: 20ms, max_interval: 200ms, max_elapsed_time: 0 }
    sending_queue:
      wait_for_result: true
      num_consumers: 2
      batch: { min_size: 50, flush_timeout: 20ms }
service:
  telemetry: { logs: { level: error }, metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [clickhouse] } }`;

test(`killed ${KILLS} times, weir, the engine or both: every acknowledged span is stored`, async (t) => {
  await using lab = new Lab();
  const port = await freePort();
  const directory = lab.path('store');
  const acknowledged: string[] = [];
  let sending = true;
  const senders = Array.from({ length: SENDERS }, async (_, sender) => {
    for (let i = 0; sending; i++) {
      const names = Array.from({ length: SPANS_PER_REQUEST }, (_, n) => `${sender}-${i}-${n}`);
      try {
        if ((await postSpans(port, names)) === 200) acknowledged.push(...names);
      } catch {
        await sleep(10);
      }
    }
  });
  let weir: Daemon | undefined;
  for (let kill = 0; kill < KILLS; kill++) {
    weir ??= await lab.run(configuration(port, directory)).listening(port);
    await sleep(Math.random() * MAX_LIFE_MS);
    const kind = kill % 3;
    if (kind !== 0) killEngine(directory);
    if (kind !== 1) {
      weir.process.kill('SIGKILL');
      await weir.exited();
      weir = undefined;
    }
  }
  sending = false;
  await Promise.all(senders);
  if (weir !== undefined) assert.equal(await weir.stop(), 0, weir.output);
  const store = Chdb.open(directory);
  try {
    const rows = await readRows(store, 'SELECT SpanName AS name, count() AS n FROM otel_traces GROUP BY name');
    const stored = new Set(rows.map(({ name }) => name));
    assert.deepEqual(
      acknowledged.filter((name) => !stored.has(name)),
      [],
    );
    t.diagnostic(`${acknowledged.length} spans acknowledged, ${stored.size} stored`);
    assert.ok(acknowledged.length > 100, `${acknowledged.length} spans acknowledged`);
    // what was never acknowledged was not sent again either
    assert.deepEqual(
      rows.filter(({ n }) => n !== 1),
      [],
    );
  } finally {
    await store.close();
  }
});

function killEngine(directory: string): void {
  const file = join(directory, 'engine.json');
  if (!existsSync(file)) return;
  const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}
