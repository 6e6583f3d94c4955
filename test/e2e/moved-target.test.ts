/** The name of a destination gets another address: what was acknowledged arrives, at the old place or the new one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Daemon } from '../support/daemon.ts';
import { Hosts } from '../support/hosts.ts';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const NAME = 'destination.test';
/** Two machines, as far as connections can tell. */
const [OLD, NEW] = ['127.0.0.1', '127.0.0.2'];
const QUIET = 'telemetry: { logs: { level: info }, metrics: { level: none } }';

function destination(lab: Lab, host: string, port: number, protocol: string): Daemon {
  return lab.run(`
receivers: { otlp: { protocols: { ${protocol}: { endpoint: "${host}:${port}" } } } }
exporters: { file: { path: "${lab.path(`${host}.json`)}", flush_interval: 50ms } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`);
}

const EXPORTERS = {
  grpc: (port: number) => `otlp_grpc: { endpoint: "${NAME}:${port}", tls: { insecure: true }, `,
  http: (port: number) => `otlp_http: { endpoint: "http://${NAME}:${port}", `,
};

for (const [protocol, exporter] of Object.entries(EXPORTERS)) {
  test(`over ${protocol}`, async () => {
    await using lab = new Lab();
    using hosts = new Hosts({ [NAME]: OLD });
    const [front, back] = [await freePort(), await freePort()];
    const old = destination(lab, OLD, back, protocol);
    await old.until('the old destination', () => old.output.includes('Everything is ready'));
    const retry =
      'retry_on_failure: { initial_interval: 100ms, max_interval: 300ms, max_elapsed_time: 0 }, timeout: 2s';
    const weir = lab.run(
      `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${front}" } } } }
exporters: { ${exporter(back)} ${retry} } }
service: { ${QUIET}, pipelines: { traces: { receivers: [otlp], exporters: [${exporter(back).split(':')[0]}] } } }`,
      undefined,
      [],
      hosts.env,
    );
    await weir.listening(front);
    const acknowledged: string[] = [];
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const name = `span ${String(acknowledged.length).padStart(4, '0')}`;
        assert.equal(await postSpans(front, [name]), 200);
        acknowledged.push(name);
      }
    };
    const arrived = () => [OLD, NEW].flatMap((host) => spanNames(lab.documents(`${host}.json`)));
    await send(20);
    await weir.until('the first spans', () => arrived().length === 20);

    await old.stop();
    await send(20);
    hosts.set({ [NAME]: NEW });
    const young = destination(lab, NEW, back, protocol);
    await young.until('the new destination', () => young.output.includes('Everything is ready'));
    await send(20);
    await weir.until('all spans', () => new Set(arrived()).size === acknowledged.length);
    assert.equal(await weir.stop(), 0, weir.output);
    assert.deepEqual([...new Set(arrived())].sort(), acknowledged);
    assert.equal(spanNames(lab.documents(`${NEW}.json`)).length, 40);
    assert.equal(weir.output.split('Exporting failed').length, 2, 'said once');
    assert.equal(weir.output.split('Exporting works again').length, 2, 'said once');
  });
}
