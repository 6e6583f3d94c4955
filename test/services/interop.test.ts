/** weir and the real collector hand telemetry to each other, both ways, over every transport and compression. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Daemon } from '../support/daemon.ts';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { needOtelcol } from './otelcol.ts';

const OTELCOL = [needOtelcol()];
const PROGRAMS = { weir: undefined, otelcol: OTELCOL } as const;
type Program = keyof typeof PROGRAMS;
const DIRECTIONS: readonly (readonly [Program, Program])[] = [
  ['weir', 'otelcol'],
  ['otelcol', 'weir'],
];
const NAMES = Array.from({ length: 25 }, (_, i) => `span ${String(i).padStart(2, '0')}`);
const QUIET = 'telemetry: { logs: { level: warn }, metrics: { level: none } }';
const CERTIFICATE = fileURLToPath(new URL('../support/tls/server.crt', import.meta.url));
const KEY = fileURLToPath(new URL('../support/tls/server.key', import.meta.url));

interface Chain {
  readonly lab: Lab;
  readonly first: Daemon;
  readonly second: Daemon;
  /** Where the first takes OTLP/HTTP. */
  readonly port: number;
}

/** `first` takes spans over HTTP and exports them to `second`, which writes `out.json`. */
async function chain(
  lab: Lab,
  from: Program,
  to: Program,
  exporter: (port: number) => string,
  server: string,
): Promise<Chain> {
  const [port, hop] = [await freePort(), await freePort()];
  const second = lab.run(
    `
receivers: { otlp: { protocols: ${server.replaceAll('PORT', String(hop))} } }
exporters: { file: { path: "${lab.path('out.json')}", flush_interval: 100ms } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`,
    PROGRAMS[to],
  );
  // only then the first, because a failed first connection costs a retry interval
  await second.listening(hop);
  const first = lab.run(
    `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { ${exporter(hop)} }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [${exporter(hop).split(':')[0]}] } } }`,
    PROGRAMS[from],
  );
  await first.listening(port);
  return { lab, first, second, port };
}

async function arrive({ lab, second }: Chain): Promise<void> {
  await second.until('all spans in the file', () => lab.count('out.json') >= NAMES.length);
  assert.deepEqual(spanNames(lab.documents('out.json')), NAMES);
}

