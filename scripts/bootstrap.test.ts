import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('./bootstrap.mjs', import.meta.url));
const LOCK_FILE = '{"packages": {"": {}, "node_modules/a": {"version": "1.0.0"}}}';

/** An npm whose install takes a moment and leaves a line behind. */
const NPM = `
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
appendFileSync('installs', 'x');
await new Promise((done) => setTimeout(done, 700));
mkdirSync('node_modules', { recursive: true });
writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(LOCK_FILE)});
`;

test('two commands on a fresh clone install once', async (context) => {
  const clone = await freshClone(context);
  const both = await Promise.all([bootstrap(clone), bootstrap(clone)]);
  assert.equal(await readFile(join(clone, 'installs'), 'utf8'), 'x');
  assert.match(both.map((run) => run.stderr).join(''), /waiting for another process that installs/);
});

test('the lock of a process that is gone does not count', async (context) => {
  const clone = await freshClone(context);
  const gone = spawnSync(process.execPath, ['--version']).pid;
  await writeFile(join(clone, '.installing'), String(gone));
  await bootstrap(clone);
  await assert.rejects(readFile(join(clone, '.installing')), { code: 'ENOENT' });
});

async function freshClone(context: TestContext): Promise<string> {
  const clone = await mkdtemp(join(tmpdir(), 'weir-bootstrap-'));
  context.after(() => rm(clone, { recursive: true }));
  await mkdir(join(clone, 'scripts'));
  await copyFile(SCRIPT, join(clone, 'scripts/bootstrap.mjs'));
  await writeFile(join(clone, 'scripts/generate.ts'), '');
  await writeFile(join(clone, 'package-lock.json'), LOCK_FILE);
  await writeFile(join(clone, 'npm.mjs'), NPM);
  return clone;
}

function bootstrap(clone: string): Promise<{ stderr: string }> {
  const env = { ...process.env, npm_execpath: join(clone, 'npm.mjs') };
  return promisify(execFile)(process.execPath, ['scripts/bootstrap.mjs'], { cwd: clone, env });
}

test('the lock file has the embedded engine for every platform, or npm ci refuses it', async () => {
  const lock = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'));
  const wanted = Object.keys(lock.packages['node_modules/chdb'].optionalDependencies);
  assert.equal(wanted.length, 4);
  for (const name of wanted) assert.ok(lock.packages[`node_modules/${name}`], name);
});
