import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactKey, joinKey, splitKey } from './key.ts';
import { groupOf, type Keyed, KeyedState } from './keyed-state.ts';

interface Count extends Keyed {
  count: number;
}

function add(state: KeyedState<Count>, key: string, count: number): Count {
  return state.add({ key, group: groupOf(key), count });
}

function snapshot(state: KeyedState<Count>, which: 'all' | 'changed') {
  return state.snapshot(which, ({ count }, to) => to.double(count));
}

function restored(entries: ReadonlyMap<string, Buffer | undefined>): KeyedState<Count> {
  const state = new KeyedState<Count>();
  const kept = new Map([...entries].flatMap(([name, bytes]) => (bytes === undefined ? [] : [[name, bytes] as const])));
  state.restore(kept, (key, group, from) => ({ key, group, count: from.double() }));
  return state;
}

test('groups of keys are the same in every version', () => {
  assert.deepEqual(['', 'a', 'svc\u001flatency', '数据'].map(groupOf), [124, 52, 83, 73]);
});

test('keys are spread over the groups', () => {
  const sizes = new Map<number, number>();
  for (let i = 0; i < 12_800; i++) sizes.set(groupOf(`user-${i}`), (sizes.get(groupOf(`user-${i}`)) ?? 0) + 1);
  assert.equal(sizes.size, 128);
  assert.ok(Math.max(...sizes.values()) < 200);
});

test('all of a state comes back from a snapshot', () => {
  const state = new KeyedState<Count>();
  for (let i = 0; i < 1_000; i++) add(state, `k${i}`, i);
  const copy = restored(snapshot(state, 'all'));
  assert.equal(copy.size, 1_000);
  for (let i = 0; i < 1_000; i++) assert.equal(copy.get(`k${i}`)?.count, i);
  assert.equal(snapshot(copy, 'changed').size, 0);
});

test('entries that are put on top of each other are the state, whatever changed between', () => {
  const state = new KeyedState<Count>();
  for (let i = 0; i < 300; i++) add(state, `k${i}`, i);
  const entries = snapshot(state, 'all');
  for (let round = 0; round < 5; round++) {
    const changed = state.get(`k${round}`) as Count;
    changed.count = -round;
    state.touch(changed);
    state.delete(state.get(`k${200 + round}`) as Count);
    add(state, `new${round}`, round);
    const changes = snapshot(state, 'changed');
    assert.ok(changes.size <= 3);
    for (const [name, bytes] of changes) entries.set(name, bytes);
  }
  const copy = restored(entries);
  assert.equal(copy.size, state.size);
  for (const { key, count } of state.values()) assert.equal(copy.get(key)?.count, count, key);
});

test('a group whose last key is gone is gone from the snapshot', () => {
  const state = new KeyedState<Count>();
  const only = add(state, 'a', 1);
  const [name] = [...snapshot(state, 'all').keys()];
  state.delete(only);
  assert.deepEqual([...snapshot(state, 'changed')], [[name, undefined]]);
});

test('a damaged entry is an error', () => {
  const state = new KeyedState<Count>();
  add(state, 'a', 1);
  const [[name, bytes]] = [...snapshot(state, 'all')] as [[string, Buffer]];
  assert.throws(() => restored(new Map([[name, bytes.subarray(0, 5)]])), /damaged/);
});

test('keys give back their values; a separator in a value cannot shift the others', () => {
  for (const values of [['a', 'b'], [''], ['', '', ''], ['Zürich', '🙂', 'x']]) {
    assert.deepEqual(splitKey(joinKey(values)), values);
    assert.equal(compactKey(joinKey(values)), joinKey(values));
  }
  assert.deepEqual(splitKey(joinKey(['a\u001fb', 'c'])), ['a\ufffdb', 'c']);
});
