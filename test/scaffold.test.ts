/** What `npm run new` makes type-checks, is formatted, and passes all tests that find it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMPONENT_KINDS } from '../core/component-id.ts';
import { ROOT } from './support/repository.ts';

test('a new component of each kind is complete', (context) => {
  const copy = mkdtempSync(join(tmpdir(), 'weir-scaffold-'));
  context.after(() => rmSync(copy, { recursive: true }));
  const skipped = /\/(node_modules|dist|data|\.git)$/;
  cpSync(ROOT, copy, { recursive: true, filter: (source) => !skipped.test(source) });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: copy,
      encoding: 'utf8',
      env: cleanEnv(),
    });
    assert.equal(status, 0, `${args.join(' ')}:\n${stdout}${stderr}`);
  };

  const names = ['brand_new', 'brand_new_with_a_name_that_fills_its_lines'];
  const folders = COMPONENT_KINDS.flatMap((kind) => names.map((name) => `${kind}s/${name}`));
  for (const kind of COMPONENT_KINDS) for (const name of names) run('scripts/new-component.ts', kind, name);
  run('scripts/generate.ts');
  run('node_modules/typescript/bin/tsc', '-p', '.');
  run('node_modules/@biomejs/biome/bin/biome', 'check', ...folders);
  run('--test', ...folders.map((folder) => `${folder}/*.test.ts`));
  run(
    '--test',
    '--test-name-pattern',
    'brand_new|component',
    'test/conformance.test.ts',
    'test/tidy.test.ts',
    'test/docs.test.ts',
  );
});

/** A test runner inside a test runner would report to the outer one. */
function cleanEnv(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  return rest;
}
