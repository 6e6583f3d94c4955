/**
 * Makes the folder of a new component from a template: `npm run new -- processor NAME`. Everything else (registry,
 * index, option table, JSON Schema, conformance and documentation tests) finds the folder on its own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMPONENT_KINDS, type ComponentKind } from '../core/component-id.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const [kind, type] = process.argv.slice(2);
const fault = check(kind, type);
if (fault !== undefined) {
  console.error(`new: ${fault}\nusage: npm run new -- ${COMPONENT_KINDS.join('|')} NAME`);
  process.exitCode = 1;
} else {
  const folder = instantiate(kind as ComponentKind, type!);
  console.log(
    `${folder}/ is there. Describe the options in config.ts, write the code and its test, then: ` +
      'npm run generate, npm run check',
  );
}

function check(kind: string | undefined, type: string | undefined): string | undefined {
  if (!COMPONENT_KINDS.includes(kind as ComponentKind)) return `"${kind ?? ''}" is no kind of component`;
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(type ?? '')) return `the name must be lower_snake_case, not "${type ?? ''}"`;
  return existsSync(join(root, `${kind}s`, type!)) ? `${kind}s/${type} is there already` : undefined;
}

function instantiate(kind: ComponentKind, type: string): string {
  const templates = join(root, 'scripts/templates', kind);
  const folder = `${kind}s/${type}`;
  mkdirSync(join(root, folder), { recursive: true });
  for (const name of readdirSync(templates)) {
    const text = readFileSync(join(templates, name), 'utf8');
    const filled = text.replaceAll('__type__', type).replaceAll('__Class__', className(type, kind));
    writeFileSync(join(root, folder, name.replace(/\.tmpl$/, '')), filled);
  }
  // where lines break depends on how long the name is
  const format = ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', folder];
  spawnSync(process.execPath, format, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  return folder;
}

/** `tail_sampling`, processor → `TailSamplingProcessor`. */
function className(type: string, kind: string): string {
  return [...type.split('_'), kind].map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}
