/** Secrets do not leave the process, whatever it prints or serves; each has a text of its own to be looked for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { call } from '../golden/steps.ts';
import { canConnect, Daemon } from '../support/daemon.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const MAIN = fileURLToPath(new URL('../../cmd/weir/main.ts', import.meta.url));
const tls = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url)), 'utf8');

/** What must not be seen: a word for each key, and what they become on the wire. */
const words = new Map<string, string>();
const secret = (key: string): string => {
  const word = `hidden-${key.replaceAll(/\W/g, '-')}-7f3a`;
  words.set(key, word);
  return word;
};

const KEY = tls('server.key');
const forbidden = (): string[] => {
  const plain = [...words.values()];
  const basic = [`alice:${words.get('server password')}`, `bob:${words.get('client password')}`];
  // a line of the key is as good as all of it
  const lines = KEY.split('\n').filter((line) => line.length > 40);
  return [...plain, ...basic.map((pair) => Buffer.from(pair).toString('base64')), ...lines];
};

const found = (text: string): string[] => forbidden().filter((word) => text.includes(word));

interface Ports {
  readonly http: number;
  readonly open: number;
  readonly tls: number;
  readonly metrics: number;
  readonly zpages: number;
  readonly health: number;
  readonly dead: number;
}

const pem = (text: string): string => JSON.stringify(text);

/** Every opaque key there is, literally or from the environment. */
function configuration(p: Ports): string {
  return `
extensions:
  basicauth/server: { htpasswd: { inline: "alice:${secret('server password')}" } }
  basicauth/client: { client_auth: { username: bob, password: ${secret('client password')} } }
  bearertokenauth: { token: "$\{env:WEIR_TOKEN}" }
  bearertokenauth/more: { tokens: [${secret('tokens')}] }
  headers_setter:
    headers:
      - { action: upsert, key: X-Fixed, value: ${secret('headers_setter value')} }
      - { action: upsert, key: X-Default, from_context: none, default_value: ${secret('default_value')} }
      - { action: upsert, key: X-Twice, from_context: x-twice }
  zpages: { endpoint: "127.0.0.1:${p.zpages}" }
  health_check: { endpoint: "127.0.0.1:${p.health}" }
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:${p.http}
        include_metadata: true
        auth: { authenticator: basicauth/server }
  otlp/tls:
    protocols:
      http:
        endpoint: 127.0.0.1:${p.tls}
        tls: { cert_pem: ${pem(tls('server.crt'))}, key_pem: ${pem(KEY)} }
        auth: { authenticator: bearertokenauth }
  otlp/open:
    protocols: { http: { endpoint: "127.0.0.1:${p.open}", auth: { authenticator: bearertokenauth/more } } }
processors:
  redaction: { allow_all_keys: true, hash_function: hmac-sha256, hmac_key: ${secret('hmac_key')}-with-thirty-two-bytes }
exporters:
  otlp_http/basic:
    endpoint: http://127.0.0.1:${p.dead}
    headers: { X-Key: ${secret('http header')}, X-Env: "$\{env:WEIR_HEADER}" }
    auth: { authenticator: basicauth/client }
    retry_on_failure: { enabled: false }
  otlp_http/setter:
    endpoint: http://127.0.0.1:${p.dead}
    auth: { authenticator: headers_setter }
    retry_on_failure: { max_elapsed_time: 100ms, initial_interval: 10ms, max_interval: 20ms }
  otlp_grpc:
    endpoint: 127.0.0.1:${p.dead}
    headers: { x-key: ${secret('grpc header')} }
    tls: { cert_pem: ${pem(tls('server.crt'))}, key_pem: ${pem(KEY)}, insecure_skip_verify: true }
    auth: { authenticator: bearertokenauth }
    retry_on_failure: { max_elapsed_time: 100ms, initial_interval: 10ms, max_interval: 20ms }
  debug: { verbosity: detailed }
service:
  extensions: [basicauth/server, basicauth/client, bearertokenauth, bearertokenauth/more, headers_setter, zpages,
    health_check]
  telemetry:
    logs: { level: debug }
    metrics:
      level: detailed
      readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${p.metrics} } } } }]
  pipelines:
    traces:
      receivers: [otlp, otlp/tls, otlp/open]
      processors: [redaction]
      exporters: [otlp_http/basic, otlp_http/setter, otlp_grpc, debug]
`;
}

const env = { WEIR_TOKEN: secret('env token'), WEIR_HEADER: secret('env header') };

/** Runs a command of weir to its end; all that it printed. */
function output(args: readonly string[], cwd: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd, env: { ...process.env, ...env } });
  return `${stdout}${stderr}`;
}

