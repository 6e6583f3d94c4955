/** The real process from end to end: what is accepted arrives, whatever happens to processes on the way. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAX_NESTING } from '../../core/otlp/nesting.ts';
import { call } from '../golden/steps.ts';
import { Daemon } from '../support/daemon.ts';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { ROOT } from '../support/repository.ts';

const QUIET = 'telemetry: { logs: { level: warn }, metrics: { level: none } }';
const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix} ${String(i).padStart(4, '0')}`);

function toFile(port: number, file: string, processors = '', more = ''): string {
  return `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
processors: { batch: { timeout: 60s, send_batch_size: 100000 } }
exporters: { file: { path: "${file}" } }
${more}
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], processors: [${processors}], exporters: [file] } } }`;
}

test('SIGTERM drains what batches hold', async () => {
  await using lab = new Lab();
  const port = await freePort();
  const weir = await lab.run(toFile(port, lab.path('out.json'), 'batch')).listening(port);
  const sent = names('held', 50);
  assert.equal(await postSpans(port, sent), 200);
  assert.equal(lab.count('out.json'), 0);
  assert.equal(await weir.stop(), 0, weir.output);
  assert.deepEqual(spanNames(lab.documents('out.json')), sent);
});

test('shutdown under load: every acknowledged span is written, each once', async () => {
  await using lab = new Lab();
  const [front, hop] = [await freePort(), await freePort()];
  const last = await lab.run(toFile(hop, lab.path('out.json'))).listening(hop);
  const first = await lab
    .run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
processors: { batch: { timeout: 20ms, send_batch_size: 64 } }
exporters: { otlp_http: { endpoint: "http://127.0.0.1:${hop}" } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], processors: [batch], exporters: [otlp_http] } } }`)
    .listening(front);

  const accepted: string[] = [];
  let stopping = false;
  const senders = Array.from({ length: 8 }, async (_, sender) => {
    for (let i = 0; !stopping; i++) {
      const batch = names(`${sender}-${i}`, 5);
      if ((await postSpans(front, batch)) === 200) accepted.push(...batch);
    }
  });
  await first.until('a good number of spans', () => accepted.length > 1000);
  const stopped = first.stop();
  assert.equal(await stopped, 0, first.output);
  stopping = true;
  await Promise.all(senders);
  assert.equal(await last.stop(), 0, last.output);
  assert.deepEqual(spanNames(lab.documents('out.json')), accepted.sort());
});

test('an absent destination is retried until it is there', async () => {
  await using lab = new Lab();
  const [front, hop] = [await freePort(), await freePort()];
  const first = await lab
    .run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
exporters:
  otlp_http: { endpoint: "http://127.0.0.1:${hop}", retry_on_failure: { initial_interval: 100ms, max_interval: 300ms } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } }, telemetry: { metrics: { level: none } } }`)
    .listening(front);
  const sent = names('kept', 10);
  assert.equal(await postSpans(front, sent), 200);
  await first.until('a retry', () => first.output.includes('Will retry the request after interval'));
  const last = await lab.run(toFile(hop, lab.path('out.json'))).listening(hop);
  await last.until('the spans', () => lab.count('out.json') === sent.length);
  assert.deepEqual(spanNames(lab.documents('out.json')), sent);
});

test('a receiver answers with the refusal of its pipeline', async () => {
  await using lab = new Lab();
  const [front, dead] = [await freePort(), await freePort()];
  await lab
    .run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
exporters:
  otlp_grpc:
    { endpoint: "127.0.0.1:${dead}", tls: { insecure: true }, timeout: 1s,
      retry_on_failure: { enabled: false }, sending_queue: { enabled: false } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [otlp_grpc] } } }`)
    .listening(front);
  assert.equal(await postSpans(front, ['refused']), 503);
});

for (const [how, args, list] of [
  ['--plugin', ['--plugin', join(ROOT, 'configs/plugins/items_log')], ''],
  ['plugins: in the configuration', [], `plugins: ["${join(ROOT, 'configs/plugins/items_log')}"]`],
] as const) {
  test(`a plugin by ${how}`, async () => {
    await using lab = new Lab();
    const port = await freePort();
    const yaml = toFile(port, lab.path('out.json'), 'items_log', list)
      .replace('batch: { timeout: 60s, send_batch_size: 100000 }', 'items_log: { every: 1h }')
      .replace('level: warn', 'level: info');
    const weir = await lab.run(yaml, undefined, args).listening(port);
    assert.equal(await postSpans(port, names('plugged', 3)), 200);
    assert.equal(await weir.stop(), 0, weir.output);
    assert.match(weir.output, /Items passed.*"items": ?3/);
    assert.equal(lab.count('out.json'), 3);
  });
}

test('a path of a plugin begins where the file is, or else in the working directory', async () => {
  await using lab = new Lab();
  const validate = async (file: string, cwd: string) => {
    const weir = new Daemon({ args: ['validate', '--config', file], cwd });
    return { status: await weir.exited(), output: weir.output };
  };
  const example = join(ROOT, 'configs/plugin.yaml');
  assert.deepEqual(await validate(example, lab.folder), { status: 0, output: '' });
  const moved = lab.write('plugin.yaml', readFileSync(example, 'utf8'));
  assert.deepEqual(await validate(moved, join(ROOT, 'configs')), { status: 0, output: '' });
  const { status, output } = await validate(moved, lab.folder);
  assert.equal(status, 1);
  assert.match(output, /cannot load plugin ".\/plugins\/items_log"/);
});

test('a value as deep as JSON allows gets over gRPC and into a file', async () => {
  await using lab = new Lab();
  const [front, hop] = [await freePort(), await freePort()];
  const last = await lab
    .run(`
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${hop}" } } } }
exporters: { file: { path: "${lab.path('out.json')}" }, debug: { verbosity: detailed } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file, debug] } } }`)
    .listening(hop);
  const first = await lab
    .run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
exporters: { otlp_grpc: { endpoint: "127.0.0.1:${hop}", tls: { insecure: true }, sending_queue: { enabled: false } } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [otlp_grpc] } } }`)
    .listening(front);
  const post = (lists: number) => {
    const value = `${'{"arrayValue":{"values":['.repeat(lists)}{"boolValue":true}${']}}'.repeat(lists)}`;
    const span = `{"name":"deep","attributes":[{"key":"k","value":${value}}]}`;
    const body = Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[${span}]}]}]}`);
    return call(front, 'POST', '/v1/traces', body, { 'content-type': 'application/json' });
  };
  // messages above the value, and two for each list
  const most = Math.floor((MAX_NESTING - 6) / 2);
  assert.equal((await post(most)).status, 200, first.output);
  await last.until('the span', () => lab.count('out.json') === 1);
  assert.equal(JSON.stringify(lab.documents('out.json')).split('arrayValue').length - 1, most);
  assert.equal((await post(most + 1)).status, 400);
});
