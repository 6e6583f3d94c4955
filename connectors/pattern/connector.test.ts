import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { Connector } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { config } from './config.ts';
import { patternConnector } from './connector.ts';

const START = 1_700_000_000_000;
const EXAMPLE = parse(readFileSync(new URL('../../configs/patterns.yaml', import.meta.url), 'utf8'));
const TRACE = '0af7651916cd43dd8448eb211c80319c';

interface Event {
  readonly name: string;
  /** Milliseconds after the start. */
  readonly at: number;
  readonly trace?: string;
  readonly span?: string;
  readonly attributes?: Readonly<Record<string, string | number>>;
}

function attributesOf(values: Event['attributes'] = {}): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
  }));
}

function logs(events: readonly Event[]): Telemetry {
  const logRecords = events.map(({ name, at, trace = '', span = '', attributes }) => ({
    timeUnixNano: `${START + at}000000`,
    eventName: name,
    traceId: trace,
    spanId: span,
    attributes: attributesOf(attributes),
  }));
  const resource = { attributes: attributesOf({ 'service.name': 'shop' }) };
  return batchOf('logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
}

function batchOf(signal: Signal, json: object): Telemetry {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(json)));
  return Telemetry.of(signal, bytes, items);
}

function open(options: object) {
  const alerts = new SinkConsumer();
  const late = new SinkConsumer();
  const settings = testSettings({ id: 'pattern', kind: 'connector' });
  const outputs = {
    for: () => alerts,
    pipelines: new Map([
      ['logs/alerts', alerts],
      ['logs/late', late],
    ]),
  };
  const text = JSON.stringify({ max_future: '0s', ...options });
  const connector = patternConnector(settings, readYaml(config, text), outputs);
  return { connector, alerts, late, settings };
}

/** Body, severity and attributes as text of each alert. */
function alertsOf(sink: SinkConsumer) {
  return sink.batches.flatMap((batch) =>
    decodeTree('logs', batch).resourceLogs.flatMap(({ resource, scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) =>
        logRecords.map((record) => ({
          service: valueText(resource?.attributes[0]?.value),
          body: valueText(record.body),
          severity: record.severityNumber,
          time: Number(record.timeUnixNano / 1_000_000n) - START,
          trace: record.traceId.toString('hex'),
          attributes: Object.fromEntries(record.attributes.map(({ key, value }) => [key, valueText(value)])),
        })),
      ),
    ),
  );
}

async function end(connector: Connector): Promise<void> {
  await connector.watermark?.('', Number.POSITIVE_INFINITY);
  await connector.shutdown();
}

const AB = {
  key: ['user.id'],
  steps: [
    { name: 'a', contiguity: 'begin', where: { field: 'event.name', op: '==', value: 'a' } },
    { name: 'b', where: { field: 'event.name', op: '==', value: 'b' } },
  ],
};
const user = (id: string) => ({ 'user.id': id });

test('the example: errors right after the start of a session, and requests that failed after tool calls', async () => {
  const { connector, alerts } = open({ ...EXAMPLE.connectors.pattern, idle_timeout: '0s' });
  await connector.start(new NopHost());
  const ids = (n: number) => ({ ...user('u1'), 'event.id': `e${n}` });
  await connector.consume(
    logs([
      { name: 'user.session.start', at: 0, attributes: ids(1) },
      { name: 'system.error', at: 1000, attributes: ids(2) },
      { name: 'system.error', at: 3000, attributes: ids(4) },
      { name: 'system.error', at: 2000, attributes: ids(3) },
      { name: 'llm.request.start', at: 4000, trace: TRACE, span: '00000000000000a1' },
      { name: 'mcp.tool.call', at: 4100, trace: TRACE, span: '00000000000000a2' },
      { name: 'llm.request.failed', at: 4200, trace: TRACE, span: '00000000000000a3' },
    ]),
  );
  assert.deepEqual(alertsOf(alerts), []);
  await end(connector);
  const [session, chain, ...more] = alertsOf(alerts);
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...session, trace: undefined },
    {
      service: 'shop',
      body: 'User u1 experienced 3 errors in session',
      severity: 17,
      time: 3000,
      trace: undefined,
      attributes: {
        'alert.type': 'SESSION_ANOMALY',
        'alert.severity': 'HIGH',
        'alert.key': 'u1',
        'alert.first_time': '2023-11-14T22:13:20.000Z',
        'alert.last_time': '2023-11-14T22:13:23.000Z',
        'alert.count': '4',
        'alert.evidence': '["e1","e2","e3","e4"]',
        'alert.pattern': 'session_anomaly',
        'alert.steps': '{"errors":["e2","e3","e4"],"start":["e1"]}',
      },
    },
  );
  assert.equal(chain?.body, 'LLM request failed after 1 tool calls');
  assert.equal(chain?.trace, TRACE);
  assert.equal(chain?.attributes['alert.key'], TRACE);
  assert.equal(chain?.attributes['alert.evidence'], '["00000000000000a1","00000000000000a2","00000000000000a3"]');
});

