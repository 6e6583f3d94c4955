import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyTable, type TableEntry } from './key-table.ts';

/** Few hashes, so that most keys are not where they belong. */
const hashOf = (key: string): number => (Buffer.from(key).reduce((sum, byte) => sum + byte, 0) % 40) - 20;

function entryOf(key: string): TableEntry {
  return { key, hash: hashOf(key) };
}

function find(table: KeyTable<TableEntry>, key: string): TableEntry | undefined {
  const bytes = Buffer.from(`<${key}>`);
  return table.find(hashOf(key), bytes, 1, bytes.length - 1);
}

test('finds what was added and not deleted, however it came and went', () => {
  const table = new KeyTable<TableEntry>();
  const kept = new Map<string, TableEntry>();
  for (let i = 0; i < 5_000; i++) {
    const key = `key-${(i * 7_919) % 331}`;
    const known = kept.get(key);
    assert.equal(find(table, key), known);
    if (known === undefined) {
      const entry = entryOf(key);
      table.add(entry);
      kept.set(key, entry);
    } else if (i % 3 !== 0) {
      table.delete(known);
      kept.delete(key);
    }
    assert.equal(table.size, kept.size);
  }
  for (const [key, entry] of kept) assert.equal(find(table, key), entry);
  assert.deepEqual(new Set(table.values()), new Set(kept.values()));
});

test('keys are told apart by their bytes, also where they are not ASCII', () => {
  const table = new KeyTable<TableEntry>();
  const [accent, empty] = [entryOf('é'), entryOf('')];
  table.add(accent);
  table.add(empty);
  assert.equal(find(table, 'é'), accent);
  assert.equal(find(table, ''), empty);
  // the byte that is the code of the letter, and no letter in UTF-8
  assert.equal(table.find(accent.hash, Buffer.from([0xe9]), 0, 1), undefined);
});
