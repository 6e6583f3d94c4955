import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttributeList, attributesIn } from '../otlp/build/attribute-list.ts';
import type { Attributes } from '../otlp/readers/attributes.ts';
import { encodeDouble, encodeString, encodeValue } from '../otlp/value-encode.ts';
import { adjustedCount } from './adjusted-count.ts';
import { attributesMatching } from './attribute-globs.ts';
import { AttributeLookup } from './attribute-lookup.ts';
import { KeyRows } from './key-rows.ts';
import { KeyWriter } from './key-writer.ts';
import { SeriesSet } from './series-set.ts';
import { TimeRange } from './time-range.ts';

const writer = new KeyWriter(12_345);
function keyOf(text: string): KeyWriter {
  writer.begin();
  writer.text(text);
  writer.finish();
  return writer;
}

test('rows of keys stay theirs while the table grows and shrinks', () => {
  const rows = new KeyRows();
  const texts = Array.from({ length: 5000 }, (_, i) => 'k'.repeat(i % 90) + i);
  for (const [i, text] of texts.entries()) {
    assert.equal(rows.find(keyOf(text)), -1);
    assert.equal(rows.add(keyOf(text)), i);
  }
  for (const [i, text] of texts.entries()) assert.equal(rows.find(keyOf(text)), i);
  const kept = rows.filter((row) => row % 3 === 0) ?? [];
  assert.deepEqual([rows.size, kept[1], kept[1000]], [1667, 3, 3000]);
  for (const [i, text] of texts.entries()) assert.equal(rows.find(keyOf(text)), i % 3 === 0 ? i / 3 : -1);
  assert.equal(
    rows.filter(() => true),
    undefined,
  );
  rows.clear();
  assert.equal(rows.find(keyOf(texts[0] ?? '')), -1);
});

test('keys fill many pages, and one that is longer than a page has its own', () => {
  const rows = new KeyRows();
  const texts = Array.from({ length: 4000 }, (_, i) => `${'k'.repeat(i % 700 === 699 ? 300_000 : i % 300)}${i}`);
  for (const [i, text] of texts.entries()) assert.equal(rows.add(keyOf(text)), i);
  const found = (row: number): string => {
    const start = rows.startOf(row);
    const bytes = rows.bytesOf(row);
    return bytes.toString('latin1', start + 4, start + bytes.readInt32LE(start));
  };
  for (const [i, text] of texts.entries()) {
    assert.equal(rows.find(keyOf(text)), i);
    assert.equal(found(i), text);
    assert.deepEqual(rows.keyAt(i), keyOf(text).take());
  }
  assert.equal(rows.filter((row) => row % 7 !== 0)?.length, 3428);
  assert.equal(found(598), texts[699 - 1]);
  for (const [i, text] of texts.entries()) assert.equal(rows.find(keyOf(text)) >= 0, i % 7 !== 0);
});

test('keys that collide, and keys that differ only in zeros at the end, are told apart', () => {
  const rows = new KeyRows();
  const texts = ['', '\0', '\0\0', 'a', 'a\0', 'a\0\0\0'];
  for (const [i, text] of texts.entries()) {
    keyOf(text).hash = 1;
    assert.equal(rows.find(writer), -1, JSON.stringify(text));
    assert.equal(rows.add(writer), i);
  }
  for (const [i, text] of texts.entries()) {
    keyOf(text).hash = 1;
    assert.equal(rows.find(writer), i);
  }
});

test('values go into keys as text', () => {
  const textOf = (value: Buffer): string => {
    writer.begin();
    writer.valueText(value, 0, value.length);
    writer.finish();
    return writer.bytes.toString('utf8', 4, 4 + (writer.words[0] ?? 0) - 4);
  };
  for (const number of [0, 1, 9, 10, 200, 99_999, 2_097_151, 2_097_152, -1, 2 ** 53]) {
    assert.equal(textOf(encodeValue(number)), String(number));
  }
  assert.equal(textOf(encodeString('ü'.repeat(300))), 'ü'.repeat(300));
  assert.deepEqual(
    [textOf(encodeValue(true)), textOf(encodeValue(null)), textOf(encodeDouble(0.5))],
    ['true', '', '0.5'],
  );
  assert.equal(textOf(encodeValue(['a', 1])), '["a",1]');
});

test('a long key does not keep its memory', () => {
  writer.begin();
  writer.text('x'.repeat(1 << 20));
  writer.finish();
  writer.begin();
  assert.ok(writer.bytes.length < 1 << 16);
});

