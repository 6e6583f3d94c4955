/** Windows of what comes over OTLP, with state on disk: processes that end at any moment, and a disk that is full. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { call } from '../golden/steps.ts';
import type { Daemon } from '../support/daemon.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { pause } from './kafka-lab.ts';

const HOUR = 3_600_000;
const BEGIN = Math.floor(Date.now() / HOUR) * HOUR - 5 * HOUR;
const LIVES = 6;
const LONGEST_LIFE_MS = 1_000;
/** Time for some checkpoints, even on a busy machine. */
const SETTLE_MS = 3_000;
/** More keys than there is room for on the small disk. */
const PADDING = 'x'.repeat(200);

/** Points that are counted one by one: each has a key of its own. */
class Input {
  readonly acknowledged: string[] = [];
  readonly offered = new Set<string>();
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** One after the other, until it is told to stop or the process is gone. */
  async feed(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const id = `${this.offered.size}`;
      this.offered.add(id);
      const status = await this.post(id, BEGIN).catch(() => 0);
      if (status === 200) this.acknowledged.push(id);
    }
  }

  async post(id: string, time: number): Promise<number> {
    const attributes = [{ key: 'id', value: { stringValue: `${id} ${PADDING}` } }];
    const dataPoints = [{ timeUnixNano: `${time}000000`, asDouble: 1, attributes }];
    const body = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints } }] }] }] };
    const json = { 'content-type': 'application/json' };
    return (await call(this.#port, 'POST', '/v1/metrics', Buffer.from(JSON.stringify(body)), json)).status;
  }

  /** Ends the window; how often each id was counted. */
  async counts(lab: Lab, daemon: Daemon): Promise<Map<string, number>> {
    assert.equal(await this.post('end', BEGIN + 2 * HOUR), 200);
    await daemon.until('the window', () => lab.documents('out.json').length > 0);
    await pause(500);
    const counts = new Map<string, number>();
    for (const { resourceMetrics } of lab.documents('out.json')) {
      for (const { gauge, attributes, asInt, asDouble } of resourceMetrics.flatMap(pointsOf)) {
        assert.equal(gauge, 'm.window.count');
        const id = attributes[0].value.stringValue.split(' ')[0];
        counts.set(id, (counts.get(id) ?? 0) + Number(asInt ?? asDouble));
      }
    }
    return counts;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: documents as they are
const pointsOf = ({ scopeMetrics }: any) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  scopeMetrics.flatMap(({ metrics }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: as above
    metrics.flatMap(({ name, gauge }: any) => gauge.dataPoints.map((point: any) => ({ ...point, gauge: name }))),
  );

const configOf = (lab: Lab, port: number, state: string) => `
extensions:
  file_storage: { directory: "${state}", create_directory: true }
  checkpoint: { storage: file_storage, interval: 200ms, min_pause: 50ms }
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
connectors: { window: { size: 1h, key: [metric.name, id], output: gauges, statistics: [count], max_keys: 100000 } }
exporters: { file: { path: "${lab.path('out.json')}", flush_interval: 50ms } }
service:
  extensions: [file_storage, checkpoint]
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics/in: { receivers: [otlp], exporters: [window] }
    metrics/out: { receivers: [window], exporters: [file] }`;

test('killed and stopped in the middle of requests: nothing twice, after a stop nothing is missing', async (t) => {
  await using lab = new Lab();
  const port = await freePort();
  const yaml = configOf(lab, port, lab.path('state'));
  const input = new Input(port);
  /** What has to be there: acknowledged by a process that stopped, or that had time for a checkpoint. */
  let certain: string[] = [];
  for (let life = 0; life < LIVES; life++) {
    const before = input.acknowledged.length;
    const daemon = await lab.run(yaml).listening(port);
    let over = false;
    const feeding = input.feed(() => over || !daemon.running);
    await pause(200 + Math.random() * LONGEST_LIFE_MS);
    if (life % 3 === 2) assert.equal(await daemon.stop(), 0, daemon.output);
    else {
      over = life % 3 === 1;
      if (over) await pause(SETTLE_MS);
      daemon.process.kill('SIGKILL');
      await daemon.exited();
    }
    over = true;
    await feeding;
    if (life % 3 !== 0) certain = [...certain, ...input.acknowledged.slice(before)];
  }
  const last = await lab.run(yaml).listening(port);
  const counts = await input.counts(lab, last);
  assert.equal(await last.stop(), 0, last.output);
  t.diagnostic(`${input.offered.size} offered, ${input.acknowledged.length} acknowledged, ${counts.size} counted`);
  const twice = [...counts].filter(([, count]) => count !== 1);
  assert.deepEqual(twice, []);
  assert.deepEqual(
    certain.filter((id) => !counts.has(id)),
    [],
  );
  assert.ok(certain.length > 0 && [...counts.keys()].every((id) => input.offered.has(id)));
});

test('a disk without room: one line, requests are taken, and state is right when there is room again', async () => {
  await using lab = new Lab();
  using disk = new SmallDisk(lab.path('disk'));
  const port = await freePort();
  const yaml = configOf(lab, port, lab.path('disk/state'));
  const input = new Input(port);
  const first = await lab.run(yaml).listening(port);
  const feed = (count: number) => {
    const end = input.offered.size + count;
    return input.feed(() => input.offered.size >= end);
  };
  await feed(100);
  await pause(1_000);
  disk.fill();
  await feed(300);
  await first.until('the line', () => first.output.includes('A checkpoint failed'));
  await feed(300);
  await pause(2_000);
  assert.match(first.output, /ENOSPC|no space left/);
  assert.equal(first.output.split('A checkpoint failed').length, 2, first.output);
  const memory = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${first.process.pid}/status`, 'utf8'));
  assert.ok(Number(memory?.[1]) < 400 << 10, `${memory?.[1]} kB`);
  disk.free();
  await first.until('room', () => first.output.includes('Checkpoints succeed again'));
  await feed(100);
  await pause(SETTLE_MS);
  first.process.kill('SIGKILL');
  await first.exited();
  const second = await lab.run(yaml).listening(port);
  const counts = await input.counts(lab, second);
  assert.equal(await second.stop(), 0, second.output);
  assert.deepEqual([...counts].sort(), input.acknowledged.map((id) => [id, 1] as const).sort());
  assert.equal(input.acknowledged.length, input.offered.size);
});
