/** What https://github.com/summerwind/h2spec says of the ports that speak HTTP/2, in its strict mode. */
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

/** Over HTTP the protocol is agreed on by TLS; a plaintext port speaks HTTP/1.1 only. */
const PORTS = [
  { name: 'gRPC', protocol: 'grpc', path: EXPORT_METHOD.traces, secure: false },
  { name: 'gRPC with TLS', protocol: 'grpc', path: EXPORT_METHOD.traces, secure: true },
  { name: 'HTTP with TLS', protocol: 'http', path: '/v1/traces', secure: true },
];

for (const { name, protocol, path, secure } of PORTS) {
  test(`every test of h2spec passes: ${name}`, async () => {
    await using lab = new Lab();
    const binary = (await run('bash', [SCRIPT])).stdout.trim();
    const port = await freePort();
    const tls = secure
      ? `, tls: { cert_file: "${certificate('server.crt')}", key_file: "${certificate('server.key')}" }`
      : '';
    await lab
      .run(`
receivers: { otlp: { protocols: { ${protocol}: { endpoint: "127.0.0.1:${port}"${tls} } } } }
exporters: { nop: }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [nop] } }`)
      .listening(port);
    const flags = ['--strict', '--timeout', '5', '--path', path, '--port', String(port)];
    // the certificate is for names of another test
    const { stdout } = await run(binary, secure ? [...flags, '--tls', '--insecure'] : flags).catch((error) => error);
    assert.match(stdout, new RegExp(`${TESTS} tests, ${TESTS} passed, 0 skipped, 0 failed`), stdout);
  });
}
