/** What cannot run ends with one clear message, exit status 1 and no stack trace. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const SERVICE = 'service: { pipelines: { traces: { receivers: [otlp], exporters: [nop] } } }';
const config = (otlp: string) => `receivers: { otlp: ${otlp} }\nexporters: { nop: }\n${SERVICE}\n`;

const CASES: readonly (readonly [string, string, RegExp])[] = [
  ['an unknown key', config('{ protocols: { http: { endpoit: 127.0.0.1:4318 } } }'), /config-0\.yaml:1:\d+.*endpoit/],
  ['a wrong type', config('{ protocols: { grpc: { max_recv_msg_size_mib: big } } }'), /max_recv_msg_size_mib.*big/s],
  ['YAML that is none', 'receivers: [\n', /config-0\.yaml:\d+:\d+/],
  ['a component nobody declared', config('{ protocols: { grpc: } }').replace('[nop]', '[nop, absent]'), /absent/],
  ['a component nobody knows', `processors: { no_such: }\n${config('{ protocols: { grpc: } }')}`, /no_such/],
  [
    'a TLS file that is not there',
    config('{ protocols: { grpc: { endpoint: 127.0.0.1:0, tls: { cert_file: /no/cert, key_file: /no/key } } } }'),
    /config-0\.yaml:1:14: .*\/no\/(cert|key)/,
  ],
  ['a file that is not there', config('"$' + '{file:/no/such.yaml}"'), /\/no\/such\.yaml/],
];

for (const [what, yaml, message] of CASES) {
  test(what, async () => {
    await using lab = new Lab();
    await refused(lab, yaml, message);
  });
}

test('a port in use', async (t) => {
  await using lab = new Lab();
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  await refused(
    lab,
    config(`{ protocols: { http: { endpoint: 127.0.0.1:${port} } } }`),
    new RegExp(`config-0\\.yaml:1:14: .*:${port}`),
  );
});

test('a variable that is not set', async () => {
  await using lab = new Lab();
  const yaml = config('{ protocols: { http: { endpoint: "$' + '{NOT_SET_ANYWHERE}" } } }');
  await refused(
    lab,
    yaml,
    /config-0\.yaml:1:\d+: .*unset environment variable "NOT_SET_ANYWHERE"[\s\S]*1:14: .*missing port/,
  );
});

test('no configuration at all', async () => {
  await using lab = new Lab();
  const weir = lab.run('', undefined, []);
  assert.equal(await weir.exited(), 1, weir.output);
});

async function refused(lab: Lab, yaml: string, message: RegExp): Promise<void> {
  const weir = lab.run(yaml);
  assert.equal(await weir.exited(), 1, weir.output);
  assert.match(weir.output, message);
  assert.doesNotMatch(weir.output, /^\s+at .+:\d+:\d+\)?$/m, 'a stack trace');
}
