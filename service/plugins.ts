import { stat } from 'node:fs/promises';
import { createRequire, registerHooks } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { COMPONENT_KINDS } from '../core/component-id.ts';
import type { ComponentEntry, Factory } from '../core/factory.ts';

/**
 * Loads components from outside: a folder (with an index.ts or index.js), a file, or the name of an npm package. The
 * directories are tried in turn. The default export is a factory or a list of them, just as in the folders of built-in
 * components.
 */
export async function loadPlugin(
  name: string,
  directories: readonly string[] = [process.cwd()],
): Promise<readonly ComponentEntry[]> {
  let module: { readonly default?: unknown };
  shareCore();
  try {
    module = await import(await locate(name, directories));
  } catch (error) {
    throw new Error(`cannot load plugin ${JSON.stringify(name)}: ${(error as Error).message.split('\n')[0]}`);
  }
  const exported = Array.isArray(module.default) ? module.default : [module.default];
  return exported.map((factory) => entry(name, factory));
}

/** The folder that has `core`: the repository, or the package where this file is JavaScript. */
const ROOT = new URL('../', import.meta.url);
const OWN_SUFFIX = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

let shared = false;

/**
 * Lets a plugin, wherever it is installed, import `weir/core/factory.ts` and gets it the modules of this very process:
 * with a copy of its own an error it throws would not be known as a PipelineError here.
 */
function shareCore(): void {
  if (shared) return;
  shared = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith('weir/core/')) return next(specifier, context);
      const file = specifier.slice('weir/'.length).replace(/\.[tj]s$/, OWN_SUFFIX);
      return { url: new URL(file, ROOT).href, shortCircuit: true };
    },
  });
}

/** The URL to import; fails with what the last directory says. */
async function locate(name: string, directories: readonly string[]): Promise<string> {
  let failure: unknown;
  for (const directory of directories) {
    try {
      return pathToFileURL(await locateIn(directory, name)).href;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function locateIn(directory: string, name: string): Promise<string> {
  const path = resolve(directory, name);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path;
  if (found?.isDirectory()) {
    for (const file of ['index.ts', 'index.js', 'index.mjs']) {
      const index = join(path, file);
      if ((await stat(index).catch(() => undefined))?.isFile()) return index;
    }
  }
  return createRequire(join(directory, 'package.json')).resolve(found === undefined ? name : path);
}

function entry(name: string, exported: unknown): ComponentEntry {
  const factory = exported as Partial<Factory> | undefined;
  const { kind, type } = factory ?? {};
  const complete =
    kind !== undefined &&
    COMPONENT_KINDS.includes(kind) &&
    typeof type === 'string' &&
    typeof factory?.config?.decode === 'function' &&
    typeof factory.create === 'function';
  if (!complete) {
    throw new Error(`plugin ${JSON.stringify(name)}: the default export is not a component factory or a list of them`);
  }
  const loaded = Promise.resolve({ default: factory as Factory });
  return { kind, type, aliases: factory.aliases ?? [], load: () => loaded };
}
