/** Data on disk, in the real process: killed, without room, without its extension. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { surviveKills } from '../support/kills.ts';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const KILLS = 4;
const MAIN = fileURLToPath(new URL('../../cmd/weir/main.ts', import.meta.url));
/** Where the room on the disk ends: no file may be larger, in units of 1024 bytes. */
const ROOM = 20;

// the long run is in test/services
test(`killed ${KILLS} times: every acknowledged span arrives`, async (t) => {
  const { acknowledged, twice } = await surviveKills(KILLS);
  t.diagnostic(`${acknowledged} spans acknowledged, ${twice} requests arrived twice`);
  assert.ok(acknowledged > 100, `${acknowledged} spans acknowledged`);
});

const QUIET = 'telemetry: { logs: { level: info }, metrics: { level: none } }';

function toFile(port: number, lab: Lab): string {
  return `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { file: { path: "${lab.path('out.json')}" } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`;
}

function toPort(port: number, destination: number, lab: Lab, extensions = '[file_storage]'): string {
  return `
extensions: { file_storage: { directory: "${lab.path('queue')}", create_directory: true } }
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters:
  otlp_http:
    endpoint: "http://127.0.0.1:${destination}"
    retry_on_failure: { initial_interval: 50ms, max_interval: 200ms, max_elapsed_time: 0 }
    sending_queue: { storage: file_storage }
service: { extensions: ${extensions}, ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } } }`;
}

test('no room on the disk: refused, what was accepted is delivered, then there is room again', async () => {
  await using lab = new Lab();
  const [front, back] = [await freePort(), await freePort()];
  const limited = ['bash', '-c', `ulimit -f ${ROOM}; exec "${process.execPath}" "${MAIN}" "$@"`, 'weir'];
  const weir = await lab.run(toPort(front, back, lab), limited).listening(front);
  const accepted: string[] = [];
  const statuses: number[] = [];
  for (let i = 0; i < 60; i++) {
    const name = `${String(i).padStart(3, '0')}${'x'.repeat(1000)}`;
    statuses.push(await postSpans(front, [name]));
    if (statuses.at(-1) === 200) accepted.push(name);
  }
  assert.ok(accepted.length > 10 && accepted.length < 30, `${accepted.length} accepted`);
  assert.deepEqual([...new Set(statuses)], [200, 503]);
  assert.equal(weir.output.split('Writing to the storage fails').length, 2, 'said once');

  const destination = await lab.run(toFile(back, lab)).listening(back);
  await weir.until('delivery', () => lab.count('out.json') === accepted.length);
  await weir.until('room', async () => (await postSpans(front, ['again'])) === 200);
  await weir.until('delivery of the last one', () => lab.count('out.json') === accepted.length + 1);
  assert.match(weir.output, /Writing to the storage works again/);
  assert.equal(await weir.stop(), 0, weir.output);
  await destination.stop();
  assert.deepEqual(spanNames(lab.documents('out.json')), [...accepted, 'again']);
});

test('stopped while the destination is away: the next start delivers, and no other process before it', async () => {
  await using lab = new Lab();
  const [front, back] = [await freePort(), await freePort()];
  const first = await lab.run(toPort(front, back, lab)).listening(front);
  for (const name of ['a', 'b', 'c']) assert.equal(await postSpans(front, [name]), 200);
  const rival = lab.run(toPort(await freePort(), back, lab));
  assert.equal(await rival.exited(), 1);
  assert.match(rival.output, /timeout: .*exporter_otlp_http__traces.segments is in use by another process/);
  assert.equal(await first.stop(), 0, first.output);
  assert.doesNotMatch(first.output, /Dropping data/);
  const destination = await lab.run(toFile(back, lab)).listening(back);
  const second = lab.run(toPort(front, back, lab));
  await second.until('delivery', () => lab.count('out.json') === 3);
  assert.match(second.output, /Found data in the storage that is still to be sent/);
  await second.stop();
  await destination.stop();
});

function sampling(port: number, lab: Lab, wait: string, keeping: 'storage' | 'checkpoint'): string {
  const [storage, interval] = keeping === 'storage' ? ['storage: file_storage,', '60s'] : ['', '100ms'];
  return `
extensions:
  file_storage: { directory: "${lab.path('traces')}", create_directory: true }
  checkpoint: { storage: file_storage, interval: ${interval}, min_pause: 10ms }
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
processors:
  tail_sampling: { decision_wait: ${wait}, ${storage} policies: [{ name: all, type: always_sample }] }
exporters: { file: { path: "${lab.path('out.json')}" } }
service:
  extensions: [file_storage, checkpoint]
  ${QUIET}
  pipelines: { traces: { receivers: [otlp], processors: [tail_sampling], exporters: [file] } }`;
}

test('undecided traces survive a kill, with checkpoints an end in order, at which nothing is decided', async () => {
  for (const keeping of ['storage', 'checkpoint'] as const) {
    await using lab = new Lab();
    const port = await freePort();
    const first = await lab.run(sampling(port, lab, '60s', keeping)).listening(port);
    for (const name of ['a', 'b']) assert.equal(await postSpans(port, [name]), 200);
    if (keeping === 'checkpoint') assert.equal(await first.stop(), 0, first.output);
    else {
      first.process.kill('SIGKILL');
      await first.exited();
      assert.match(first.output, /Traces are kept by the storage and take no part in checkpoints/);
    }
    assert.equal(lab.count('out.json'), 0);
    const second = await lab.run(sampling(port, lab, '1s', keeping)).listening(port);
    await second.until('the decision', () => lab.count('out.json') === 2);
    assert.equal(await second.stop(), 0, second.output);
    assert.deepEqual(spanNames(lab.documents('out.json')), ['a', 'b']);
  }
});

test('a storage that is not there, or not one', async () => {
  await using lab = new Lab();
  const [port, dead] = [await freePort(), await freePort()];
  const yaml = toPort(port, dead, lab, '[]');
  const absent = lab.run(yaml);
  assert.equal(await absent.exited(), 1);
  assert.match(
    absent.output,
    /cannot start pipelines: failed to start "otlp_http" exporter: no storage client extension/,
  );
  const other = lab.run(
    yaml
      .replace('[]', '[zpages]')
      .replace('extensions: {', 'extensions: { zpages: { endpoint: "127.0.0.1:0" },')
      .replace('storage: file_storage', 'storage: zpages'),
  );
  assert.equal(await other.exited(), 1);
  assert.match(other.output, /requested extension is not a storage extension/);
});
