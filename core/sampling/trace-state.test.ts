import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../otlp/edit/writer.ts';
import { ALWAYS } from './threshold.ts';
import { TraceState } from './trace-state.ts';

const state = new TraceState();

function parse(text: string): boolean {
  const bytes = Buffer.from(`..${text}..`, 'latin1');
  return state.parse(bytes, 2, bytes.length - 2);
}

function written(): string {
  const writer = new Writer();
  state.writeTo(writer);
  return writer.toBuffer().toString('latin1');
}

test('values of OpenTelemetry are read, and everything is written in its order', () => {
  assert.ok(parse(' vendor=x y , ot=th:8;rv:ABCDEF01234567;other:1 ,, t@s=2'));
  assert.deepEqual(state.threshold, { high: 2 ** 27, low: 0 });
  assert.deepEqual(state.randomness, { high: 0xabcdef0, low: 0x1234567 });
  assert.equal(written(), 'ot=rv:ABCDEF01234567;th:8;other:1,vendor=x y,t@s=2');
});

test('values are set and removed', () => {
  assert.ok(parse('a=b'));
  state.setRandomness({ high: 1, low: 2 });
  state.setThreshold(ALWAYS);
  assert.equal(written(), 'ot=rv:00000010000002;th:0,a=b');
  state.clearThreshold();
  assert.equal(written(), 'ot=rv:00000010000002,a=b');
  assert.ok(parse('ot=th:c'));
  state.clearThreshold();
  assert.equal(written(), '');
  assert.ok(parse(''));
  assert.equal(written(), '');
  assert.ok(parse('ot=rv:00000000000000;th:00'));
  assert.equal(written(), 'ot=rv:00000000000000;th:00');
});

test('of several ot members the last stands', () => {
  assert.ok(parse('ot=rv:00000000000001;x:1,ot=th:8'));
  assert.equal(state.hasRandomness, false);
  assert.equal(written(), 'ot=th:8');
});

test('what is not a tracestate is refused, and nothing of it kept', () => {
  const wrong = ['=', 'a', 'a=', 'A=1', '1a=1', 'a=b=c', 'a=b\n', 'a@=1', '@a=1', 'a@1=1', 'a=b,c', 'ä=1'];
  for (const text of [...wrong, 'a b=1', `a=${'x'.repeat(257)}`, `a=${'x'.repeat(1023)}`]) {
    assert.equal(parse(text), false, text);
    assert.equal(written(), '', text);
  }
  for (const text of ['a=1,', ',a=1', '1@a=1', 'a*/-_9=1', `a=${'x'.repeat(256)}`, '\t a=1\t', 'ot=x:']) {
    assert.ok(parse(text), text);
  }
});

test('what is readable of values that are not', () => {
  const cases = {
    'ot=th:zz;rv:00000000000001,a=1': 'ot=rv:00000000000001,a=1',
    'ot=rv:1;x:y': 'ot=x:y',
    'ot=x:y;,a=1': 'a=1',
    'ot=X:y,a=1': 'a=1',
    'ot=th': '',
    [`ot=th:8,${'k'.repeat(257)}=1,b=1`]: 'ot=th:8,b=1',
    [`ot=th:8,${'k'.repeat(242)}@a=1`]: 'ot=th:8',
    'ot=th:8,a@b23456789012345=1': 'ot=th:8',
  };
  for (const [text, kept] of Object.entries(cases)) {
    assert.equal(parse(text), false, text);
    assert.equal(written(), kept, text);
  }
});

test('more members than 31 are an error', () => {
  const members = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=1`).join(',');
  assert.ok(parse(members(31)));
  assert.equal(parse(members(32)), false);
  assert.equal(written(), members(31));
});
