import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage } from '../testing/memory-storage.ts';
import { StorageStore } from './storage-store.ts';

const OWNER = { kind: 'extension', id: 'checkpoint', name: '' } as const;
const entries = (values: Record<string, string | undefined>) =>
  new Map(Object.entries(values).map(([key, value]) => [key, value === undefined ? undefined : Buffer.from(value)]));

function snapshot(position: bigint, values: Record<string, string | undefined>, version = 1) {
  return { position, states: [{ owner: 'connector window ', version, entries: entries(values) }], outputs: [] };
}

test('what is stored of a partition is there after a restart, with its changes', async () => {
  const storage = new MemoryStorage();
  const store = new StorageStore(() => storage.client(OWNER));
  assert.equal(await store.open('t/0'), undefined);
  await store.store('t/0', snapshot(10n, { a: '1', b: '2' }));
  await store.store('t/0', snapshot(20n, { b: undefined, c: '3' }));
  await store.store('t/1', snapshot(5n, { a: 'other' }));
  await store.shutdown();

  const again = new StorageStore(() => storage.client(OWNER));
  const stored = await again.open('t/0');
  assert.equal(stored?.position, 20n);
  assert.equal(stored?.states.length, 1);
  assert.equal(stored?.states[0]?.owner, 'connector window ');
  assert.deepEqual([...(stored?.states[0]?.entries ?? [])].sort(), [...entries({ a: '1', c: '3' })]);
});

test('entries of an older form are not mixed with newer ones', async () => {
  const storage = new MemoryStorage();
  const store = new StorageStore(() => storage.client(OWNER));
  await store.store('t/0', snapshot(1n, { a: '1', b: '2' }, 1));
  await store.store('t/0', snapshot(2n, { b: '3' }, 2));
  const stored = await store.open('t/0');
  assert.equal(stored?.states[0]?.version, 2);
  assert.deepEqual([...(stored?.states[0]?.entries ?? [])], [...entries({ b: '3' })]);
});

test('what cannot be written is a failure, and nothing of it is there', async () => {
  const storage = new MemoryStorage();
  const store = new StorageStore(() => storage.client(OWNER));
  storage.fail = new Error('no space left on device');
  await assert.rejects(store.store('t/0', snapshot(1n, { a: '1' })), /no space/);
  storage.fail = undefined;
  assert.equal(await store.open('t/0'), undefined);
});
