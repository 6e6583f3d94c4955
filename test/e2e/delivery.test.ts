/** Destinations that are slow or away: others are not held up, senders are told, memory is bounded, a stop loses nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { GrpcClient } from '../../core/grpc/client.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { StatusCode } from '../../core/status-code.ts';
import { spanBatch } from '../../core/testing/spans.ts';
import { call } from '../golden/steps.ts';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { SpansSink } from '../support/spans-sink.ts';

const QUIET = 'telemetry: { logs: { level: warn }, metrics: { level: none } }';
const FOR_EVER = 'retry_on_failure: { initial_interval: 50ms, max_interval: 200ms, max_elapsed_time: 0 }';
const MIB = 1024 * 1024;

const otlp = (http: number, grpc?: number): string => {
  const more = grpc === undefined ? '' : `, grpc: { endpoint: "127.0.0.1:${grpc}" }`;
  return `otlp: { protocols: { http: { endpoint: "127.0.0.1:${http}" }${more} } }`;
};

const residentMiB = (pid: number | undefined): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

test('an exporter that is dead and one that never gets an answer do not hold up the others', async () => {
  await using lab = new Lab();
  await using silent = new SpansSink();
  silent.answers = false;
  const [port, dead] = [await freePort(), await freePort()];
  const weir = lab.run(`
receivers: { ${otlp(port)} }
exporters:
  otlp_http/dead: { endpoint: "http://127.0.0.1:${dead}", ${FOR_EVER}, sending_queue: { queue_size: 50 } }
  otlp_http/silent: { endpoint: "http://127.0.0.1:${await silent.listen()}", sending_queue: { num_consumers: 2 } }
  file: { path: "${lab.path('out.json')}", flush_interval: 20ms }
service:
  ${QUIET}
  pipelines: { traces: { receivers: [otlp], exporters: [otlp_http/dead, otlp_http/silent, file] } }`);
  await weir.listening(port);
  const sent: string[] = [];
  let slowest = 0;
  for (let i = 0; i < 100; i++) {
    const [name, begun] = [`span-${String(i).padStart(3, '0')}`, performance.now()];
    // the queue of the dead one is full after 50: the sender is told, and the others have the data all the same
    assert.equal(await postSpans(port, [name]), i < 50 ? 200 : 503);
    slowest = Math.max(slowest, performance.now() - begun);
    sent.push(name);
  }
  await weir.until('the file', () => lab.count('out.json') === 100, 5000);
  assert.deepEqual(spanNames(lab.documents('out.json')), sent);
  assert.ok(slowest < 2000, `an answer took ${slowest} ms`);
  assert.equal(silent.requests, 2, 'as many as it has consumers');
  const refusals = weir.output.match(/sending queue is full/g) ?? [];
  assert.equal(refusals.length, 1, 'told of once');
});

const shortName = (...parts: readonly unknown[]): string => parts.join('-').padEnd(SHORT, '_');
const SHORT = 8;
const template = spanBatch([`${'?'.repeat(SHORT)} ${'x'.repeat(MIB)}`]).bytes();

/** A request of one span and 1 MiB. */
function body(name: string): Buffer {
  const bytes = Buffer.from(template);
  bytes.write(name, bytes.indexOf('?'));
  return bytes;
}

