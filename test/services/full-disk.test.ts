/** The sending queue on a file system that is really full, and the process killed in that state. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { SmallDisk } from '../support/small-disk.ts';

const PADDING = 'x'.repeat(20_000);
/** More than fit. */
const REQUESTS = 200;
const MOST_MEMORY_MIB = 400;
const QUIET = 'telemetry: { logs: { level: info }, metrics: { level: none } }';

test('nothing acknowledged is lost when the disk is full, nor when the process is killed then', async () => {
  await using lab = new Lab();
  using _disk = new SmallDisk(lab.path('disk'));
  const [front, back] = [await freePort(), await freePort()];
  const yaml = `
extensions: { file_storage: { directory: "${lab.path('disk/queue')}", create_directory: true } }
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
exporters:
  otlp_http:
    endpoint: "http://127.0.0.1:${back}"
    retry_on_failure: { initial_interval: 50ms, max_interval: 200ms, max_elapsed_time: 0 }
    sending_queue: { storage: file_storage }
service: { extensions: [file_storage], ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } } }`;
  const acknowledged: string[] = [];
  const statuses = new Set<number>();
  const fill = async (prefix: string) => {
    for (let i = 0; i < REQUESTS; i++) {
      const name = `${prefix} ${i} ${PADDING}`;
      const status = await postSpans(front, [name]);
      statuses.add(status);
      if (status === 200) acknowledged.push(name);
    }
  };
  const first = await lab.run(yaml).listening(front);
  await fill('first');
  assert.deepEqual([...statuses].sort(), [200, 503]);
  assert.match(first.output, /ENOSPC/);
  assert.equal(first.output.split('Writing to the storage fails').length, 2, 'said once');
  const memory = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${first.process.pid}/status`, 'utf8'));
  assert.ok(Number(memory?.[1]) / 1024 < MOST_MEMORY_MIB, `${memory?.[1]} kB`);
  first.process.kill('SIGKILL');
  await first.exited();

  const second = await lab.run(yaml).listening(front);
  await fill('second');
  const destination = lab.run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${back}" } } } }
exporters: { file: { path: "${lab.path('out.json')}", flush_interval: 50ms } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`);
  const arrived = () => new Set(spanNames(lab.documents('out.json')));
  await second.until('what was acknowledged', () => arrived().size >= acknowledged.length);
  await second.until('room', async () => (await postSpans(front, ['again'])) === 200);
  await second.until('the last one', () => arrived().has('again'));
  assert.equal(await second.stop(), 0, second.output);
  await destination.stop();
  const found = arrived();
  assert.deepEqual(
    acknowledged.filter((name) => !found.has(name)),
    [],
  );
  assert.ok(acknowledged.length > 50, `${acknowledged.length} acknowledged`);
});
