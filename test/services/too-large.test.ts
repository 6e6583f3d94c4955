/** Peers of other makes with a small limit for messages: what is too large for them arrives in parts, each item once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Daemon } from '../support/daemon.ts';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { CERTIFICATE, installed, KEY, Server } from './foreign.ts';
import { needOtelcol } from './otelcol.ts';

const QUIET = 'telemetry: { logs: { level: warn }, metrics: { level: none } }';
const MIB = 1 << 20;
/** Together several times the limit, compressed beyond it too. */
const NAMES = Array.from({ length: 20_000 }, (_, i) => {
  const number = String(i).padStart(5, '0');
  return `${number} ${Array.from({ length: 16 }, (__, k) => ((i * 2_654_435_761 + k * 40_503) >>> 0).toString(36)).join('')}`;
});

/** weir with one exporter; sends the spans in one request, and stops when all that waits is sent. */
async function send(lab: Lab, exporter: string, delivered: (weir: Daemon) => Promise<void>): Promise<void> {
  const port = await freePort();
  const weir = lab.run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { ${exporter} }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [${exporter.split(':')[0]}] } } }`);
  await weir.listening(port);
  assert.equal(await postSpans(port, NAMES), 200);
  await delivered(weir);
  assert.equal(await weir.stop(), 0, weir.output);
  assert.doesNotMatch(weir.output, /dropped|Will retry/i);
}

const insecure = 'tls: { insecure: true }';
const CASES: readonly (readonly [name: string, server: string, exporter: (port: number) => string])[] = [
  ...['none', 'gzip', 'zstd', 'snappy'].map(
    (compression) =>
      [
        `gRPC, ${compression}`,
        'grpc: { endpoint: "127.0.0.1:PORT", max_recv_msg_size_mib: 1 }',
        (port: number) => `otlp: { endpoint: "127.0.0.1:${port}", compression: ${compression}, ${insecure} }`,
      ] as const,
  ),
  ...['none', 'gzip'].map(
    (compression) =>
      [
        `HTTP, ${compression}`,
        `http: { endpoint: "127.0.0.1:PORT", max_request_body_size: ${MIB} }`,
        (port: number) => `otlphttp: { endpoint: "http://127.0.0.1:${port}", compression: ${compression} }`,
      ] as const,
  ),
];

for (const [name, server, exporter] of CASES) {
  test(`the collector: ${name}`, async () => {
    await using lab = new Lab();
    const port = await freePort();
    const otelcol = lab.run(
      `
receivers: { otlp: { protocols: { ${server.replace('PORT', String(port))} } } }
exporters: { file: { path: "${lab.path('out.json')}", flush_interval: 100ms } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`,
      [needOtelcol()],
    );
    await otelcol.listening(port);
    await send(lab, exporter(port), () =>
      otelcol.until('all spans', () => lab.count('out.json') >= NAMES.length, 60_000),
    );
    assert.equal(await otelcol.stop(), 0);
    const requests = lab.documents('out.json');
    assert.deepEqual(spanNames(requests), NAMES);
    assert.ok(requests.length >= 3, `${requests.length} parts`);
  });
}

for (const compression of ['none', 'gzip']) {
  test(`grpcio: ${compression}`, async () => {
    await using lab = new Lab();
    const script = fileURLToPath(new URL('./foreign_python.py', import.meta.url));
    const program = [await installed('foreign-python.sh'), script, 'serve', CERTIFICATE, KEY, lab.path('peer.sock')];
    await using server = await Server.start([...program, String(MIB)]);
    const exporter = `otlp: { endpoint: "127.0.0.1:${server.ports.plain}", compression: ${compression}, ${insecure} }`;
    const arrived = () => server.requests.flatMap(({ spans = [] }) => spans.map(([, , name]) => name));
    await send(lab, exporter, (weir) => weir.until('all spans', () => arrived().length >= NAMES.length, 60_000));
    assert.deepEqual(arrived().sort(), NAMES);
    assert.ok(server.requests.length >= 3, `${server.requests.length} parts`);
  });
}
