/** Secrets of what weir sends to and reads from, passwords in URLs among them, do not leave the process in any text. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
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
const pair = (user: string, key: string): string => {
  const password = secret(key);
  words.add(Buffer.from(`${user}:${password}`).toString('base64'));
  return `${user}:${password}`;
};
const found = (text: string): string[] => [...words].filter((word) => text.includes(word));

const GIVE_UP = 'retry_on_failure: { initial_interval: 10ms, max_interval: 20ms, max_elapsed_time: 100ms }';

interface Ports {
  readonly http: number;
  readonly metrics: number;
  readonly zpages: number;
  readonly dead: number;
}

function configuration({ http, metrics, zpages, dead }: Ports): string {
  const kafka = (kind: string) => `brokers: ["127.0.0.1:${dead}"]
    auth: { sasl: { mechanism: PLAIN, username: bob, password: ${secret(`kafka ${kind}`)} } }`;
  return `
extensions:
  zpages: { endpoint: "127.0.0.1:${zpages}" }
  health_check: { endpoint: "127.0.0.1:0", response_headers: { X-Health: ${secret('health header')} } }
receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:${http}", response_headers: { X-Own: ${secret('own header')} } } } }
  kafka:
    ${kafka('receiver')}
  prometheus:
    config:
      scrape_configs:
        - job_name: basic
          scrape_interval: 200ms
          scrape_timeout: 100ms
          basic_auth: { username: bob, password: ${secret('scrape password')} }
          static_configs: [{ targets: ["127.0.0.1:${dead}"] }]
        - job_name: bearer
          scrape_interval: 200ms
          scrape_timeout: 100ms
          authorization: { credentials: ${secret('scrape credentials')} }
          static_configs: [{ targets: ["127.0.0.1:${dead}"] }]
        - job_name: oauth2
          scrape_interval: 200ms
          scrape_timeout: 100ms
          oauth2: { client_id: me, client_secret: ${secret('oauth2 secret')}, token_url: "http://${pair('oa', 'token url')}@127.0.0.1:${dead}/" }
          static_configs: [{ targets: ["127.0.0.1:${dead}"] }]
        - job_name: proxied
          scrape_interval: 200ms
          scrape_timeout: 100ms
          proxy_url: "http://${pair('pr', 'scrape proxy')}@127.0.0.1:${dead}"
          static_configs: [{ targets: ["127.0.0.1:${dead}"] }]
exporters:
  otlp_http/user: { endpoint: "http://${pair('url', 'endpoint')}@127.0.0.1:${dead}", ${GIVE_UP} }
  otlp_http/proxy:
    endpoint: "http://elsewhere.test"
    proxy_url: "http://${pair('proxy', 'proxy')}@127.0.0.1:${dead}"
    ${GIVE_UP}
  kafka:
    ${kafka('exporter')}
    ${GIVE_UP}
  clickhouse/key: { endpoint: "http://127.0.0.1:${dead}", username: bob, password: ${secret('clickhouse')}, ${GIVE_UP} }
  clickhouse/url: { endpoint: "http://${pair('ch', 'clickhouse url')}@127.0.0.1:${dead}", ${GIVE_UP} }
  clickhouse/query: { endpoint: "http://127.0.0.1:${dead}?username=a&password=${secret('clickhouse query')}", ${GIVE_UP} }
  influxdb: { endpoint: "http://127.0.0.1:${dead}", org: o, bucket: b, token: ${secret('influxdb')}, ${GIVE_UP} }
  prometheus_remote_write:
    endpoint: "http://${pair('rw', 'remote write')}@127.0.0.1:${dead}/api/v1/write"
    headers: { X-Key: ${secret('remote write header')} }
    ${GIVE_UP}
service:
  extensions: [zpages, health_check]
  telemetry:
    logs: { level: debug }
    metrics:
      level: detailed
      readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${metrics} } } } }]
  pipelines:
    traces:
      receivers: [otlp, kafka]
      exporters: [otlp_http/user, otlp_http/proxy, kafka, clickhouse/key, clickhouse/url, clickhouse/query, influxdb]
    metrics: { receivers: [prometheus], exporters: [prometheus_remote_write, influxdb] }
`;
}

test('nothing that a running process prints or serves has one', async () => {
  await using lab = new Lab();
  const [http, metrics, zpages, dead] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const daemon = new Daemon({
    args: ['--config', lab.write('config.yaml', configuration({ http, metrics, zpages, dead }))],
  });
  let served = '';
  try {
    await daemon.listening(http, metrics, zpages);
    for (let i = 0; i < 3; i++) assert.equal(await postSpans(http, [`span ${i}`]), 200);
    const names = ['user', 'proxy', 'key', 'url', 'query'];
    const failed = (name: string) => new RegExp(`Exporting failed.*"[a-z_]+/${name}"`).test(daemon.output);
    await daemon.until('failed exports', () => names.every(failed));
    await daemon.until('failed scrapes', () => /scrape/i.test(daemon.output));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    for (const path of ['servicez', 'pipelinez', 'extensionz', 'featurez', 'tracez', 'expvarz', 'rpcz']) {
      served += JSON.stringify(await call(zpages, 'GET', `/debug/${path}`, Buffer.alloc(0), {}));
    }
    for (const name of ['traces', 'metrics']) {
      const page = await call(zpages, 'GET', `/debug/pipelinez?zpipelinename=${name}`, Buffer.alloc(0), {});
      served += JSON.stringify(page);
    }
    served += JSON.stringify(await call(metrics, 'GET', '/metrics', Buffer.alloc(0), {}));
    assert.match(served, /otelcol_exporter_send_failed_spans/);
  } finally {
    await daemon.stop();
  }
  assert.deepEqual(found(served), []);
  assert.deepEqual(found(daemon.output), []);
});

/** Runs a command of weir to its end; all that it printed. */
function output(lab: Lab, ...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd: lab.folder });
  return `${stdout}${stderr}`;
}

