import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diff, lacks } from './diff.ts';
import { type Compare, type Json, normalise } from './normalise.ts';

const spans = (service: string, ...names: string[]): Json => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [{ scope: {}, spans: names.map((name) => ({ name, droppedAttributesCount: 0 })) }],
    },
  ],
});
const same = (a: Json[], b: Json[], compare: Compare = {}) => diff(normalise(a, compare), normalise(b, compare), 'doc');

test('batching, order and spelled-out defaults make no difference', () => {
  const whole = [spans('a', 'x', 'y'), spans('b', 'z')];
  const parts = [spans('b', 'z'), spans('a', 'y'), spans('a', 'x')];
  assert.equal(same(whole, parts), undefined);
  assert.match(same(whole, parts, { lines: 'sizes' }) ?? '', /lineSizes/);
});

test('a missing, changed or additional item makes one, and it is named', () => {
  assert.match(same([spans('a', 'x', 'y')], [spans('a', 'x')]) ?? '', /has 1 entries, expected 2; missing .*"y"/);
  assert.match(same([spans('a', 'x')], [spans('a', 'w')]) ?? '', /name is "w", expected "x"/);
  assert.match(same([spans('a', 'x')], [spans('a', 'x'), spans('c', 'x')]) ?? '', /unexpected/);
});

test('an empty value is not a missing one, a number as text is a number', () => {
  const log = (value: Json): Json => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: value }] }] }] });
  assert.notEqual(same([log({ stringValue: '' })], [log({})]), undefined);
  assert.equal(same([log({ intValue: 5 })], [log({ intValue: '5' })]), undefined);
});

test('delta points of a series add up', () => {
  const points = (...values: string[]): Json => ({
    resourceMetrics: [
      { scopeMetrics: [{ metrics: [{ name: 'm', sum: { dataPoints: values.map((asInt) => ({ asInt })) } }] }] },
    ],
  });
  assert.equal(same([points('1', '2'), points('4')], [points('7')], { metrics: 'sum' }), undefined);
  assert.equal(same([points('1', '2')], [points('2')], { metrics: 'last' }), undefined);
});

test('numbers agree within a tolerance, words for numbers too', () => {
  assert.equal(diff({ v: 1 }, { v: 1 + 1e-12 }, 'd'), undefined);
  assert.notEqual(diff({ v: 1 }, { v: 1.001 }, 'd'), undefined);
  assert.equal(diff({ v: 'NaN' }, { v: 'NaN' }, 'd'), undefined);
});

test('a subset may leave out fields, but not values', () => {
  assert.equal(lacks({ a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }), undefined);
  assert.equal(lacks({ a: { b: 1 } }, { a: { c: 2 } }), 'body.a.b missing');
});
