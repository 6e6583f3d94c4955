import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { Attributes } from '../readers/attributes.ts';
import { Temporality } from '../readers/metric.ts';
import { RESOURCE_ATTRIBUTES } from '../readers/scope.ts';
import { scan } from '../scan/scan.ts';
import { decodeTree, type KeyValue, type Metric } from '../tree.ts';
import { encodeString, encodeValue } from '../value-encode.ts';
import { AttributeList, attributesIn, copyAttributes } from './attribute-list.ts';
import { Exemplars } from './exemplars.ts';
import { ExponentialHistogram } from './exponential-histogram.ts';
import { encodeBounds } from './fixed64.ts';
import { MetricsBuilder } from './metrics-builder.ts';

const KEY = Buffer.from('key');
const attributes = new AttributeList().put(KEY, encodeString('value')).encode();
const head = { attributes, startTime: 1n, time: 2n ** 63n };

/** The metrics of a batch that passes the scan. */
function metricsOf(batch: Telemetry): readonly Metric[] {
  const bytes = batch.bytes();
  assert.equal(scan('metrics', bytes, 0, bytes.length), batch.items);
  return decodeTree('metrics', batch).resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics));
}

const texts = (list: readonly KeyValue[] = []) => list.map(({ key, value }) => [key, value?.stringValue]);

function build(write: (builder: MetricsBuilder) => void): readonly Metric[] {
  const builder = new MetricsBuilder();
  builder.openResource(attributes);
  builder.openScope('scope');
  write(builder);
  builder.closeScope();
  builder.closeResource();
  return metricsOf(builder.finish());
}

test('resource, scope, sum and gauge', () => {
  const builder = new MetricsBuilder();
  builder.openResource(attributes);
  builder.openScope('scope');
  builder.openSum({ name: 'calls', description: 'how many', unit: '1' }, Temporality.CUMULATIVE, true);
  for (const value of [0, 7, 2 ** 40 + 1, -1]) builder.integerPoint(head, value);
  builder.closeMetric();
  builder.openGauge({ name: 'level' });
  builder.doublePoint({ ...head, startTime: 0n }, -0.5);
  builder.closeMetric();
  builder.closeScope();
  builder.closeResource();
  const batch = builder.finish();
  const [resource] = decodeTree('metrics', batch).resourceMetrics;
  assert.deepEqual(texts(resource?.resource?.attributes), [['key', 'value']]);
  assert.equal(resource?.scopeMetrics[0]?.scope?.name, 'scope');
  const [sum, gauge] = metricsOf(batch);
  assert.deepEqual([sum?.name, sum?.description, sum?.unit], ['calls', 'how many', '1']);
  assert.deepEqual([sum?.sum?.isMonotonic, sum?.sum?.aggregationTemporality], [true, Temporality.CUMULATIVE]);
  assert.deepEqual(
    sum?.sum?.dataPoints.map((point) => point.asInt),
    [0n, 7n, 2n ** 40n + 1n, -1n],
  );
  const [point] = sum?.sum?.dataPoints ?? [];
  assert.deepEqual([point?.startTimeUnixNano, point?.timeUnixNano], [1n, 2n ** 63n]);
  assert.deepEqual(texts(point?.attributes), [['key', 'value']]);
  assert.equal(gauge?.gauge?.dataPoints[0]?.asDouble, -0.5);
});

test('histograms with bounds, and with none', () => {
  const [metric] = build((builder) => {
    builder.openHistogram({ name: 'h' }, Temporality.DELTA);
    builder.histogramPoint(head, 6, 1.5, Float64Array.of(1, 2, 3), encodeBounds([0.5, 10]));
    builder.histogramPoint(head, 2, 1, Float64Array.of(2), encodeBounds([]));
    builder.closeMetric();
  });
  assert.equal(metric?.histogram?.aggregationTemporality, Temporality.DELTA);
  const [first, second] = metric?.histogram?.dataPoints ?? [];
  assert.deepEqual([first?.count, first?.sum, first?.min], [6n, 1.5, undefined]);
  assert.deepEqual(
    [first?.bucketCounts, first?.explicitBounds],
    [
      [1n, 2n, 3n],
      [0.5, 10],
    ],
  );
  assert.deepEqual([second?.bucketCounts, second?.explicitBounds], [[2n], []]);
  assert.deepEqual(texts(second?.attributes), [['key', 'value']]);
});

