import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { COMPONENT_KINDS, type ComponentKind } from '../../core/component-id.ts';
import type { Factory } from '../../core/factory.ts';

/** A component folder with the factory that its index.ts exports. */
export interface Found {
  readonly kind: ComponentKind;
  /** `processors/batch`, from the root of the repository. */
  readonly folder: string;
  readonly factory: Factory;
}

/** What a scan gives: the good components sorted by kind and type, and one sentence per folder that is none. */
export interface Scan {
  readonly components: readonly Found[];
  readonly faults: readonly string[];
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Imports every `<kind>s/<type>/index.ts` under `root`. The exported values are read, never the source text. */
export async function scan(root: string): Promise<Scan> {
  const components: Found[] = [];
  const faults: string[] = [];
  for (const kind of COMPONENT_KINDS) {
    for (const name of componentFolders(root, kind)) {
      const folder = `${kind}s/${name}`;
      const factory = await importFactory(join(root, folder, 'index.ts'));
      const fault = typeof factory === 'string' ? factory : checkFactory(factory, kind, name);
      if (fault !== undefined) faults.push(`${folder}: ${fault}`);
      else if (typeof factory !== 'string') components.push({ kind, folder, factory });
    }
  }
  return { components, faults: [...faults, ...clashes(components)] };
}

/** The names of the component folders of a kind, sorted. A folder without index.ts counts too: it is a mistake. */
export function componentFolders(root: string, kind: ComponentKind): string[] {
  const parent = join(root, `${kind}s`);
  if (!existsSync(parent)) return [];
  const entries = readdirSync(parent, { withFileTypes: true });
  return entries
    .filter((e) => e.isDirectory())
    .map((e) => e.name)
    .sort();
}

async function importFactory(file: string): Promise<Factory | string> {
  if (!existsSync(file)) return 'has no index.ts';
  try {
    const module = (await import(pathToFileURL(file).href)) as { default?: Factory };
    return module.default ?? 'index.ts has no default export';
  } catch (error) {
    return `index.ts cannot be imported: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function checkFactory(factory: Factory, kind: ComponentKind, name: string): string | undefined {
  if (!NAME.test(name)) return 'the folder name must be lower_snake_case';
  if (factory.kind !== kind) return `the factory is of kind ${factory.kind}, expected ${kind}`;
  if (factory.type !== name) return `the factory's type is ${factory.type}, expected the folder's name`;
  if (typeof factory.create !== 'function' || factory.config === undefined) return 'the default export is no factory';
  return undefined;
}

/** Two components that answer to the same name. */
function clashes(components: readonly Found[]): string[] {
  const owner = new Map<string, string>();
  const faults: string[] = [];
  for (const { kind, folder, factory } of components) {
    for (const name of [factory.type, ...(factory.aliases ?? [])]) {
      const other = owner.get(`${kind} ${name}`);
      if (other !== undefined) faults.push(`${folder}: the name ${name} is taken by ${other}`);
      owner.set(`${kind} ${name}`, folder);
    }
  }
  return faults;
}