const KEYS = ['b', 'a.x', 'a.y', 'c'];
function list(...names: string[]): Attributes {
  const attributes = new AttributeList();
  for (const name of names) attributes.put(Buffer.from(name), encodeString(`of ${name}`));
  return attributesIn(attributes.encode());
}

test('a lookup finds several attributes in one walk', () => {
  const lookup = new AttributeLookup(KEYS.map((key) => Buffer.from(key)));
  lookup.scan(list('c', 'other', 'b'));
  const found = KEYS.map((_, i) =>
    (lookup.starts[i] ?? -1) < 0 ? '' : lookup.buffer.toString('utf8', (lookup.starts[i] ?? 0) + 2, lookup.ends[i]),
  );
  assert.deepEqual(found, ['of b', '', '', 'of c']);
  assert.ok(lookup.scan(list()).starts.every((start) => start === -1));
});

test('attributes that globs match: by source, sorted, each name once', () => {
  const globs = [(name: string) => name.startsWith('a'), (name: string) => name === 'c'];
  const found = attributesMatching(globs, [[list('c', 'a.y')], [list('a.x', 'a.y', 'b'), list('a.x', 'a.a')]]);
  assert.deepEqual(
    found.map(({ key }) => key.toString()),
    ['a.y', 'c', 'a.a', 'a.x'],
  );
});

test('times from the earliest to the latest; zero is none', () => {
  const times = new TimeRange();
  const buffer = Buffer.alloc(8);
  for (const time of [0n, 2n ** 40n, 5n, 2n ** 63n, 2n ** 40n + 1n]) {
    buffer.writeBigUInt64LE(time);
    times.add(buffer, 0);
  }
  times.add(buffer, -1);
  assert.deepEqual([times.start, times.end, times.isEmpty], [5n, 2n ** 63n, false]);
  times.clear();
  assert.equal(times.isEmpty, true);
});

test('a tracestate with a threshold stands for more spans than one', () => {
  const never = () => 0.999_999;
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['ot=th:8', 2],
    ['ot=th:c', 4],
    ['ot=th:0', 1],
    ['ot=th:ffffffffffffff', 2 ** 56],
    ['a=b, ot=rv:00000000000001;th:8', 2],
    ['ot=th:8,,', 2],
    ['t1@v=x,ot=th:8', 2],
    ['', undefined],
    ['vendor=x', undefined],
    ['ot=rv:00000000000001', undefined],
    ['ot=th:', undefined],
    ['ot=th:8;rv:1', undefined],
    ['ot=th:123456789012345', undefined],
    ['ot=th:g', undefined],
    ['ot=th:8;', undefined],
    ['Ot=1,ot=th:8', undefined],
    [`${'a=b,'.repeat(31)}ot=th:8`, undefined],
    [`ot=th:8,a=${'x'.repeat(1100)}`, undefined],
  ];
  for (const [state, expected] of cases) assert.equal(adjustedCount(state, never), expected, state);
  // 5 of 16 are kept: 3.2
  assert.deepEqual([adjustedCount('ot=th:b', () => 0.21), adjustedCount('ot=th:b', () => 0.19)], [3, 4]);
});

test('series over the limit are counted as one', () => {
  const set = new SeriesSet(2, { bounds: [1], maxSize: 0 });
  const none = () => Buffer.alloc(0);
  const rows = ['a', 'b', 'c', 'd', 'a'].map((text) => {
    const row = set.at(keyOf(text), none, 1n, 5);
    set.count(row, 1);
    set.record(row, text === 'a' ? 1 : 2, 1);
    return [row, set.overflowed];
  });
  assert.deepEqual(rows, [
    [0, false],
    [1, false],
    [2, true],
    [2, true],
    [0, false],
  ]);
  const values = [...set.all(true)].map(({ count, sum, buckets, isNew }) => [count, sum, [...buckets], isNew]);
  assert.deepEqual(values, [
    [2, 2, [2, 0], true],
    [1, 2, [0, 1], true],
    [2, 4, [0, 2], true],
  ]);
  assert.ok([...set.all(true)].every(({ isNew }) => !isNew));
  set.at(keyOf('b'), none, 1n, 9);
  set.expire(5);
  assert.deepEqual(
    [...set.all(false)].map(({ count, isNew }) => [count, isNew]),
    [[1, false]],
  );
  assert.equal(set.at(keyOf('new'), none, 1n, 9), 1);
});
