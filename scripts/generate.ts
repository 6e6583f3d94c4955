/**
 * Writes what follows from the component folders and the kernel sources.
 *
 *   generate.ts           everything
 *   generate.ts --quick   only what is not committed, and only when an input changed (before start, test, build)
 *   generate.ts --check   what is not committed; compares the committed rest and fails where it differs
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernels, KERNELS_FILE } from './build-kernels.ts';
import { docs } from './generate/docs.ts';
import { REGISTRY_FILE, writeRegistry } from './generate/registry.ts';
import { scan } from './generate/scan.ts';
import { inputStamp, isCurrent, isNewer, remember } from './generate/stamp.ts';
import { writeIfChanged } from './generate/write.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const quick = process.argv.includes('--quick');
const check = process.argv.includes('--check');
const stamp = inputStamp(root);

if (!quick || !isCurrent(root, stamp, [REGISTRY_FILE, KERNELS_FILE])) process.exitCode = (await generate()) ? 0 : 1;

async function generate(): Promise<boolean> {
  // before the components are imported, which need it
  if (!isNewer(root, KERNELS_FILE, 'kernels/*.ts')) await buildKernels(root);
  const { components, faults } = await scan(root);
  writeRegistry(root, components);
  for (const fault of faults) console.error(`generate: ${fault}`);
  const stale = quick ? [] : docs(root, components).filter(({ file, content }) => !put(file, content));
  for (const { file } of stale) console.error(`generate: ${file} is not current; run npm run generate`);
  const good = faults.length === 0 && stale.length === 0;
  if (good) remember(root, stamp);
  return good;
}

/** Whether the committed file is as it should be afterwards. */
function put(file: string, content: string): boolean {
  const path = join(root, file);
  if (check) return existsSync(path) && readFileSync(path, 'utf8') === content;
  writeIfChanged(path, content);
  return true;
}
