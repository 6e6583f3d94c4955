import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { afterEach, test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { type Alert, encodeAlerts } from '../../core/stream/alert.ts';
import { EMPTY_CONTEXT } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { alertExporter } from './exporter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Received {
  readonly path: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}
/** A status, more headers; undefined never answers. */
type Answer = (received: Received, index: number) => readonly [number, http.OutgoingHttpHeaders?, string?] | undefined;

async function peer(answer: Answer = () => [200]) {
  const received: Received[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const got = { path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() };
    received.push(got);
    const given = answer(got, received.length - 1);
    if (given !== undefined) response.writeHead(given[0], given[1] ?? {}).end(given[2]);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  return { url: `http://127.0.0.1:${port}`, received };
}

const ALERT: Alert = {
  type: 'SESSION_ANOMALY',
  severity: 'HIGH',
  service: 'shop',
  key: 'user/1',
  time: 1_581_452_771_000,
  firstTime: 1_581_452_700_000,
  lastTime: 1_581_452_770_000,
  count: 4,
  evidence: ['e1', 'e2'],
  message: 'User "1" had\n3 errors',
  attributes: { 'alert.pattern': 'session' },
};
const keyed = (...keys: string[]): Telemetry =>
  encodeAlerts(
    keys.map((key) => ({ ...ALERT, key })),
    EMPTY_CONTEXT,
  );

const NO_RETRY = 'sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}\n';

async function exporter(yaml: string, helper = NO_RETRY) {
  const settings = testSettings({ id: 'alert', kind: 'exporter', signals: ['logs'] });
  const made = alertExporter(settings, readYaml(config, helper + yaml));
  await made.start(new NopHost());
  cleanups.push(() => made.shutdown());
  const send = async (batch = keyed(ALERT.key)): Promise<PipelineError | undefined> => {
    try {
      await made.consume(batch);
      return undefined;
    } catch (error) {
      return PipelineError.from(error);
    } finally {
      assert.ok(isReleased(batch));
    }
  };
  return { made, settings, send };
}

test('a webhook gets each alert as JSON', async () => {
  const { url, received } = await peer();
  const { send, settings } = await exporter(`webhook: {endpoint: "${url}/hook", headers: {authorization: Bearer x}}`);
  assert.equal(await send(keyed('a', 'b')), undefined);
  const [first, second] = received;
  assert.deepEqual(
    [first?.path, first?.headers['content-type'], first?.headers.authorization],
    ['/hook', 'application/json', 'Bearer x'],
  );
  assert.deepEqual(JSON.parse(first?.body ?? ''), {
    type: 'SESSION_ANOMALY',
    severity: 'HIGH',
    service: 'shop',
    key: 'a',
    message: 'User "1" had\n3 errors',
    time: '2020-02-11T20:26:11.000Z',
    first_time: '2020-02-11T20:25:00.000Z',
    last_time: '2020-02-11T20:26:10.000Z',
    count: 4,
    evidence: ['e1', 'e2'],
    trace_id: '',
    attributes: { 'alert.pattern': 'session' },
    resource: { 'service.name': 'shop' },
  });
  assert.equal(JSON.parse(second?.body ?? '').key, 'b');
  assert.equal(settings.meter.value('otelcol_exporter_sent_log_records'), 2);
});

test('templates: no value gets out of its place', async () => {
  const { url, received } = await peer();
  const { send } = await exporter(`
webhook:
  endpoint: "${url}/{{alert.key}}/{{resource.service.name}}?type={{ alert.type }}"
  headers: {x-text: "{{body}}", x-fixed: fixed}
  body: '{"text": "{{body}} {{alert.pattern}} {{nothing}}", "ids": {{json alert.evidence}}, "all": {{json alert}}, "no": {{json nothing}}}'`);
  await send();
  await send(keyed('..'));
  const [got, dots] = received;
  assert.equal(got?.path, '/user%2F1/shop?type=SESSION_ANOMALY');
  assert.equal(dots?.path, '/__/shop?type=SESSION_ANOMALY');
  assert.deepEqual([got?.headers['x-text'], got?.headers['x-fixed']], ['User "1" had?3 errors', 'fixed']);
  const { text, ids, all, no } = JSON.parse(got?.body ?? '');
  assert.deepEqual([text, ids, all.key, no], ['User "1" had\n3 errors session ', ['e1', 'e2'], 'user/1', null]);

  const plain = await exporter(`
webhook: {endpoint: "${url}", headers: {content-type: text/plain}, body: "{{alert.type}}: {{body}}"}`);
  await plain.send();
  assert.equal(received[2]?.body, 'SESSION_ANOMALY: User "1" had\n3 errors');
  assert.equal(received[2]?.headers['content-type'], 'text/plain');
});

test('Alertmanager gets many alerts in a request', async () => {
  const { url, received } = await peer();
  const { send, settings } = await exporter(`
alertmanager:
  endpoint: "${url}/prefix/"
  labels: {team: "{{resource.team}}", pattern: "{{alert.pattern}}"}
  annotations: {summary: "{{alert.count}} times", runbook: "https://runbooks/{{alert.type}}"}
  generator_url: "https://traces/{{alert.key}}"
  resolve_after: 10m`);
  assert.equal(await send(keyed('a', '')), undefined);
  assert.equal(received[0]?.path, '/prefix/api/v2/alerts');
  const [first, second] = JSON.parse(received[0]?.body ?? '');
  assert.deepEqual(first, {
    labels: { alertname: 'SESSION_ANOMALY', severity: 'HIGH', service: 'shop', key: 'a', pattern: 'session' },
    annotations: {
      summary: '4 times',
      count: '4',
      first_time: '2020-02-11T20:25:00.000Z',
      last_time: '2020-02-11T20:26:10.000Z',
      evidence: 'e1, e2',
      runbook: 'https://runbooks/SESSION_ANOMALY',
    },
    startsAt: '2020-02-11T20:25:00.000Z',
    endsAt: new Date(settings.clock.now() + 600_000).toISOString(),
    generatorURL: 'https://traces/a',
  });
  assert.equal('key' in second.labels, false);

  const ahead = { ...ALERT, firstTime: settings.clock.now() + 60_000 };
  await send(encodeAlerts([ahead], EMPTY_CONTEXT));
  assert.equal(JSON.parse(received[1]?.body ?? '')[0].startsAt, new Date(settings.clock.now()).toISOString());
  await send(keyed(...Array.from({ length: 1200 }, (_, i) => `k${i}`)));
  assert.deepEqual(
    received.slice(2).map(({ body }) => JSON.parse(body).length),
    [500, 500, 200],
  );
});

test('only alerts are sent, the rest is counted and told of once', async () => {
  const { url, received } = await peer();
  const { send, settings } = await exporter(`webhook: {endpoint: "${url}"}`);
  const json = {
    resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'a log' } }, { eventName: 'login' }, {}] }] }],
  };
  const others = () => {
    const { bytes, items } = decodeJson('logs', Buffer.from(JSON.stringify(json)));
    return Telemetry.of('logs', bytes, items);
  };
  assert.equal(await send(Telemetry.join([others(), keyed('a')])), undefined);
  assert.equal(await send(others()), undefined);
  assert.equal(received.length, 1);
  assert.equal(settings.meter.value('otelcol_exporter_alert_ignored_log_records'), 6);
  assert.equal(settings.logger.messages('warn').length, 1);
});