test('placeholders: fields of the first and last event, of a step, the duration; more attributes', async () => {
  const alert = {
    message:
      '{{pattern}} {{first.user.id}} {{last.n}} {{steps.a.n}} {{steps.b.last.n}} {{duration_ms}} {{steps.b.count}}',
    attributes: { 'user.name': '{{ key }}', 'empty.one': '{{first.nothing}}' },
  };
  const { connector, alerts } = open({ out_of_orderness: '0s', patterns: { 'a b': { ...AB, alert } } });
  await connector.start(new NopHost());
  const with_ = (n: number) => ({ ...user('Zoë\0x'), n });
  await connector.consume(
    logs([
      { name: 'a', at: 5, attributes: with_(1) },
      { name: 'b', at: 9, attributes: with_(2) },
    ]),
  );
  await end(connector);
  const [found] = alertsOf(alerts);
  assert.equal(found?.body, 'a b Zoë x 2 1 2 4 1');
  assert.equal(found?.attributes['user.name'], 'Zoë\0x');
  assert.equal(found?.attributes['empty.one'], '');
  assert.equal(found?.attributes['alert.type'], 'A B');
});

test('a partial match whose time is over becomes an alert where one is wanted', async () => {
  const pattern = { ...AB, within: '1s', timeout_alert: { type: 'NO_ANSWER', severity: 'LOW' } };
  const { connector, alerts } = open({ out_of_orderness: '0s', patterns: { ab: pattern } });
  await connector.start(new NopHost());
  await connector.consume(
    logs([
      { name: 'a', at: 0, attributes: user('u') },
      { name: 'x', at: 1001, attributes: user('v') },
    ]),
  );
  const [found] = alertsOf(alerts);
  assert.equal(found?.attributes['alert.type'], 'NO_ANSWER');
  assert.equal(found?.attributes['alert.timeout'], 'true');
  assert.equal(found?.time, 1000);
  await end(connector);
});

test('late events go to the late pipeline; events without the key do not count', async () => {
  const { connector, alerts, late } = open({
    out_of_orderness: '1s',
    late_pipeline: 'logs/late',
    patterns: { ab: AB },
  });
  await connector.start(new NopHost());
  await connector.consume(
    logs([
      { name: 'x', at: 5000, attributes: user('u') },
      { name: 'a', at: 3000, attributes: user('u') },
    ]),
  );
  assert.equal(late.items, 1);
  await connector.consume(
    logs([
      { name: 'a', at: 6000 },
      { name: 'b', at: 7000 },
    ]),
  );
  await end(connector);
  assert.equal(alerts.items, 0);
});

