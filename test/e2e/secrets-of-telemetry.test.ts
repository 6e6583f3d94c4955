/** What weir tells of itself over OTLP has no secrets, nor do the errors of telling it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHttpSink } from '../../core/testing/http-sink.ts';
import { call } from '../golden/steps.ts';
import { Daemon } from '../support/daemon.ts';
import { Lab, postSpans } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const MAIN = fileURLToPath(new URL('../../cmd/weir/main.ts', import.meta.url));

const words = new Set<string>();
/** A text of its own for each secret, to be looked for. */
const secret = (key: string): string => {
  const word = `hidden-${key.replaceAll(/\W/g, '-')}-7f3a`;
  words.add(word);
  return word;
};
const found = (text: string): string[] => [...words].filter((word) => text.includes(word));

interface Ports {
  readonly http: number;
  readonly metrics: number;
  readonly zpages: number;
  readonly dead: number;
  /** Takes what weir tells. */
  readonly sink: number;
}

/** Where each kind of telemetry goes: to the sink, and to nobody, by HTTP and by gRPC. */
function configuration({ http, metrics, zpages, dead, sink }: Ports): string {
  const more = (key: string) =>
    `headers: [{ name: x-key, value: ${secret(`${key} header`)} }], headers_list: "x-list=${secret(`${key} list`)}"`;
  const targets = (key: string) => [
    `{ protocol: http/protobuf, endpoint: "http://u:${secret(`${key} url`)}@127.0.0.1:${sink}", ${more(`${key} sink`)} }`,
    `{ protocol: http/json, endpoint: "http://u:${secret(`${key} dead`)}@127.0.0.1:${dead}", ${more(`${key} http`)} }`,
    `{ protocol: grpc, endpoint: "http://127.0.0.1:${dead}", ${more(`${key} grpc`)} }`,
  ];
  const lines = (key: string, line: (target: string) => string) => targets(key).map(line).join('\n');
  return `
extensions:
  basicauth: { htpasswd: { inline: "alice:${secret('password')}" } }
  bearertokenauth: { token: ${secret('token')} }
  zpages: { endpoint: "127.0.0.1:${zpages}" }
receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:${http}", auth: { authenticator: basicauth } } } }
exporters:
  otlp_http:
    endpoint: "http://u:${secret('endpoint')}@127.0.0.1:${dead}"
    headers: { X-Key: ${secret('exporter header')} }
    auth: { authenticator: bearertokenauth }
    retry_on_failure: { enabled: false }
service:
  extensions: [basicauth, bearertokenauth, zpages]
  telemetry:
    logs:
      level: debug
      processors:
${lines('logs', (otlp) => `        - { batch: { schedule_delay: 50, export_timeout: 1000, exporter: { otlp: ${otlp} } } }`)}
    metrics:
      level: detailed
      readers:
        - { pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${metrics} } } } }
${lines('metrics', (otlp) => `        - { periodic: { interval: 100, timeout: 1000, exporter: { otlp: ${otlp} } } }`)}
    traces:
      processors:
${lines('traces', (otlp) => `        - { batch: { exporter: { otlp: ${otlp} } } }`)}
  pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } }
`;
}

async function sinkOf(t: TestContext) {
  const { posts, port, close } = await startHttpSink();
  t.after(close);
  return { posts, port };
}

test('neither what it sends nor what it prints or serves has one', async (t) => {
  await using lab = new Lab();
  const { posts, port: sink } = await sinkOf(t);
  const [http, metrics, zpages, dead] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const file = lab.write('config.yaml', configuration({ http, metrics, zpages, dead, sink }));
  const daemon = new Daemon({ args: ['--config', file] });
  let served = '';
  try {
    await daemon.listening(http, metrics, zpages);
    const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
    assert.equal(await postSpans(http, ['a'], basic(`alice:hidden-password-7f3a`)), 200);
    assert.equal(await postSpans(http, ['a'], basic(`alice:hidden-password-7f3ax`)), 401);
    await daemon.until('a failed export', () => daemon.output.includes('Exporting failed'));
    const told = (what: RegExp) => posts.some(({ body }) => what.test(body.toString('latin1')));
    await daemon.until('own logs', () => told(/Exporting failed/));
    await daemon.until('own metrics', () => told(/otelcol_exporter_send_failed_spans/));
    await daemon.until(
      'what failed',
      () => (daemon.output.match(/cannot send to|connection error/gi) ?? []).length > 2,
    );
    for (const path of ['servicez', 'pipelinez', 'extensionz', 'featurez', 'tracez', 'expvarz', 'rpcz']) {
      served += JSON.stringify(await call(zpages, 'GET', `/debug/${path}`, Buffer.alloc(0), {}));
    }
    served += JSON.stringify(await call(metrics, 'GET', '/metrics', Buffer.alloc(0), {}));
  } finally {
    await daemon.stop();
  }
  assert.deepEqual(found(posts.map(({ body }) => body.toString('latin1')).join('\n')), [], 'sent');
  assert.deepEqual(found(served), [], 'served');
  assert.deepEqual(found(daemon.output), [], 'printed');
  const [headers] = posts.map((post) => JSON.stringify(post.headers));
  assert.ok(found(headers ?? '').length >= 2, 'they are sent where they belong');
});

test('print-config and the message about an endpoint that is none have none', async () => {
  await using lab = new Lab();
  const run = (command: string, text: string): string => {
    const args = [MAIN, ...command.split(' ').filter(Boolean), '--config', lab.write('config.yaml', text)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: lab.folder });
    return `${stdout}${stderr}`;
  };
  const text = configuration({ http: 1, metrics: 2, zpages: 3, dead: 4, sink: 5 });
  const printed = run('print-config', text);
  assert.match(printed, /headers_list: "?\[REDACTED\]/);
  assert.deepEqual(found(printed), []);
  const faulty = text.replaceAll('@127.0.0.1:5"', '@127.0.0.1:99999999"');
  const said = run('', faulty);
  assert.match(said, /invalid endpoint/);
  assert.deepEqual(found(said), []);
});
