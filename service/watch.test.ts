import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { FileWatch } from './watch.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-watch-'));
after(() => rmSync(root, { recursive: true }));

/** Files that were loaded, a watch on them, and `look` for one interval of it. */
function watched(...names: string[]) {
  const folder = mkdtempSync(join(root, 'case-'));
  const path = (name: string) => join(folder, name);
  const loaded = new Map<string, string>();
  const load = (name: string) => loaded.set(path(name), readFileSync(path(name), 'utf8'));
  for (const name of names) {
    writeFileSync(path(name), `first ${name}`);
    load(name);
  }
  const clock = new FakeClock();
  let changes = 0;
  const watch = new FileWatch(
    clock,
    () => loaded,
    () => changes++,
  );
  watch.start();
  const look = async (times = 1): Promise<number> => {
    for (let i = 0; i < times; i++) {
      clock.advance(1000);
      await watch.looked();
    }
    return changes;
  };
  return { path, load, look, watch };
}

test('a change is told once, when it is complete', async () => {
  const { path, look, watch } = watched('a.yaml', 'b.yaml');
  assert.equal(await look(2), 0);
  writeFileSync(path('b.yaml'), 'half');
  assert.equal(await look(), 0);
  writeFileSync(path('b.yaml'), 'half and half');
  assert.equal(await look(), 0);
  assert.equal(await look(), 1);
  assert.equal(await look(3), 1);
  writeFileSync(path('a.yaml'), 'second');
  assert.equal(await look(2), 2);
  watch.stop();
  writeFileSync(path('a.yaml'), 'third');
  assert.equal(await look(3), 2);
});

test('the same content is no change, a missing file neither; a file put in its place is one', async () => {
  const { path, look } = watched('a.yaml');
  writeFileSync(path('a.yaml'), 'first a.yaml');
  assert.equal(await look(2), 0);
  rmSync(path('a.yaml'));
  assert.equal(await look(2), 0);
  writeFileSync(path('new'), 'second');
  renameSync(path('new'), path('a.yaml'));
  assert.equal(await look(2), 1);
  writeFileSync(path('target'), 'third');
  symlinkSync(path('target'), path('link'));
  renameSync(path('link'), path('a.yaml'));
  assert.equal(await look(2), 2);
});

test('files that a later load read are watched too', async () => {
  const { path, load, look } = watched('a.yaml');
  writeFileSync(path('b.yaml'), 'x');
  assert.equal(await look(2), 0);
  load('b.yaml');
  assert.equal(await look(2), 0);
  writeFileSync(path('b.yaml'), 'y');
  assert.equal(await look(2), 1);
});
