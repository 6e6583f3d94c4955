import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJson } from '../otlp/json/decode.ts';
import { Attributes } from '../otlp/readers/attributes.ts';
import { Groups } from '../otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES } from '../otlp/readers/scope.ts';
import { AttributesKey } from './attributes-key.ts';
import { KeyWriter } from './key-writer.ts';
import { KeyedEntries } from './keyed-entries.ts';

const keys = new KeyWriter(7);
const attributesKey = new AttributesKey(keys);

function writeKey(buffer: Buffer, start: number, end: number): void {
  keys.begin();
  attributesKey.write(new Attributes().set(buffer, start, end, RESOURCE_ATTRIBUTES));
  keys.finish();
}

/** The key of attributes in OTLP/JSON. */
function keyOf(...attributes: [string, object][]): string {
  const resource = { attributes: attributes.map(([key, value]) => ({ key, value })) };
  const { bytes } = decodeJson('traces', Buffer.from(JSON.stringify({ resourceSpans: [{ resource }] })));
  const groups = new Groups().open({ ranges: [{ buffer: bytes, start: 0, end: bytes.length }] });
  assert.ok(groups.nextResource());
  writeKey(bytes, groups.resourceStart, groups.resourceEnd);
  return keys.take().join();
}

const text = (stringValue: string) => ({ stringValue });
const map = (...values: [string, object][]) => ({
  kvlistValue: { values: values.map(([key, value]) => ({ key, value })) },
});

test('the order of attributes and of entries of maps does not matter', () => {
  const nested = map(['x', text('1')], ['y', { arrayValue: { values: [{ intValue: '1' }, { doubleValue: 1 }] } }]);
  const same = map(['y', { arrayValue: { values: [{ intValue: '1' }, { doubleValue: 1 }] } }], ['x', text('1')]);
  assert.equal(keyOf(['a', text('1')], ['b', nested]), keyOf(['b', same], ['a', text('1')]));
  const many = Array.from({ length: 50 }, (_, i): [string, object] => [`k${i}`, text('v')]);
  assert.equal(keyOf(...many), keyOf(...many.toReversed()));
  assert.equal(keyOf(['a', text('1')], ['a', text('2')]), keyOf(['a', text('1')]), 'the first counts');
});

test('what differs has different keys', () => {
  const values = [text(''), text('1'), { intValue: '1' }, { intValue: '-1' }, { doubleValue: 1 }, { boolValue: true }];
  const more = [{ boolValue: false }, { bytesValue: 'MQ==' }, {}, map(), map(['a', text('1')]), { arrayValue: {} }];
  const lists = [...values, ...more, { arrayValue: { values: [text('1')] } }].map((value) => keyOf(['a', value]));
  const others = [keyOf(), keyOf(['b', text('1')]), keyOf(['a', text('1')], ['b', text('')]), keyOf(['', text('a1')])];
  const all = [...lists, ...others];
  assert.equal(new Set(all).size, all.length);
});

test('an integer with more bytes than needed is the same integer', () => {
  const entry = (...int: number[]) =>
    Buffer.from([0x0a, 5 + int.length + 1, 0x0a, 1, 0x61, 0x12, int.length + 1, 0x18, ...int]);
  const key = (bytes: Buffer) => {
    writeKey(bytes, 0, bytes.length);
    return keys.take().join();
  };
  assert.equal(key(entry(5)), key(entry(0x85, 0x80, 0)));
  assert.notEqual(key(entry(5)), key(entry(0x85, 1)));
});

test('entries are found by their keys, also after some were forgotten', () => {
  const entries = new KeyedEntries<string>();
  const find = (text: string) => {
    keys.begin();
    keys.text(text);
    keys.finish();
    return entries.find(keys);
  };
  const names = Array.from({ length: 500 }, (_, i) => `name ${i}`);
  for (const name of names) {
    assert.equal(find(name), undefined);
    entries.add(keys, name);
  }
  assert.ok(names.every((name) => find(name) === name));
  entries.filter((name) => name.endsWith('7'));
  assert.equal(entries.size, 50);
  for (const name of names) assert.equal(find(name), name.endsWith('7') ? name : undefined);
  entries.clear();
  assert.equal(find('name 7'), undefined);
});
