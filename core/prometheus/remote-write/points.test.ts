import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataPointReader } from '../../otlp/readers/data-point.ts';
import { Groups } from '../../otlp/readers/groups.ts';
import { MetricReader, MetricType } from '../../otlp/readers/metric.ts';
import { encodeTree } from '../../otlp/tree.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { exemplarsOf, nativeHistogram } from './points.ts';

/** The reader on an exponential histogram. */
function point(fields: object): DataPointReader {
  const base = {
    attributes: [],
    startTimeUnixNano: 0n,
    timeUnixNano: 1_760_000_000_123_456_789n,
    count: 0n,
    scale: 0,
    zeroCount: 0n,
    positive: undefined,
    negative: undefined,
    flags: 0,
    exemplars: [],
    zeroThreshold: 0,
  };
  const metric = {
    name: 'h',
    description: '',
    unit: '',
    metadata: [],
    exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ ...base, ...fields }] },
  };
  const bytes = encodeTree('metrics', {
    resourceMetrics: [
      { resource: undefined, schemaUrl: '', scopeMetrics: [{ scope: undefined, schemaUrl: '', metrics: [metric] }] },
    ],
  } as never);
  const groups = new Groups().open(Telemetry.of('metrics', bytes, 1));
  groups.nextResource();
  groups.nextScope();
  groups.nextMember();
  const reader = new MetricReader().read(groups.buffer, groups.memberStart, groups.memberEnd);
  reader.nextPoint();
  return new DataPointReader().read(
    MetricType.EXPONENTIAL_HISTOGRAM,
    groups.buffer,
    reader.pointStart,
    reader.pointEnd,
  );
}
const at = { timestampMs: 1, stale: false };

test('buckets have the number of their upper bound, and empty ones are left out', () => {
  const histogram = nativeHistogram(point({ positive: { offset: -1, bucketCounts: [2n, 0n, 3n] } }), at);
  assert.deepEqual(
    [...histogram.positive],
    [
      [0, 2n],
      [2, 3n],
    ],
  );
  assert.equal(histogram.zeroThreshold, 1e-128);
});

test('finer scales than Prometheus has are merged', () => {
  const histogram = nativeHistogram(point({ scale: 9, negative: { offset: 0, bucketCounts: [0n, 0n, 3n, 4n] } }), at);
  assert.equal(histogram.schema, 8);
  assert.deepEqual([...histogram.negative], [[2, 7n]]);
  assert.throws(() => nativeHistogram(point({ scale: -5 }), at), /Scale must be >= -4, was -5/);
});

test('an exemplar keeps its ids when its attributes are too long', () => {
  const exemplar = (text: string) => ({
    filteredAttributes: [
      { key: 'b', value: { stringValue: text } },
      { key: 'span_id', value: { stringValue: 'x' } },
    ],
    timeUnixNano: 5_999_999n,
    asInt: 3n,
    spanId: Buffer.alloc(8, 1),
    traceId: Buffer.alloc(16),
  });
  const id = ['span_id', '01'.repeat(8)];
  const exemplars = exemplarsOf(point({ exemplars: [exemplar('a'), exemplar('ü'.repeat(200))] }));
  assert.deepEqual(exemplars[0], { labels: [['b', 'a'], id], value: 3, timestampMs: 5 });
  assert.deepEqual(exemplars[1]?.labels, [id]);
});