test('exponential histograms', () => {
  const histogram = new ExponentialHistogram(0);
  for (const value of [0, 1, 4, 4]) histogram.record(value, 1);
  const [metric] = build((builder) => {
    builder.openExponentialHistogram({ name: 'e' }, Temporality.CUMULATIVE);
    builder.exponentialPoint(head, histogram);
    builder.exponentialPoint(head, new ExponentialHistogram(0));
    builder.closeMetric();
  });
  const [point, empty] = metric?.exponentialHistogram?.dataPoints ?? [];
  assert.deepEqual([point?.count, point?.zeroCount, point?.sum, point?.min, point?.max], [4n, 1n, 9, 0, 4]);
  // (1/2, 1] is -1 at scale 0; 160 buckets allow 2^6 steps between powers of two
  assert.deepEqual([point?.scale, point?.positive?.offset], [6, -1]);
  assert.deepEqual(
    point?.positive?.bucketCounts.filter((count) => count > 0n),
    [1n, 2n],
  );
  assert.deepEqual([empty?.count, empty?.min, empty?.scale, empty?.positive], [0n, undefined, 0, undefined]);
});

test('exemplars have the time of their point', () => {
  const exemplars = new Exemplars();
  const ids = Buffer.from([...Array(16).fill(7), ...Array(8).fill(9)]);
  exemplars.add(ids, 0, 16, 1.25);
  exemplars.add(ids, 0, -1, 2);
  const [metric] = build((builder) => {
    builder.openSum({ name: 's' }, Temporality.DELTA, false);
    builder.integerPoint({ ...head, exemplars }, 1);
    builder.closeMetric();
  });
  const [first, second] = metric?.sum?.dataPoints[0]?.exemplars ?? [];
  assert.deepEqual([first?.timeUnixNano, first?.asDouble], [head.time, 1.25]);
  assert.deepEqual([first?.traceId, first?.spanId], [ids.subarray(0, 16), ids.subarray(16)]);
  assert.equal(second?.spanId.length, 0);
});

test('nothing written is an empty batch, and a builder can be used again', () => {
  const builder = new MetricsBuilder();
  assert.deepEqual([builder.finish().items, builder.finish().byteLength], [0, 0]);
  builder.openResource(Buffer.alloc(0));
  builder.closeResource();
  assert.equal(decodeTree('metrics', builder.finish()).resourceMetrics.length, 1);
  assert.equal(builder.finish().byteLength, 0);
});

test('many points make lengths of many bytes', () => {
  const points = 20_000;
  const [metric] = build((builder) => {
    builder.openSum({ name: 's' }, Temporality.DELTA, true);
    for (let i = 0; i < points; i++) builder.integerPoint(head, i);
    builder.closeMetric();
  });
  assert.equal(metric?.sum?.dataPoints.length, points);
});

test('an attribute that is put twice has the second value, at its first place', () => {
  const list = new AttributeList().put(KEY, encodeValue(1)).put(Buffer.from('b'), encodeValue(true));
  const found = attributesIn(list.put(Buffer.from('key'), encodeValue(null)).encode());
  const seen: [string, number][] = [];
  while (found.next()) seen.push([found.key(), found.valueEnd - found.valueStart]);
  assert.deepEqual(seen, [
    ['key', 0],
    ['b', 2],
  ]);
});

test('attributes are copied whatever the form of their tags', () => {
  const field = [5, 0x0a, 1, 0x61, 0x12, 0];
  for (const tag of [[0x0a], [0x8a, 0x00]]) {
    const received = Buffer.from([...tag, ...field]);
    const list = copyAttributes(new Attributes().set(received, 0, received.length, RESOURCE_ATTRIBUTES));
    const builder = new MetricsBuilder();
    builder.openResource(list);
    builder.closeResource();
    const [group] = decodeTree('metrics', builder.finish()).resourceMetrics;
    assert.deepEqual(texts(group?.resource?.attributes), [['a', undefined]]);
  }
});
