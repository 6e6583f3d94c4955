import { join } from 'node:path';
import type { Found } from './scan.ts';
import { writeIfChanged } from './write.ts';

/** The list of built-in components: what each is called, and how to load its code once a configuration names it. */
export const REGISTRY_FILE = 'cmd/weir/components.gen.ts';

export function writeRegistry(root: string, components: readonly Found[]): void {
  writeIfChanged(join(root, REGISTRY_FILE), registrySource(components));
}

function registrySource(components: readonly Found[]): string {
  const rows = components.map(({ kind, folder, factory }) => {
    const aliases = (factory.aliases ?? []).map((a) => `'${a}'`).join(', ');
    const load = `() => import('../../${folder}/index.ts')`;
    const ours = factory.ours === undefined ? '' : ' ours: true,';
    return `  { kind: '${kind}', type: '${factory.type}', aliases: [${aliases}],${ours} load: ${load} },\n`;
  });
  return [
    '// Written by scripts/generate.ts from the component folders.\n',
    "import type { ComponentEntry } from '../../core/factory.ts';\n\n",
    'export const components: readonly ComponentEntry[] = [\n',
    ...rows,
    '];\n',
  ].join('');
}
