import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNALS, type Signal } from '../../signal.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { looseRequest, randomRequest } from '../../testing/random-telemetry.ts';
import { scan } from '../scan/scan.ts';
import { decodeTree, type Exemplar, type KeyValue, type Metric, type Span } from '../tree.ts';
import { ValueReader, ValueType, valueText } from '../value.ts';
import { encodeValue } from '../value-encode.ts';
import type { Attributes } from './attributes.ts';
import { DataPointReader, NO_RECORDED_VALUE } from './data-point.ts';
import { countItems, Groups } from './groups.ts';
import { LogRecordReader } from './log-record.ts';
import { MetricReader, MetricType } from './metric.ts';
import { ExemplarReader, SpanEventReader, SpanLinkReader } from './parts.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from './scope.ts';
import { SpanReader } from './span.ts';

const SEEDS = 100;
// biome-ignore lint/suspicious/noExplicitAny: data points of all kinds are compared by the fields they have
type Tree = any;

function batchOf(signal: Signal, seed: number): Telemetry {
  const request = seed % 2 === 0 ? looseRequest(signal, seed) : randomRequest(signal, seed);
  return Telemetry.of(signal, request, 0);
}

function keys(list: Attributes): string[] {
  const found: string[] = [];
  list.rewind();
  while (list.next()) found.push(list.key());
  return found;
}

function assertAttributes(list: Attributes, expected: readonly KeyValue[]): void {
  assert.deepEqual(
    keys(list),
    expected.map((a) => a.key),
  );
  const value = new ValueReader();
  for (const { key } of expected) {
    const first = expected.find((a) => a.key === key)?.value;
    assert.ok(list.find(Buffer.from(key)));
    value.read(list.buffer, list.valueStart, list.valueEnd);
    if (value.type === ValueType.STRING) assert.equal(value.string, first?.stringValue);
    else if (value.type === ValueType.INT) assert.equal(value.int, first?.intValue);
    else if (value.type === ValueType.BOOL) assert.equal(value.bool, first?.boolValue);
    else if (value.type === ValueType.DOUBLE) assert.equal(value.double, first?.doubleValue);
    else if (value.type === ValueType.BYTES) assert.deepEqual(value.bytes, first?.bytesValue);
    else if (value.type === ValueType.ARRAY) assert.notEqual(first?.arrayValue, undefined);
    else if (value.type === ValueType.MAP) assert.notEqual(first?.kvlistValue, undefined);
  }
  for (const { key } of expected) {
    for (const at of [0, -1]) {
      const other = Buffer.from(key);
      if (other.length > 0) other[at + (at < 0 ? other.length : 0)] = 0x01;
      if (other.length > 0) assert.equal(list.find(other), false);
    }
  }
}

/** Walks the batch, compares resources and scopes with the tree, and hands each member with its object to `visit`. */
function compare(signal: Signal, batch: Telemetry, visit: (at: Groups, member: Tree) => void): void {
  const [groups, scopes, members] = {
    traces: ['resourceSpans', 'scopeSpans', 'spans'],
    metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
    logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  }[signal] as [string, string, string];
  const at = new Groups().open(batch);
  const scopeReader = new ScopeReader();
  const resource = scopeReader.attributes;
  for (const group of (decodeTree(signal, batch) as Tree)[groups]) {
    assert.ok(at.nextResource());
    assert.equal(at.hasResource, group.resource !== undefined);
    resource.set(at.buffer, at.resourceStart, at.resourceEnd, RESOURCE_ATTRIBUTES);
    assertAttributes(resource, group.resource?.attributes ?? []);
    for (const scope of group[scopes]) {
      assert.ok(at.nextScope());
      scopeReader.read(at.buffer, at.scopeStart, at.scopeEnd);
      assert.equal(scopeReader.name, scope.scope?.name ?? '');
      assert.equal(scopeReader.version, scope.scope?.version ?? '');
      assertAttributes(scopeReader.attributes, scope.scope?.attributes ?? []);
      for (const member of scope[members]) {
        assert.ok(at.nextMember());
        visit(at, member);
      }
      assert.ok(!at.nextMember());
    }
    assert.ok(!at.nextScope());
  }
  assert.ok(!at.nextResource());
}

