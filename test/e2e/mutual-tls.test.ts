/** Both sides show certificates, and all of them are replaced under load by those of another authority: no request fails. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Identity {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

const IDENTITIES: readonly [Identity, Identity] = [
  {
    certificate: file('../../core/grpc/testdata/server.pem'),
    key: file('../../core/grpc/testdata/server-key.pem'),
    authority: file('../../core/grpc/testdata/ca.pem'),
  },
  {
    certificate: file('../support/tls/server.crt'),
    key: file('../support/tls/server.key'),
    authority: file('../support/tls/server.crt'),
  },
];
const BOTH = IDENTITIES.map(({ authority }) => readFileSync(authority, 'utf8')).join('\n');

/** The files are looked at this often; a step waits for several looks of a busy machine. */
const RELOAD = 'reload_interval: 50ms';
const STEP_MS = 700;
const ROUNDS = 4;

/** As tools do that renew certificates: another file in its place, never half of one. */
function replace(target: string, source: string): void {
  copyFileSync(source, `${target}.next`);
  renameSync(`${target}.next`, target);
}

/** Whether a client with this identity may connect. With TLS 1.3 the refusal comes behind the client's handshake. */
function admitted(port: number, { certificate, key }: Identity): Promise<boolean> {
  const pair = { cert: readFileSync(certificate), key: readFileSync(key) };
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'], ...pair });
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve(false));
    // the SETTINGS of the server
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
  });
}

test('gRPC and HTTP', async (t) => {
  await using lab = new Lab();
  const [front, grpc, http] = [await freePort(), await freePort(), await freePort()];
  const own = (side: string): string => {
    const [cert, key] = [lab.path(`${side}.crt`), lab.path(`${side}.key`)];
    return `cert_file: "${cert}", key_file: "${key}", ${RELOAD}`;
  };
  const use = (side: string, { certificate, key }: Identity): void => {
    replace(lab.path(`${side}.crt`), certificate);
    replace(lab.path(`${side}.key`), key);
  };
  const trust = (side: string, authorities: string): void =>
    renameSync(lab.write(`${side}.next`, authorities), lab.path(`${side}.ca`));
  for (const side of ['client', 'server']) use(side, IDENTITIES[0]);
  for (const side of ['client', 'server']) trust(side, readFileSync(IDENTITIES[0].authority, 'utf8'));

  const guarded = `tls: { ${own('server')}, client_ca_file: "${lab.path('server.ca')}", client_ca_file_reload: true }`;
  const back = await lab
    .run(`
receivers:
  otlp:
    protocols:
      # connections do not grow old, so that there are handshakes all the time
      grpc: { endpoint: "127.0.0.1:${grpc}", ${guarded}, keepalive: { server_parameters: { max_connection_age: 100ms } } }
      http: { endpoint: "127.0.0.1:${http}", ${guarded} }
exporters: { file: { path: "${lab.path('out.json')}", flush_interval: 20ms } }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [file] } }`)
    .listening(grpc, http);
  const tls = `tls: { ${own('client')}, ca_file: "${lab.path('client.ca')}" }`;
  const never = 'sending_queue: { enabled: false }, retry_on_failure: { enabled: false }';
  const weir = await lab
    .run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
exporters:
  otlp: { endpoint: "127.0.0.1:${grpc}", ${tls}, ${never} }
  otlphttp: { endpoint: "https://127.0.0.1:${http}", disable_keep_alives: true, ${tls}, ${never} }
  otlphttp/kept: { endpoint: "https://127.0.0.1:${http}", ${tls}, ${never} }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [otlp, otlphttp, otlphttp/kept] } }`)
    .listening(front);

  let sending = true;
  t.after(() => {
    sending = false;
  });
  const names: string[] = [];
  const statuses = new Set<number | undefined>();
  const senders = [0, 1].map(async (sender) => {
    for (let i = 0; sending; i++) {
      const name = `${sender}-${i}`;
      names.push(name, name, name);
      statuses.add(await postSpans(front, [name]));
      await sleep(2);
    }
  });
  for (let round = 1; round <= ROUNDS; round++) {
    const [next, last] = [IDENTITIES[round % 2] as Identity, IDENTITIES[(round + 1) % 2] as Identity];
    for (const side of ['client', 'server']) trust(side, BOTH);
    await sleep(STEP_MS);
    for (const side of ['client', 'server']) use(side, next);
    await sleep(STEP_MS);
    for (const side of ['client', 'server']) trust(side, readFileSync(next.authority, 'utf8'));
    await sleep(STEP_MS);
    for (const port of [grpc, http]) {
      assert.deepEqual([await admitted(port, next), await admitted(port, last)], [true, false], `round ${round}`);
    }
  }
  sending = false;
  await Promise.all(senders);
  assert.deepEqual([...statuses], [200], weir.output);
  assert.ok(names.length > 60, `${names.length} spans`);
  assert.equal(await weir.stop(), 0, weir.output);
  assert.equal(await back.stop(), 0, back.output);
  assert.deepEqual(spanNames(lab.documents('out.json')), names.sort());
});
