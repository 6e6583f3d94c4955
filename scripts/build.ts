/**
 * Makes the package in dist/: plain JavaScript, a package.json with what it needs at run time, the licence. What is
 * run is the same code as the sources, with the types stripped.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${root}dist`, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);

const { name, version, description, license, type, dependencies, optionalDependencies } = JSON.parse(
  readFileSync(`${root}package.json`, 'utf8'),
);
const published = {
  ...{ name, version, description, license, type },
  bin: { weir: 'cmd/weir/main.js' },
  engines: { node: '>=24' },
  dependencies,
  optionalDependencies,
};
writeFileSync(`${root}dist/package.json`, `${JSON.stringify(published, null, 2)}\n`);
copyFileSync(`${root}LICENSE`, `${root}dist/LICENSE`);
