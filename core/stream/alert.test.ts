import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTree } from '../otlp/tree.ts';
import { valueText } from '../otlp/value-text.ts';
import { EMPTY_CONTEXT } from '../telemetry/context.ts';
import { type Alert, encodeAlerts, MOST_EVIDENCE, timeText } from './alert.ts';

const ALERT: Alert = {
  type: 'SESSION_ANOMALY',
  severity: 'HIGH',
  service: 'api',
  key: 'user-1',
  time: 1_700_000_000_123,
  firstTime: 1_700_000_000_000,
  lastTime: 1_700_000_000_100,
  count: 3,
  evidence: ['e1', 'e2'],
  message: 'three errors',
};

function decoded(alerts: readonly Alert[]) {
  const batch = encodeAlerts(alerts, EMPTY_CONTEXT);
  assert.equal(batch.items, alerts.length);
  return decodeTree('logs', batch).resourceLogs;
}

test('an alert is a log record', () => {
  const traceId = Buffer.alloc(16, 7);
  const [group] = decoded([{ ...ALERT, attributes: { zone: 'eu', count: 2 }, numbers: { value: 5 }, traceId }]);
  assert.deepEqual(
    group?.resource?.attributes.map(({ key, value }) => [key, valueText(value)]),
    [['service.name', 'api']],
  );
  const [record] = group?.scopeLogs[0]?.logRecords ?? [];
  assert.equal(record?.timeUnixNano, 1_700_000_000_123_000_000n);
  assert.equal(record?.observedTimeUnixNano, 1_700_000_000_123_000_000n);
  assert.equal(record?.severityNumber, 17);
  assert.equal(record?.severityText, 'HIGH');
  assert.equal(record?.eventName, 'alert');
  assert.equal(valueText(record?.body), 'three errors');
  assert.deepEqual(Buffer.from(record?.traceId as Uint8Array), traceId);
  const attributes = record?.attributes.map(({ key, value }) => [key, valueText(value)]);
  assert.deepEqual(attributes, [
    ['alert.type', 'SESSION_ANOMALY'],
    ['alert.severity', 'HIGH'],
    ['alert.key', 'user-1'],
    ['alert.first_time', '2023-11-14T22:13:20.000Z'],
    ['alert.last_time', '2023-11-14T22:13:20.100Z'],
    ['alert.count', '3'],
    ['alert.evidence', '["e1","e2"]'],
    ['zone', 'eu'],
    ['count', '2'],
    ['value', '5'],
  ]);
  assert.equal(record?.attributes.at(-1)?.value?.doubleValue, 5);
});

test('neighbours of one service share their resource; without a service there is none', () => {
  const groups = decoded([ALERT, { ...ALERT, key: 'user-2' }, { ...ALERT, service: '' }, ALERT]);
  assert.deepEqual(
    groups.map(({ resource, scopeLogs }) => [resource?.attributes.length ?? 0, scopeLogs[0]?.logRecords.length]),
    [
      [1, 2],
      [0, 1],
      [1, 1],
    ],
  );
  assert.deepEqual(decoded([]), []);
});

test('evidence has a limit, and texts may be long', () => {
  const evidence = Array.from({ length: 1_000 }, (_, i) => `event-${i}`);
  const [group] = decoded([{ ...ALERT, evidence, message: '数'.repeat(100_000) }]);
  const [record] = group?.scopeLogs[0]?.logRecords ?? [];
  const value = record?.attributes.find(({ key }) => key === 'alert.evidence')?.value;
  assert.deepEqual(JSON.parse(valueText(value)), evidence.slice(0, MOST_EVIDENCE));
});

test('times are RFC 3339 in UTC with milliseconds', () => {
  assert.equal(timeText(0), '1970-01-01T00:00:00.000Z');
});