test('block_on_overflow with a dead destination: senders are refused or give up, memory has a bound', async (t) => {
  await using lab = new Lab();
  await using sink = new SpansSink();
  const [http, grpc, back, health] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const weir = lab.run(`
extensions:
  health_check: { endpoint: "127.0.0.1:${health}", check_exporters: { failing_for: 1s } }
receivers: { ${otlp(http, grpc)} }
exporters:
  otlp_http:
    endpoint: "http://127.0.0.1:${back}"
    compression: none
    ${FOR_EVER}
    sending_queue: { queue_size: 5, num_consumers: 2, block_on_overflow: true }
service: { ${QUIET}, extensions: [health_check], pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } } }`);
  await weir.listening(http, grpc, health);
  const healthy = async () => (await call(health, 'GET', '/', undefined, {})).status;
  assert.equal(await healthy(), 200);
  const before = residentMiB(weir.process.pid);
  const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port: grpc } });
  const outcomes = new Map<string, string>();
  const overHttp = async (name: string) => {
    const headers = { 'content-type': 'application/x-protobuf' };
    const { status } = await call(http, 'POST', '/v1/traces', body(name), headers, 3000);
    outcomes.set(name, status === 0 ? 'gave up' : String(status));
  };
  const overGrpc = async (name: string) => {
    const bytes = body(name);
    const range = { buffer: bytes, start: 0, end: bytes.length };
    const called = client.unary(EXPORT_METHOD.traces, [range], bytes.length, { timeoutMs: 3000 });
    const status = await called.then(
      () => StatusCode.OK,
      ({ code }) => code,
    );
    outcomes.set(name, status === StatusCode.DEADLINE_EXCEEDED ? 'gave up' : String(status));
  };
  let peak = 0;
  for (let round = 0; round < 3; round++) {
    const calls = Array.from({ length: 60 }, (_, i) => [
      overHttp(shortName('h', round, i)),
      overGrpc(shortName('g', round, i)),
    ]);
    const all = Promise.all(calls.flat());
    while (await Promise.race([all.then(() => false), new Promise((resolve) => setTimeout(resolve, 100, true))])) {
      peak = Math.max(peak, residentMiB(weir.process.pid));
    }
  }
  const count = (outcome: string) => [...outcomes.values()].filter((one) => one === outcome).length;
  const figures = ['200', '0', '503', '14', 'gave up'].map((one) => `${one}: ${count(one)}`).join(', ');
  t.diagnostic(`${figures}; +${Math.round(peak - before)} MiB`);
  assert.ok(count('503') > 0 && count('14') > 0 && count('gave up') > 0, figures);
  assert.equal(await healthy(), 503);
  assert.ok(peak - before < 320, `+${Math.round(peak - before)} MiB`);
  // everybody has given up by now; what weir said yes to arrives, and little of what nobody waits for
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await sink.listen(back);
  const accepted = [...outcomes].filter(([, outcome]) => outcome === '200' || outcome === '0').map(([name]) => name);
  await weir.until('the accepted', () => accepted.every((name) => sink.arrived.has(name)));
  await weir.until('good health', async () => (await healthy()) === 200);
  assert.ok(sink.arrived.size <= accepted.length + 5, `${sink.arrived.size} arrived, ${accepted.length} accepted`);
  await client.close();
  assert.equal(await weir.stop(), 0, weir.output);
});

test('SIGTERM: the queue is drained, requests under way are answered, counters of spans are sent', async () => {
  await using lab = new Lab();
  await using sink = new SpansSink();
  sink.takesMs = 20;
  const [queued, waited, back] = [await freePort(), await freePort(), await sink.listen()];
  const weir = lab.run(`
receivers:
  ${otlp(queued)}
  ${otlp(waited).replace('otlp', 'otlp/wait')}
processors: { resource: { attributes: [{ key: service.name, value: shop, action: insert }] } }
connectors: { span_metrics: { metrics_flush_interval: 1h } }
exporters:
  otlp_http: { endpoint: "http://127.0.0.1:${back}", compression: none, sending_queue: { num_consumers: 1 } }
  otlp_http/wait:
    endpoint: "http://127.0.0.1:${back}"
    compression: none
    sending_queue: { num_consumers: 1, wait_for_result: true }
  file: { path: "${lab.path('metrics.json')}" }
service:
  ${QUIET}
  pipelines:
    traces: { receivers: [otlp], processors: [resource], exporters: [otlp_http, span_metrics] }
    traces/wait: { receivers: [otlp/wait], exporters: [otlp_http/wait] }
    metrics: { receivers: [span_metrics], exporters: [file] }`);
  await weir.listening(queued, waited);
  for (let i = 0; i < 100; i++) assert.equal(await postSpans(queued, [`queued-${i}`]), 200);
  const underWay = Array.from({ length: 20 }, (_, i) => postSpans(waited, [`waited-${i}`]));
  await weir.until('the first of them', () => sink.arrived.has('waited-0'));
  assert.ok(sink.arrived.size < 100, 'most are still to be sent');
  assert.equal(await weir.stop(), 0, weir.output);
  assert.deepEqual(await Promise.all(underWay), Array(20).fill(200));
  assert.equal(sink.arrived.size, 120);
  assert.ok([...sink.arrived.values()].every((times) => times === 1));
  const metrics = JSON.stringify(lab.documents('metrics.json'));
  assert.match(metrics, /queued-99/, 'the counter of the last span');
});

test('SIGTERM with callers that wait for a dead destination: they are not told yes, and the process ends', async () => {
  await using lab = new Lab();
  const [http, back] = [await freePort(), await freePort()];
  const queue = 'sending_queue: { queue_size: 1, num_consumers: 1, block_on_overflow: true }';
  const weir = lab.run(`
receivers: { ${otlp(http)} }
exporters: { otlp_http: { endpoint: "http://127.0.0.1:${back}", ${FOR_EVER}, ${queue} } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } } }`);
  await weir.listening(http);
  assert.equal(await postSpans(http, ['first']), 200);
  const waiting = [1, 2, 3].map((i) => postSpans(http, [`waits-${i}`]));
  const none = await Promise.race([...waiting, new Promise((resolve) => setTimeout(resolve, 500, 'none'))]);
  assert.equal(none, 'none');
  const begun = performance.now();
  await weir.stop();
  assert.ok(performance.now() - begun < 15_000, 'the drain timeout, and a bit');
  for (const status of await Promise.all(waiting)) assert.notEqual(status, 200);
});
