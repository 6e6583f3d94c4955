import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCase } from './golden/run-case.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const update = process.env.UPDATE_CASES === '1';
const folders = globSync(['{receivers,processors,exporters,connectors,extensions}/*/testdata/*/config.yaml'], {
  cwd: root,
})
  .concat(globSync('test/golden/testdata/*/config.yaml', { cwd: root }))
  .map((file) => dirname(`${root}${file}`))
  .sort();

for (const folder of folders) {
  test(relative(root, folder), async () => {
    assert.equal(await runCase(folder, update), undefined);
  });
}
