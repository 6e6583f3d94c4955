import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { MetricReader } from '../../core/otlp/readers/metric.ts';
import { Streams } from './streams.ts';

/** Looks up the stream of one point of this metric with this start time; tells whether it was new. */
function finder(limit: number) {
  const streams = new Streams(1, limit);
  const find = (name: string, startTimeUnixNano: string) => {
    const metrics = [{ name, sum: { dataPoints: [{ startTimeUnixNano }] } }];
    const { bytes } = decodeJson(
      'metrics',
      Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })),
    );
    const groups = new Groups().open({ ranges: [{ buffer: bytes, start: 0, end: bytes.length }] });
    assert.ok(groups.nextResource() && groups.nextScope() && groups.nextMember());
    const metric = new MetricReader().read(bytes, groups.memberStart, groups.memberEnd);
    streams.openMetric(groups, metric);
    assert.ok(metric.nextPoint());
    streams.find(new DataPointReader().read(metric.type, bytes, metric.pointStart, metric.pointEnd), 1);
    return streams.isNew;
  };
  return { streams, find };
}

test('with too many streams those that went longest without a point are forgotten', () => {
  const { streams, find } = finder(4);
  for (const start of ['1', '2', '3', '4']) assert.ok(find('m', start));
  assert.equal(find('m', '1'), false);
  assert.ok(find('m', '5'));
  assert.equal(streams.count, 3);
  assert.deepEqual(
    ['1', '4', '5'].map((start) => find('m', start)),
    [false, false, false],
  );
  assert.ok(find('m', '2'), 'was forgotten');
});

test('a metric whose streams were all forgotten is known again when it comes', () => {
  const { streams, find } = finder(100);
  assert.ok(find('a', '1'));
  assert.ok(find('b', '1'));
  streams.removeBefore(1, 0);
  assert.equal(streams.count, 0);
  assert.ok(find('a', '1'));
  assert.ok(find('b', '1'));
  assert.equal(find('a', '1'), false);
  assert.equal(streams.count, 2);
});