test('spans read as they decode', () => {
  const [reader, event, link] = [new SpanReader(), new SpanEventReader(), new SpanLinkReader()];
  for (let seed = 0; seed < SEEDS; seed++) {
    compare('traces', batchOf('traces', seed), (at, span: Span) => {
      reader.read(at.buffer, at.memberStart, at.memberEnd);
      assert.equal(reader.traceId, span.traceId.toString('hex'));
      assert.equal(reader.spanId, span.spanId.toString('hex'));
      assert.equal(reader.parentSpanId, span.parentSpanId.toString('hex'));
      assert.equal(reader.isRoot, span.parentSpanId.length === 0);
      for (const name of ['name', 'traceState', 'kind', 'flags', 'startTimeUnixNano', 'endTimeUnixNano'] as const) {
        assert.equal(reader[name], span[name]);
      }
      assert.equal(reader.statusCode, span.status?.code ?? 0);
      assert.equal(reader.statusMessage, span.status?.message ?? '');
      assertAttributes(reader.attributes, span.attributes);
      const { events, links } = reader;
      for (const expected of span.events) {
        assert.ok(events.next());
        event.read(events.buffer, events.messageStart, events.messageEnd);
        assert.deepEqual([event.name, event.timeUnixNano], [expected.name, expected.timeUnixNano]);
        assertAttributes(event.attributes, expected.attributes);
      }
      for (const expected of span.links) {
        assert.ok(links.next());
        link.read(links.buffer, links.messageStart, links.messageEnd);
        assert.equal(link.traceId + link.spanId, expected.traceId.toString('hex') + expected.spanId.toString('hex'));
        assert.deepEqual([link.traceState, link.flags], [expected.traceState, expected.flags]);
        assertAttributes(link.attributes, expected.attributes);
      }
      assert.ok(!events.next() && !links.next());
    });
  }
});

test('durations are exact where the times themselves are beyond 2^53', () => {
  const span = Buffer.alloc(18);
  span[0] = 0x39;
  span[9] = 0x41;
  for (const [start, end] of [
    [1_700_000_000_000_000_001n, 1_700_000_000_000_000_004n],
    [1_700_000_000_999_999_999n, 1_700_000_001_000_000_001n],
    [1_700_000_000_000_000_009n, 1_700_000_000_000_000_004n],
  ] as const) {
    span.writeBigUInt64LE(start, 1);
    span.writeBigUInt64LE(end, 10);
    assert.equal(new SpanReader().read(span, 0, 18).durationNanos, Number(end - start));
  }
});

test('log records read as they decode', () => {
  const reader = new LogRecordReader();
  for (let seed = 0; seed < SEEDS; seed++) {
    compare('logs', batchOf('logs', seed), (at, record) => {
      reader.read(at.buffer, at.memberStart, at.memberEnd);
      assert.equal(reader.traceId, record.traceId.toString('hex'));
      assert.equal(reader.spanId, record.spanId.toString('hex'));
      const names = ['timeUnixNano', 'observedTimeUnixNano', 'severityNumber', 'severityText', 'flags', 'eventName'];
      for (const name of names) assert.equal(reader[name as keyof LogRecordReader], record[name]);
      if (record.body?.stringValue !== undefined) {
        assert.equal(valueText(reader.buffer, reader.bodyStart, reader.bodyEnd), record.body.stringValue);
      }
      assertAttributes(reader.attributes, record.attributes);
    });
  }
});

const DATA_NAMES = {
  [MetricType.GAUGE]: 'gauge',
  [MetricType.SUM]: 'sum',
  [MetricType.HISTOGRAM]: 'histogram',
  [MetricType.EXPONENTIAL_HISTOGRAM]: 'exponentialHistogram',
  [MetricType.SUMMARY]: 'summary',
} as const;

test('metrics and their data points read as they decode', () => {
  const [reader, point] = [new MetricReader(), new DataPointReader()];
  for (let seed = 0; seed < SEEDS; seed++) {
    compare('metrics', batchOf('metrics', seed), (at, metric: Metric) => {
      reader.read(at.buffer, at.memberStart, at.memberEnd);
      for (const name of ['name', 'description', 'unit'] as const) assert.equal(reader[name], metric[name]);
      assertAttributes(reader.metadata, metric.metadata);
      const data: Tree = reader.type === MetricType.NONE ? undefined : metric[DATA_NAMES[reader.type]];
      assert.equal(
        data === undefined,
        Object.values(DATA_NAMES).every((name) => metric[name] === undefined),
      );
      assert.equal(reader.temporality, data?.aggregationTemporality ?? 0);
      assert.equal(reader.monotonic, data?.isMonotonic ?? false);
      for (const expected of data?.dataPoints ?? []) {
        assert.ok(reader.nextPoint());
        assertPoint(point.read(reader.type, reader.buffer, reader.pointStart, reader.pointEnd), expected);
      }
      assert.ok(!reader.nextPoint());
    });
  }
});