test('spans: name, kind, status and duration', async () => {
  const where = {
    all: [
      { field: 'span.name', op: 'matches', value: '^GET ' },
      { field: 'span.kind', op: '==', value: 'server' },
      { not: { field: 'status.code', op: 'in', value: ['ok', 'unset'] } },
      { field: 'span.duration_ms', op: '>=', value: 500 },
      { field: 'resource.service.name', op: 'exists' },
    ],
  };
  const steps = [{ name: 'slow', contiguity: 'begin', where, quantifier: { times: 2 } }];
  const { connector, alerts } = open({ patterns: { slow: { key: ['resource.service.name'], steps } } });
  await connector.start(new NopHost());
  const span = (name: string, ms: number) => ({
    name,
    kind: 2,
    traceId: TRACE,
    spanId: '00000000000000a1',
    startTimeUnixNano: `${START}000000`,
    endTimeUnixNano: `${START + ms}000000`,
    status: { code: 2 },
  });
  const resource = { attributes: attributesOf({ 'service.name': 'shop' }) };
  const spans = [span('GET /a', 600), span('PUT /a', 700), span('GET /b', 499), span('GET /c', 500)];
  await connector.consume(batchOf('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }));
  await end(connector);
  assert.deepEqual(
    alertsOf(alerts).map(({ attributes }) => [attributes['alert.key'], attributes['alert.count']]),
    [['shop', '2']],
  );
});

test('state goes on in another process; that of a pattern that was changed does not', async () => {
  const kept = new Map<string, Buffer>();
  const state = (connector: unknown) => connector as import('../../core/checkpoint.ts').Checkpointed & Connector;
  const first = open({ patterns: { ab: AB } });
  const before = state(first.connector);
  await before.start(new NopHost());
  await before.consume(logs([{ name: 'a', at: 0, attributes: user('u') }]));
  await before.watermark?.('', START + 1);
  for (const [name, bytes] of before.snapshot('', 'all')) if (bytes !== undefined) kept.set(name, bytes);
  const resume = async (pattern: object) => {
    const next = open({ patterns: { ab: pattern } });
    const after = state(next.connector);
    after.restore('', kept, after.version);
    await after.start(new NopHost());
    await after.consume(logs([{ name: 'b', at: 2000, attributes: user('u') }]));
    await end(after);
    return [
      next.alerts.items,
      (next.settings.logger as import('../../core/testing/settings.ts').TestLogger).messages('warn'),
    ];
  };
  assert.deepEqual(await resume(AB), [1, []]);
  assert.deepEqual(await resume({ ...AB, within: '1h' }), [
    0,
    ['A pattern was changed: what was kept of it does not count'],
  ]);
  await before.shutdown();
});

test('what goes beyond a limit is counted and explained once', async () => {
  const quantifier = { oneOrMore: true, allowCombinations: true };
  const steps = [AB.steps[0], { ...AB.steps[1], contiguity: 'followedByAny', quantifier }];
  const { connector, alerts, settings } = open({
    max_partial_matches: 100,
    patterns: { many: { key: ['user.id'], steps } },
  });
  await connector.start(new NopHost());
  const events = Array.from({ length: 300 }, (_, i) => ({ name: i === 0 ? 'a' : 'b', at: i, attributes: user('u') }));
  await connector.consume(logs(events));
  await end(connector);
  assert.ok(alerts.items <= 20_000);
  const { logger } = settings as unknown as { logger: import('../../core/testing/settings.ts').TestLogger };
  const reasons = logger.messages('warn').map((line) => line.split(':')[1]?.trim());
  assert.equal(new Set(reasons).size, reasons.length);
  assert.ok(reasons[0]?.startsWith('max_partial_matches'));
});

test('configurations that are refused', () => {
  const refusal = (pattern: object, common: object = {}): string => {
    try {
      open({ patterns: { p: pattern }, ...common });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const [a, b] = AB.steps;
  const cases: [object, RegExp][] = [
    [{}, /at least one step/],
    [{ steps: [b] }, /step "b": the first step is `begin`/],
    [{ steps: [a, { ...b, contiguity: 'notFollowedBy' }] }, /step "b": notFollowedBy as the last step needs within/],
    [{ steps: [a, { ...b, quantifier: { greedy: true } }] }, /step "b": greedy needs times/],
    [{ steps: [a, { ...b, quantifier: { times: 'x' } }] }, /step "b": times is a number or a range/],
    [{ steps: [a, { ...b, where: { ottl: 'true' } }] }, /step "b": where: ottl: conditions in OTTL are not supported/],
    [{ steps: [a, { ...b, where: { field: 'x', op: '=~', value: 1 } }] }, /step "b": where: op is one of/],
    [{ steps: [a, { ...b, where: { field: 'x', op: 'matches', value: '(' } }] }, /step "b": where: /],
    [{ ...AB, after_match_skip: { skipToFirst: 'z' } }, /skipToFirst names "z"/],
    [{ ...AB, after_match_skip: 'skip' }, /after_match_skip is one of/],
    [{ ...AB, alert: { message: '{{steps.z.count}}' } }, /there is no such step/],
    [{ ...AB, alert: { message: '{{what}}' } }, /\{\{what\}\} is no placeholder/],
  ];
  for (const [pattern, message] of cases) assert.match(refusal(pattern), message);
  assert.match(refusal(AB, { idle_timeout: '-1s' }), /idle_timeout: must not be negative/);
  assert.match(refusal(AB, { max_keys: 0 }), /max_keys: must be at least 1/);
  assert.equal(refusal(AB), '');
});
