import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeIfChanged } from './write.ts';

/** In node_modules, because it says something about this machine's copy only. */
const STAMP_FILE = 'node_modules/.cache/weir-generate';
const INPUTS = ['{receivers,processors,exporters,connectors,extensions}/*/*.ts', '{core,scripts,kernels}/**/*.ts'];

/** Changes with every input of the generator, by path, time and size, which is cheap to find out. */
export function inputStamp(root: string): string {
  const hash = createHash('sha256');
  for (const file of globSync(INPUTS, { cwd: root }).sort()) {
    if (file.includes('.gen.')) continue;
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

/** Whether the outputs were written for these inputs and are still there. */
export function isCurrent(root: string, stamp: string, outputs: readonly string[]): boolean {
  const file = join(root, STAMP_FILE);
  return existsSync(file) && readFileSync(file, 'utf8') === stamp && outputs.every((o) => existsSync(join(root, o)));
}

export function remember(root: string, stamp: string): void {
  writeIfChanged(join(root, STAMP_FILE), stamp);
}

/** Whether `output` is there and not older than any file that matches. */
export function isNewer(root: string, output: string, inputs: string): boolean {
  const file = join(root, output);
  if (!existsSync(file)) return false;
  const { mtimeMs } = statSync(file);
  return globSync(inputs, { cwd: root }).every((input) => statSync(join(root, input)).mtimeMs <= mtimeMs);
}
