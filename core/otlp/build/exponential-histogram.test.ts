import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../testing/random-telemetry.ts';
import { ExponentialHistogram } from './exponential-histogram.ts';

const filled = (maxSize: number, ...values: number[]): ExponentialHistogram => {
  const histogram = new ExponentialHistogram(maxSize);
  for (const value of values) histogram.record(value, 1);
  return histogram;
};
const shape = (h: ExponentialHistogram): [number, number, number[]] => [h.scale, h.offset, [...h.bucketCounts]];

test('one value has the finest scale, zeros have none', () => {
  assert.deepEqual(shape(filled(160, 1)), [20, -1, [1]]);
  assert.deepEqual(shape(filled(160, 0, 0)), [0, 0, []]);
  assert.equal(filled(160, 0, 0).zeroCount, 2);
});

test('upper bounds belong to the bucket below them', () => {
  assert.deepEqual(shape(filled(4, 2, 4, 1)), [0, -1, [1, 1, 1]]);
  assert.deepEqual(shape(filled(4, 4, 4, 4, 1, 8, 0.5)), [-1, -1, [2, 3, 1]]);
  assert.deepEqual(shape(filled(2, 0.5, 0.25, 0.125)), [-1, -2, [2, 1]]);
});

test('limits of the size', () => {
  for (const [given, most] of [
    [0, 160],
    [-5, 160],
    [1, 2],
    [20, 20],
  ] as const) {
    const histogram = new ExponentialHistogram(given);
    for (let i = 0; i < 1000; i++) histogram.record(1.1 ** (i % 300), 1);
    const size = histogram.bucketCounts.length;
    assert.ok(size <= most && size > most / 2 - 1, `${given}: ${size}`);
  }
});

test('the whole range of numbers fits into two buckets', () => {
  const histogram = filled(2, Number.MIN_VALUE, 2 ** -1022, 1, Number.MAX_VALUE);
  assert.deepEqual(shape(histogram), [-10, -1, [3, 1]]);
});

test('values are in buckets whose bounds hold them, and none is lost', () => {
  const random = seededRandom(7);
  for (const size of [2, 7, 160]) {
    const histogram = new ExponentialHistogram(size);
    const values: number[] = [];
    for (let i = 0; i < 3000; i++) {
      const value = 10 ** (random() * (i / 300) - 2);
      values.push(value);
      histogram.record(value, 3);
    }
    const expected = new Array<number>(histogram.bucketCounts.length).fill(0);
    for (const value of values) {
      const bucket = Math.ceil(Math.log2(value) * 2 ** histogram.scale) - 1 - histogram.offset;
      expected[bucket] = (expected[bucket] ?? 0) + 3;
    }
    assert.deepEqual([...histogram.bucketCounts], expected, `size ${size}`);
    assert.deepEqual([histogram.count, histogram.min], [9000, Math.min(...values)]);
    assert.equal(histogram.max, Math.max(...values));
  }
});
