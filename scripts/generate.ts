/**
 * Writes what follows from the component folders.
 *
 *   generate.ts           everything
 *   generate.ts --quick   only what is not committed, and only when an input changed (before start, test, build)
 *   generate.ts --check   what is not committed; compares the committed rest and fails where it differs
 */
import { writeRegistry } from './generate/registry.ts';
import { scan } from './generate/scan.ts';

const root = new URL('..', import.meta.url).pathname;
const { components, faults } = await scan(root);
writeRegistry(root, components);
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
