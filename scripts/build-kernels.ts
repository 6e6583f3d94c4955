/**
 * Compiles kernels/*.ts (AssemblyScript) into core/otlp/kernels.gen.ts, which holds the module as base64: text, so
 * that it is found the same way from sources, from the built package and by bundlers.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

export const KERNELS_FILE = 'core/otlp/kernels.gen.ts';

/** Memory of the kernels in pages of 64 KiB: tables and stack, then room for a request of 4 MiB. */
const PAGES = 66;

const OPTIONS = [
  '-O3',
  '--converge',
  ...['--enable', 'bulk-memory'],
  ...['--runtime', 'stub'],
  ...['--initialMemory', String(PAGES), '--maximumMemory', String(PAGES)],
  ...['--use', 'abort='],
];

/** Throws with the compiler's message when the sources do not compile. */
export async function buildKernels(root: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'kernels-'));
  try {
    const out = join(directory, 'kernels.wasm');
    const { error, stderr } = await asc.main([join(root, 'kernels/index.ts'), ...OPTIONS, '--outFile', out]);
    if (error) throw new Error(`kernels do not compile: ${stderr.toString()}`, { cause: error });
    const module = readFileSync(out).toString('base64');
    writeFileSync(join(root, KERNELS_FILE), `export const KERNELS =\n  '${module}';\n`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await buildKernels(fileURLToPath(new URL('..', import.meta.url)));