test('what a peer refuses for good keeps no other alert', async () => {
  const { url, received } = await peer(({ body }) =>
    JSON.parse(body).key === 'bad' ? [400, {}, 'no such key'] : [204],
  );
  const { send, settings } = await exporter(`webhook: {endpoint: "${url}/secret-path"}`);
  const error = await send(keyed('a', 'bad', 'b'));
  assert.equal(error?.permanent, true);
  assert.match(error?.message ?? '', /^http:\/\/127.0.0.1:\d+ answered 400 Bad Request "no such key"$/);
  assert.equal(received.length, 3);
  assert.equal(settings.meter.value('otelcol_exporter_sent_log_records'), 2);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_log_records'), 1);
});

const RETRY = 'sending_queue: {enabled: false}\nretry_on_failure: {initial_interval: 1s}\n';
const keysOf = (received: readonly Received[]) => received.map(({ body }) => JSON.parse(body).key);

test('after a failure only what was not sent comes again, when the peer says so', async () => {
  const { url, received } = await peer((_, i) => (i === 1 ? [503, { 'retry-after': '30' }] : [200]));
  const { send, settings } = await exporter(`webhook: {endpoint: "${url}"}`, RETRY);
  const sent = send(keyed('a', 'b', 'c'));
  while (settings.logger.messages('info').length === 0) await settle();
  settings.clock.advance(29_000);
  await settle();
  assert.deepEqual(keysOf(received), ['a', 'b']);
  settings.clock.advance(1_000);
  assert.equal(await sent, undefined);
  assert.deepEqual(keysOf(received), ['a', 'b', 'b', 'c']);
  assert.equal(settings.meter.value('otelcol_exporter_sent_log_records'), 3);
});

test('a peer that does not answer, a peer that is not there', async () => {
  const { url, received } = await peer((_, i) => (i === 0 ? undefined : [200]));
  const { send, settings } = await exporter(`webhook: {endpoint: "${url}", timeout: 5s}`, RETRY);
  const sent = send(keyed('a', 'b'));
  while (received.length === 0) await settle();
  settings.clock.advance(5_000);
  while (settings.logger.messages('info').length === 0) await settle();
  settings.clock.advance(2_000);
  assert.equal(await sent, undefined);
  assert.deepEqual(keysOf(received), ['a', 'a', 'b']);
  assert.equal(settings.clock.pending, 0);

  const nobody = await exporter('webhook: {endpoint: "http://127.0.0.1:1/secret-path"}');
  const error = await nobody.send();
  assert.equal(error?.permanent, false);
  assert.match(error?.message ?? '', /^failed to post to http:\/\/127.0.0.1:1: dial tcp/);
});

test('configuration: what cannot be meant is refused', () => {
  const fault = (yaml: string) => {
    try {
      readYaml(config, yaml);
      return '';
    } catch (error) {
      return String(error);
    }
  };
  assert.match(fault('{}'), /exactly one of webhook and alertmanager/);
  const both = 'webhook: {endpoint: "http://a"}\nalertmanager: {endpoint: "http://a"}';
  assert.match(fault(both), /exactly one of webhook and alertmanager/);
  assert.match(fault('webhook: {}'), /webhook::endpoint: must be specified/);
  assert.match(fault('webhook: {endpoint: "ftp://a"}'), /must be a URL with http/);
  assert.match(
    fault('webhook: {endpoint: "http://{{alert.key}}.example/"}'),
    /scheme and host cannot have placeholders/,
  );
  assert.match(fault('webhook: {endpoint: "http://a", body: "{{alert.key"}'), /body: has {{ without }}/);
  assert.match(fault('webhook: {endpoint: "http://a", headers: {x: "{{ }}"}}'), /x: has {{}} without a field/);
  assert.match(fault('alertmanager: {endpoint: "http://a", labels: {"a-b": c}}'), /"a-b" is no name of a label/);
  assert.match(fault('alertmanager: {endpoint: "http://a", resolve_after: 0s}'), /resolve_after: must be at least/);
  assert.equal(fault('webhook: {endpoint: "http://a/{{alert.key}}"}'), '');
});
