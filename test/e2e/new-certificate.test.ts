/** A destination comes back with a certificate of another authority: what was acknowledged arrives, nothing is trusted. */
import assert from 'node:assert/strict';
import { copyFileSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Daemon } from '../support/daemon.ts';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

/** For each step; a machine may be slow. */
const STEP_MS = 20_000;
const QUIET = 'telemetry: { logs: { level: info }, metrics: { level: none } }';
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Identity {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

const OLD: Identity = {
  certificate: file('../../core/grpc/testdata/server.pem'),
  key: file('../../core/grpc/testdata/server-key.pem'),
  authority: file('../../core/grpc/testdata/ca.pem'),
};
const NEW: Identity = {
  certificate: file('../support/tls/server.crt'),
  key: file('../support/tls/server.key'),
  authority: file('../support/tls/server.crt'),
};

function destination(lab: Lab, port: number, protocol: string, name: string, identity: Identity): Daemon {
  const tls = `tls: { cert_file: "${identity.certificate}", key_file: "${identity.key}" }`;
  return lab.run(`
receivers: { otlp: { protocols: { ${protocol}: { endpoint: "127.0.0.1:${port}", ${tls} } } } }
exporters: { file: { path: "${lab.path(name)}", flush_interval: 20ms } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`);
}

/** As tools do that renew certificates: another file in its place, never half of one. */
function replace(target: string, source: string): void {
  copyFileSync(source, `${target}.next`);
  renameSync(`${target}.next`, target);
}

const EXPORTERS = { grpc: 'otlp_grpc: { endpoint: "https://', http: 'otlp_http: { endpoint: "https://' };

for (const [protocol, exporter] of Object.entries(EXPORTERS)) {
  test(`over ${protocol}`, async (t) => {
    await using lab = new Lab();
    const [front, back] = [await freePort(), await freePort()];
    const authority = lab.path('authority.pem');
    replace(authority, OLD.authority);
    const old = await destination(lab, back, protocol, 'old.json', OLD).listening(back);
    const retry = 'retry_on_failure: { initial_interval: 50ms, max_interval: 200ms, max_elapsed_time: 0 }';
    const weir = await lab
      .run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
exporters:
  ${exporter}127.0.0.1:${back}", ${retry}, timeout: 2s, tls: { ca_file: "${authority}", reload_interval: 300ms } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [${exporter.split(':')[0]}] } } }`)
      .listening(front);
    const acknowledged: string[] = [];
    let sending = true;
    const stop = (): void => {
      sending = false;
    };
    t.after(stop);
    const senders = [0, 1].map(async (sender) => {
      for (let i = 0; sending; i++) {
        const name = `${sender}-${String(i).padStart(5, '0')}`;
        if ((await postSpans(front, [name])) === 200) acknowledged.push(name);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await weir.until('the first spans', () => lab.count('old.json') > 20, STEP_MS);
    assert.equal(await old.stop(), 0);
    const young = await destination(lab, back, protocol, 'new.json', NEW).listening(back);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(lab.count('new.json'), 0, 'nobody trusts it yet, whatever session there was before');
    replace(authority, NEW.authority);
    await weir.until('the new destination', () => lab.count('new.json') > 20, STEP_MS);
    stop();
    await Promise.all(senders);
    assert.equal(await weir.stop(), 0, weir.output);
    assert.equal(await young.stop(), 0);
    const arrived = new Set(
      [...lab.documents('old.json'), ...lab.documents('new.json')].flatMap((d) => spanNames([d])),
    );
    assert.deepEqual(
      acknowledged.filter((name) => !arrived.has(name)),
      [],
    );
  });
}