for (const [from, to] of DIRECTIONS) {
  for (const compression of ['none', 'gzip', 'snappy', 'zstd']) {
    test(`${from} → ${to}: gRPC, ${compression}`, async () => {
      await using lab = new Lab();
      const exporter = (port: number) =>
        `otlp: { endpoint: "127.0.0.1:${port}", tls: { insecure: true }, compression: ${compression} }`;
      const links = await chain(lab, from, to, exporter, '{ grpc: { endpoint: "127.0.0.1:PORT" } }');
      assert.equal(await postSpans(links.port, NAMES), 200);
      await arrive(links);
    });
  }

  for (const [compression, encoding] of [
    ['none', 'proto'],
    ['gzip', 'json'],
    ['zstd', 'proto'],
    ['deflate', 'proto'],
    ['snappy', 'json'],
    ['lz4', 'proto'],
  ]) {
    test(`${from} → ${to}: HTTP, ${encoding}, ${compression}`, async () => {
      await using lab = new Lab();
      const exporter = (port: number) =>
        `otlphttp: { endpoint: "http://127.0.0.1:${port}", compression: ${compression}, encoding: ${encoding} }`;
      const links = await chain(lab, from, to, exporter, '{ http: { endpoint: "127.0.0.1:PORT" } }');
      assert.equal(await postSpans(links.port, NAMES), 200);
      await arrive(links);
    });
  }

  test(`${from} → ${to}: gRPC and HTTP over TLS`, async () => {
    for (const protocol of ['grpc', 'http']) {
      await using lab = new Lab();
      const exporter = (port: number) =>
        protocol === 'grpc'
          ? `otlp: { endpoint: "localhost:${port}", tls: { ca_file: "${CERTIFICATE}" } }`
          : `otlphttp: { endpoint: "https://localhost:${port}", tls: { ca_file: "${CERTIFICATE}" } }`;
      const tls = `tls: { cert_file: "${CERTIFICATE}", key_file: "${KEY}" }`;
      const server = `{ ${protocol}: { endpoint: "127.0.0.1:PORT", ${tls} } }`;
      const links = await chain(lab, from, to, exporter, server);
      assert.equal(await postSpans(links.port, NAMES), 200);
      await arrive(links);
    }
  });

  test(`${from} keeps what ${to} refuses for now, and delivers it when it can`, async () => {
    await using lab = new Lab();
    const [port, hop, last] = [await freePort(), await freePort(), await freePort()];
    // without queue and retry, the second passes the refusal of its own absent receiver on to the first
    const second = lab.run(
      `
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${hop}" } } } }
exporters:
  otlp:
    { endpoint: "127.0.0.1:${last}", tls: { insecure: true }, timeout: 1s,
      sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [otlp] } } }`,
      PROGRAMS[to],
    );
    const first = lab.run(
      `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters:
  otlp:
    { endpoint: "127.0.0.1:${hop}", tls: { insecure: true },
      retry_on_failure: { initial_interval: 200ms, max_interval: 500ms } }
service: { telemetry: { metrics: { level: none } }, pipelines: { traces: { receivers: [otlp], exporters: [otlp] } } }`,
      PROGRAMS[from],
    );
    await Promise.all([second.listening(hop), first.listening(port)]);
    assert.equal(await postSpans(port, NAMES), 200);
    await first.until('a refusal', () => first.output.includes('Will retry the request after interval'));

    const sink = lab.run(`
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${last}" } } } }
exporters: { file: { path: "${lab.path('out.json')}", flush_interval: 100ms } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`);
    await arrive({ lab, first, second: sink, port });
  });
}

test('the metadata that otelcol sends decides how weir batches', async () => {
  await using lab = new Lab();
  const [hop, red, blue] = [await freePort(), await freePort(), await freePort()];
  const weir = lab.run(`
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${hop}", include_metadata: true } } } }
processors: { batch: { timeout: 60s, metadata_keys: [x-tenant] } }
exporters: { file: { path: "${lab.path('out.json')}" } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], processors: [batch], exporters: [file] } } }`);
  await weir.listening(hop);
  const exporter = (tenant: string) =>
    `otlp/${tenant}: { endpoint: "127.0.0.1:${hop}", tls: { insecure: true }, headers: { x-tenant: ${tenant} } }`;
  const otelcol = lab.run(
    `
receivers:
  otlp/red: { protocols: { http: { endpoint: "127.0.0.1:${red}" } } }
  otlp/blue: { protocols: { http: { endpoint: "127.0.0.1:${blue}" } } }
exporters: { ${exporter('red')}, ${exporter('blue')} }
service:
  ${QUIET}
  pipelines:
    traces/red: { receivers: [otlp/red], exporters: [otlp/red] }
    traces/blue: { receivers: [otlp/blue], exporters: [otlp/blue] }`,
    OTELCOL,
  );
  await otelcol.listening(red, blue);
  for (const name of ['red 1', 'red 2']) assert.equal(await postSpans(red, [name]), 200);
  assert.equal(await postSpans(blue, ['blue 1']), 200);
  // otelcol hears signals only shortly after it listens: before that SIGTERM ends it with what it has
  await sleep(1000);
  // stopping drains: first what otelcol has queued, then what weir holds in its batches
  assert.equal(await otelcol.stop(), 0);
  assert.equal(await weir.stop(), 0);
  const batches = lab.documents('out.json').map((document) => spanNames([document]));
  assert.deepEqual(batches.sort(), [['blue 1'], ['red 1', 'red 2']]);
});
