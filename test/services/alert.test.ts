/** The alert exporter and a real Alertmanager. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import { readYaml } from '../../core/config/read.ts';
import { type Alert, encodeAlerts } from '../../core/stream/alert.ts';
import { EMPTY_CONTEXT } from '../../core/telemetry/context.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from '../../exporters/alert/config.ts';
import { alertExporter } from '../../exporters/alert/exporter.ts';
import { Alertmanager } from './alertmanager.ts';
import { until } from './kafka-lab.ts';

let alertmanager: Alertmanager;
before(async () => {
  alertmanager = await Alertmanager.start();
});
after(() => alertmanager[Symbol.asyncDispose]());

function alertOf(key: string, over: Partial<Alert> = {}): Alert {
  const now = Date.now();
  const times = { time: now, firstTime: now - 60_000, lastTime: now - 1_000 };
  const text = { service: 'shop', message: `User ${key} experienced 3 errors in session` };
  return {
    type: 'SESSION_ANOMALY',
    severity: 'HIGH',
    key,
    ...text,
    ...times,
    count: 4,
    evidence: ['e1', 'e2'],
    ...over,
  };
}

async function exporter(yaml: string) {
  const settings = { ...testSettings({ id: 'alert', kind: 'exporter', signals: ['logs'] }), clock: systemClock };
  const made = alertExporter(settings, readYaml(config, yaml));
  await made.start(new NopHost());
  return { settings, send: (...alerts: Alert[]) => made.consume(encodeAlerts(alerts, EMPTY_CONTEXT)), made };
}

const DIRECT = 'sending_queue: {enabled: false}\nretry_on_failure: {initial_interval: 100ms}\n';
const find = async (key: string) => (await alertmanager.alerts()).filter(({ labels }) => labels.key === key);

test('alerts fire, with their labels, annotations and times', async () => {
  const labels = 'labels: {team: "{{alert.type}} team"}, generator_url: "https://traces.example/{{alert.key}}"';
  const { send, made } = await exporter(`${DIRECT}alertmanager: {endpoint: "${alertmanager.url}", ${labels}}`);
  const alert = alertOf('user-ä "1"\n');
  await send(alert, alertOf('user-2', { service: '' }), alertOf('user-2', { service: '' }));
  const [found, ...more] = await find('user-ä "1"\n');
  assert.deepEqual(found?.labels, {
    ...{ alertname: 'SESSION_ANOMALY', severity: 'HIGH', service: 'shop', key: 'user-ä "1"\n' },
    team: 'SESSION_ANOMALY team',
  });
  assert.deepEqual(
    [found?.annotations.summary, found?.annotations.count, found?.annotations.evidence],
    [alert.message, '4', 'e1, e2'],
  );
  assert.equal(Date.parse(found?.startsAt ?? ''), alert.firstTime);
  assert.ok(Date.parse(found?.endsAt ?? '') > Date.now() + 200_000);
  assert.equal(found?.status.state === 'suppressed', false);
  assert.deepEqual([more, (await find('user-2')).length], [[], 1]);
  await made.shutdown();
});

test('an alert that does not come again is resolved', async () => {
  const { send, made } = await exporter(`${DIRECT}alertmanager: {endpoint: "${alertmanager.url}", resolve_after: 2s}`);
  // of yesterday: it fires all the same
  await send(alertOf('brief', { firstTime: Date.now() - 86_400_000, lastTime: Date.now() - 86_000_000 }));
  assert.equal((await find('brief')).length, 1);
  await until('the end of the alert', async () => (await find('brief')).length === 0, 20_000);
  await made.shutdown();
});

test('an Alertmanager that was away gets what waited', async () => {
  const retry = 'retry_on_failure: {initial_interval: 200ms, max_interval: 500ms}\n';
  const { settings, send, made } = await exporter(
    `${retry}alertmanager: {endpoint: "${alertmanager.url}", timeout: 2s}`,
  );
  await alertmanager.service.stop();
  await send(alertOf('waited-1'));
  await send(alertOf('waited-2'));
  await alertmanager.restart();
  const arrived = async (): Promise<boolean> => (await find('waited-1')).length + (await find('waited-2')).length === 2;
  await until('both alerts', arrived, 60_000).catch((error) => {
    throw new Error(JSON.stringify(settings.logger.lines), { cause: error });
  });
  await made.shutdown();
});
