import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJson } from '../otlp/json/decode.ts';
import type { Attributes } from '../otlp/readers/attributes.ts';
import { LogRecordReader } from '../otlp/readers/log-record.ts';
import { MetricReader } from '../otlp/readers/metric.ts';
import { SpanReader } from '../otlp/readers/span.ts';
import type { Signal } from '../signal.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { FieldValues, parseField } from './fields.ts';
import { Members } from './members.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

/** The values of some fields of every item. */
function valuesOf(signal: Signal, json: object, names: readonly string[]): string[][] {
  const fields = new FieldValues(names, signal);
  const [record, span, metric] = [new LogRecordReader(), new SpanReader(), new MetricReader()];
  const found: string[][] = [];
  const members = new Members({
    resource: (attributes: Attributes) => fields.resource(attributes),
    member(buffer, start, end) {
      if (signal === 'logs') fields.item(record.read(buffer, start, end), record.attributes);
      else if (signal === 'traces') fields.item(span.read(buffer, start, end), span.attributes);
      else fields.item(metric.read(buffer, start, end), undefined);
      found.push([...fields.values]);
    },
  });
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(json)));
  members.walk(Telemetry.of(signal, bytes, items));
  return found;
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

test('fields of log records: of the record, of its resource, of either', () => {
  const names = ['resource.a', 'attributes.a', 'a', 'b', 'event.name', 'severity_text', 'trace_id', 'body', 'none'];
  const resource = { attributes: [text('a', 'R'), text('b', 'RB')] };
  const logRecords = [
    {
      attributes: [text('a', 'I'), { key: 'n', value: { intValue: '5' } }],
      ...{ eventName: 'login', severityText: 'WARN', traceId: TRACE, body: { stringValue: 'text' } },
    },
    { attributes: [text('event.name', 'old')] },
  ];
  const json = { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }, { scopeLogs: [{ logRecords: [{}] }] }] };
  assert.deepEqual(valuesOf('logs', json, names), [
    ['R', 'I', 'I', 'RB', 'login', 'WARN', TRACE, 'text', ''],
    ['R', '', 'R', 'RB', 'old', '', '', '', ''],
    ['', '', '', '', '', '', '', '', ''],
  ]);
});

test('an attribute that is there and empty does not give way to the resource', () => {
  const json = {
    resourceLogs: [
      { resource: { attributes: [text('a', 'R')] }, scopeLogs: [{ logRecords: [{ attributes: [text('a', '')] }] }] },
    ],
  };
  assert.deepEqual(valuesOf('logs', json, ['a']), [['']]);
});

test('values that are no text are read as text', () => {
  const values = [
    { intValue: '-5' },
    { doubleValue: 1.5 },
    { boolValue: true },
    { arrayValue: { values: [{ intValue: '1' }] } },
  ];
  const attributes = values.map((value, i) => ({ key: `${i}`, value }));
  const json = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes }] }] }] };
  assert.deepEqual(valuesOf('logs', json, ['0', '1', '2', '3']), [['-5', '1.5', 'true', '[1]']]);
});

test('fields of spans and metrics', () => {
  const spans = [{ name: 'GET /', traceId: TRACE, attributes: [text('a', 'x')] }];
  assert.deepEqual(
    valuesOf('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] }, ['span.name', 'trace_id', 'a']),
    [['GET /', TRACE, 'x']],
  );
  const metrics = [{ name: 'cpu', unit: '1', gauge: {} }];
  assert.deepEqual(
    valuesOf('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }, ['metric.name', 'metric.unit']),
    [['cpu', '1']],
  );
});

test('what every object has is the name of an attribute like any other', () => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    assert.equal(parseField(name, 'logs').place, 'any');
    const json = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes: [text(name, 'v')] }] }] }] };
    assert.deepEqual(valuesOf('logs', json, [name]), [['v']]);
  }
});

test('a name is built in for its signal only', () => {
  assert.equal(parseField('metric.name', 'metrics').place, 'built-in');
  assert.equal(parseField('metric.name', 'logs').place, 'any');
});

test('fields that no point changes are known', () => {
  assert.equal(new FieldValues(['resource.a', 'metric.name'], 'metrics').perMetric, true);
  assert.equal(new FieldValues(['resource.a', 'a'], 'metrics').perMetric, false);
});