function assertPoint(point: DataPointReader, expected: Tree): void {
  const plain = ['startTimeUnixNano', 'timeUnixNano', 'flags', 'count', 'min', 'max', 'scale', 'zeroCount'];
  for (const name of [...plain, 'zeroThreshold', 'sum'] as (keyof DataPointReader)[]) {
    if (name in expected && !(name === 'sum' && point.type === MetricType.SUMMARY)) {
      assert.equal(point[name], expected[name], name);
    }
  }
  assertAttributes(point.attributes, expected.attributes);
  if (expected.asInt !== undefined) assert.equal(point.integerValue, expected.asInt);
  if (expected.asDouble !== undefined) assert.equal(point.value, expected.asDouble);
  if (expected.explicitBounds !== undefined) {
    assert.deepEqual(point.explicitBounds(), expected.explicitBounds);
    assert.deepEqual(point.bucketCounts(), expected.bucketCounts);
  }
  if (point.type === MetricType.EXPONENTIAL_HISTOGRAM) {
    for (const sign of ['positive', 'negative'] as const) {
      const { offset, bucketCounts } = expected[sign] ?? { offset: 0, bucketCounts: [] };
      assert.deepEqual(point.buckets(sign), { offset, counts: bucketCounts });
    }
  }
  if (point.type === MetricType.SUMMARY) {
    assert.deepEqual(point.quantiles(), expected.quantileValues);
    assert.equal(point.sum ?? 0, expected.sum);
  }
  assertExemplars(point, expected.exemplars ?? []);
}

function assertExemplars(point: DataPointReader, expected: readonly Exemplar[]): void {
  const reader = new ExemplarReader();
  const { exemplars } = point;
  for (const exemplar of expected) {
    assert.ok(exemplars.next());
    reader.read(exemplars.buffer, exemplars.messageStart, exemplars.messageEnd);
    assert.equal(reader.traceId, exemplar.traceId.toString('hex'));
    assert.equal(reader.spanId, exemplar.spanId.toString('hex'));
    assert.equal(reader.timeUnixNano, exemplar.timeUnixNano);
    assert.equal(reader.value, exemplar.asDouble ?? Number(exemplar.asInt ?? 0n));
    assertAttributes(reader.attributes, exemplar.filteredAttributes);
  }
}

test('a point may say that it has no value', () => {
  const point = new DataPointReader().read(MetricType.GAUGE, Buffer.from([0x40, NO_RECORDED_VALUE]), 0, 2);
  assert.deepEqual([point.flags & NO_RECORDED_VALUE, point.valueAt, point.value], [1, -1, 0]);
});

test('items are counted as the scan counts them, over all ranges', () => {
  for (const signal of SIGNALS) {
    const batches = [1, 2, 3, 4].map((seed) => batchOf(signal, seed));
    const counts = batches.map((b) => scan(signal, b.bytes(), 0, b.byteLength));
    assert.equal(
      countItems(signal, Telemetry.join(batches)),
      counts.reduce((a, b) => a + b, 0),
    );
  }
});

test('values as text, as the collector has them', () => {
  const cases: [Parameters<typeof encodeValue>[0], string][] = [
    [null, ''],
    ['text', 'text'],
    [true, 'true'],
    [-5, '-5'],
    [2n ** 63n - 1n, '9223372036854775807'],
    [1.5, '1.5'],
    [1e-7, '1e-7'],
    [1e21, '1e+21'],
    [-0.1, '-0.1'],
    [Number.NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [Buffer.from('hi?'), 'aGk/'],
    [[], '[]'],
    [{}, '{}'],
    [{ b: 1, a: ['<&>', null, false, 0.5, Buffer.from('x')] }, '{"a":["<&>",null,false,0.5,"eA=="],"b":1}'],
    [{ '\u{1f600}': 1, '\uff00': 2 }, '{"\uff00":2,"\u{1f600}":1}'],
    [['\u2028\n"'], '["\\u2028\\n\\""]'],
    [[Number.NaN], ''],
  ];
  for (const [plain, text] of cases) {
    const value = encodeValue(plain);
    assert.equal(valueText(value, 0, value.length), text);
  }
});