test('nothing that a running process prints or serves has a secret', async () => {
  await using lab = new Lab();
  const ports = Object.fromEntries(
    await Promise.all(
      ['http', 'open', 'tls', 'metrics', 'zpages', 'health', 'dead'].map(async (name) => [name, await freePort()]),
    ),
  ) as unknown as Ports;
  const file = lab.write('config.yaml', configuration(ports));
  const daemon = new Daemon({ args: ['--config', file], env });
  try {
    await daemon.listening(ports.http, ports.tls, ports.open, ports.metrics, ports.zpages, ports.health);
    let served = '';
    const send = async (port: number, headers: Record<string, string>) => {
      const body = Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}');
      const answer = await call(port, 'POST', '/v1/traces', body, { 'content-type': 'application/json', ...headers });
      served += JSON.stringify(answer);
      return answer.status;
    };
    const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
    const alice = { authorization: basic(`alice:${words.get('server password')}`) };
    assert.equal(await send(ports.http, alice), 200);
    await send(ports.http, { ...alice, 'x-twice': 'a' });
    assert.equal(await send(ports.http, { authorization: basic(`alice:${words.get('server password')}x`) }), 401);
    assert.equal(await send(ports.http, { authorization: `Bearer ${words.get('env token')}` }), 401);
    assert.equal(await send(ports.open, { authorization: `Bearer ${words.get('tokens')}` }), 200);
    assert.equal(await send(ports.open, { authorization: `Basic ${words.get('tokens')}` }), 401);
    await plaintextToTls(ports.tls);
    await daemon.until('failed exports', () => (daemon.output.match(/Exporting failed/g) ?? []).length >= 3);
    const pages = ['servicez', 'pipelinez', 'extensionz', 'featurez', 'tracez', 'expvarz', 'rpcz'];
    for (const path of pages)
      served += JSON.stringify(await call(ports.zpages, 'GET', `/debug/${path}`, Buffer.alloc(0), {}));
    const metrics = await call(ports.metrics, 'GET', '/metrics', Buffer.alloc(0), {});
    assert.match(metrics.body, /otelcol_exporter_send_failed_spans/);
    served += JSON.stringify([metrics, await call(ports.health, 'GET', '/', Buffer.alloc(0), {})]);
    assert.ok(await canConnect(ports.open));
    daemon.process.kill('SIGHUP');
    await daemon.until('the reload', () => (daemon.output.match(/Everything is ready/g) ?? []).length >= 2);
    assert.deepEqual(found(served), []);
  } finally {
    await daemon.stop();
  }
  assert.deepEqual(found(daemon.output), []);
});

/** Bytes that a TLS server cannot make anything of. */
function plaintextToTls(port: number): Promise<void> {
  return new Promise((resolve) => {
    const sent = request({ port, host: '127.0.0.1', headers: { authorization: words.get('env token') } });
    sent.on('error', () => resolve()).on('response', () => resolve());
    sent.end();
  });
}

test('print-config, validate and the messages about faults beside a secret have none', async () => {
  await using lab = new Lab();
  const ports = { http: 1, open: 2, tls: 3, metrics: 4, zpages: 5, health: 6, dead: 7 };
  const good = lab.write('good.yaml', configuration(ports));
  const printed = output(['print-config', '--config', good], lab.folder);
  assert.match(printed, /\[REDACTED\]/);
  assert.deepEqual(found(printed), []);
  assert.deepEqual(found(output(['validate', '--config', good], lab.folder)), []);
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const key = other.toString().split('\n')[1] as string;
  words.set('key of another certificate', key);
  const faults: readonly (readonly [string, RegExp])[] = [
    [`bearertokenauth: { token: ${secret('same line')}, tokn: 1 }`, /tokn/],
    [`bearertokenauth: { token: { a: ${secret('map')} } }`, /token/],
    [`bearertokenauth: { token: [${secret('list')}] }`, /token/],
    [`bearertokenauth: { tokens: ${secret('text for list')} , x: 1}`, /x/],
    [`bearertokenauth: { token: ${secret('both')}, tokens: [${secret('both 2')}] }`, /not both/],
    [`bearertokenauth: { token: "${'$'}{env:WEIR_TOKEN}", tokens: ["${'$'}{env:WEIR_TOKEN}"] }`, /not both/],
    [`basicauth: { client_auth: { password: [${secret('password list')}] } }`, /password/],
    [`basicauth: { htpasswd: { inline: ["${secret('inline list')}"] } }`, /inline/],
    [`bearertokenauth: ${secret('text for section')}`, /unconvertible type 'string'/],
    [`basicauth: { client_auth: "bob:${secret('text for subsection')}" }`, /expected a map or struct/],
    [`health_check: { response_headers: ${secret('text for headers')} }`, /expected a map or struct/],
    [`health_check: { response_headers: [${secret('list for headers')}] }`, /expected a map or struct/],
    [`health_check: { response_headers: [{ name: a, valu: ${secret('unknown key')} }] }`, /valu/],
    [`health_check: { response_headers: { a: [${secret('list for header')}] } }`, /response_headers/],
    [`headers_setter: { headers: [{ key: a, value: ${secret('two sources')}, from_context: b }] }`, /only one/],
  ];
  for (const [extension, message] of faults) {
    const text = `extensions:\n  ${extension}\n${SERVICE}`;
    const all = output(['validate', '--config', lab.write('bad.yaml', text)], lab.folder);
    assert.match(all, message, all);
    assert.deepEqual(found(all), [], all);
  }
  const receiver = `tls: { cert_pem: ${pem(tls('server.crt'))}, key_pem: ${pem(other.toString())} }`;
  const text = `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:0", ${receiver} } } } }\n${REST}`;
  const all = output(['--config', lab.write('bad.yaml', text)], lab.folder);
  assert.match(all, /private key does not match/);
  assert.deepEqual(found(all), []);
});

const REST = 'exporters: { nop: }\nservice: { pipelines: { traces: { receivers: [otlp], exporters: [nop] } } }\n';
const SERVICE = `receivers: { otlp: { protocols: { http: } } }\n${REST}`;
