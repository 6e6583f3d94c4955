import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addExponential } from './exponential-add.ts';
import type { ExponentialHistogramDataPoint } from './tree.ts';

function point(more: Partial<ExponentialHistogramDataPoint>): ExponentialHistogramDataPoint {
  const base = { attributes: [], startTimeUnixNano: 0n, timeUnixNano: 1n, flags: 0, exemplars: [] };
  return {
    ...base,
    count: 0n,
    sum: 0,
    scale: 0,
    zeroCount: 0n,
    positive: undefined,
    negative: undefined,
    zeroThreshold: 0,
    ...more,
  };
}

test('the sum lies on the lower scale, from the first start on', () => {
  const before = point({
    startTimeUnixNano: 5n,
    count: 3n,
    sum: 1.5,
    scale: 1,
    positive: { offset: 1, bucketCounts: [1n, 1n, 1n] },
  });
  const next = point({
    timeUnixNano: 9n,
    count: 2n,
    sum: 2,
    zeroCount: 1n,
    positive: { offset: 2, bucketCounts: [1n] },
  });
  addExponential(before, next);
  assert.deepEqual(next, {
    ...point({}),
    startTimeUnixNano: 5n,
    timeUnixNano: 9n,
    count: 5n,
    sum: 3.5,
    zeroCount: 1n,
    positive: { offset: 0, bucketCounts: [1n, 2n, 1n] },
    negative: { offset: 0, bucketCounts: [] },
  });
});

test('buckets below the greater zero threshold are zeros', () => {
  const before = point({ count: 2n, positive: { offset: -2, bucketCounts: [1n, 1n] } });
  const next = point({ zeroThreshold: 0.5 });
  addExponential(before, next);
  assert.equal(next.zeroCount, 1n);
  assert.deepEqual(next.positive, { offset: -1, bucketCounts: [1n] });
});

test('buckets far apart lower the scale instead of filling the memory', () => {
  const before = point({ count: 1n, scale: 20, positive: { offset: -(2 ** 30), bucketCounts: [1n] } });
  const next = point({ count: 1n, scale: 20, positive: { offset: 2 ** 30, bucketCounts: [1n] } });
  addExponential(before, next);
  assert.equal(next.scale, 0);
  assert.ok((next.positive?.bucketCounts.length ?? 0) <= 4097);
});
