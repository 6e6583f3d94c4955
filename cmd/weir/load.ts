import { type LoadedConfig, loadConfig, type Sources } from '../../service/config/load.ts';
import { loadPlugin } from '../../service/plugins.ts';
import { createRegistry, type Registry } from '../../service/registry.ts';
import type { Arguments } from './args.ts';
import { BUILD } from './build-info.ts';
import { components } from './components.gen.ts';
import type { Terminal } from './terminal.ts';

/** Identifies this process in its own telemetry, over reloads. */
const instanceId = crypto.randomUUID();

/** Loads the configuration that the command line names. */
export function load(args: Arguments, { env }: Terminal, sources: Sources): Promise<LoadedConfig> {
  return loadConfig(
    {
      uris: args.config,
      sets: args.set,
      featureGates: args.featureGates,
      plugins: args.plugin,
      strict: args.strict,
      registry: createRegistry(components),
      env,
      build: BUILD,
      instanceId,
    },
    sources,
  );
}

/** The built-in components and those of `--plugin`. */
export async function registryOf(args: Arguments): Promise<Registry> {
  const plugins = await Promise.all(args.plugin.map((name) => loadPlugin(name)));
  return createRegistry([...components, ...plugins.flat()]);
}
