/** What https://github.com/summerwind/h2spec says of the gRPC port, in its strict mode, without and with TLS. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('./h2spec.sh', import.meta.url));
const certificate = (name: string) => fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));
/** All that 2.2.1 has. A test that does not apply to a server is skipped and counts as such. */
const TESTS = 146;

for (const secure of [false, true]) {
  test(`every test of h2spec passes${secure ? ' over TLS' : ''}`, async () => {
    await using lab = new Lab();
    const binary = (await run('bash', [SCRIPT])).stdout.trim();
    const port = await freePort();
    const tls = secure
      ? `, tls: { cert_file: "${certificate('server.crt')}", key_file: "${certificate('server.key')}" }`
      : '';
    await lab
      .run(`
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${port}"${tls} } } } }
exporters: { nop: }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [nop] } }`)
      .listening(port);
    const flags = ['--strict', '--timeout', '5', '--path', EXPORT_METHOD.traces, '--port', String(port)];
    // the certificate is for names of another test
    const { stdout } = await run(binary, secure ? [...flags, '--tls', '--insecure'] : flags).catch((error) => error);
    assert.match(stdout, new RegExp(`${TESTS} tests, ${TESTS} passed, 0 skipped, 0 failed`), stdout);
  });
}