test('print-config has none, unless it is told to', async () => {
  await using lab = new Lab();
  const file = lab.write('config.yaml', configuration({ http: 1, metrics: 2, zpages: 3, dead: 4 }));
  assert.deepEqual(found(output(lab, 'validate', '--config', file)), []);
  assert.deepEqual(found(output(lab, 'print-config', '--config', file)), []);
  const revealed = output(lab, 'print-config', '--mode', 'unredacted', '--config', file);
  assert.ok(found(revealed).length > 10, revealed);
});

test('YAML that is none, or says nonsense, is told of without the line it is in', async () => {
  await using lab = new Lab();
  const faults = [
    `token: "${secret('open quote')}`,
    `token: ${secret('colon')}: x`,
    `token: [${secret('open list')}`,
    `token: {${secret('open map')}`,
    `token: *${secret('alias')}`,
    `token: &a ${secret('anchor')} &b`,
    `token: ${secret('comment')} #x\n\tb: 1`,
    `token: !!int ${secret('tag')}`,
    `token: '${secret('quotes')}' '${secret('more quotes')}'`,
    `token: |\n${secret('block')}`,
    `${secret('key')}\n  token: 1`,
    `token: @${secret('reserved')}`,
    `token: %${secret('directive')}`,
    `token: "\\x${secret('escape')}"`,
    `? ${secret('complex key')}\n  : - a\n :b`,
  ];
  let told = 0;
  for (const fault of faults) {
    const text = `extensions:\n  bearertokenauth:\n    ${fault}\nreceivers: { nop: }\nexporters: { nop: }
service: { extensions: [bearertokenauth], pipelines: { traces: { receivers: [nop], exporters: [nop] } } }\n`;
    const all = output(lab, 'validate', '--config', lab.write('bad.yaml', text));
    assert.deepEqual(found(all), [], `${fault}\n${all}`);
    if (/bad\.yaml:\d+:\d+/.test(all)) told++;
  }
  assert.ok(told > 10, `the place is told: ${told} of ${faults.length}`);
});
