import { stringify } from 'yaml';
import { COMPONENT_KINDS, type ComponentKind } from '../../core/component-id.ts';
import type { ComponentEntry, Factory, Stability } from '../../core/factory.ts';
import { SIGNALS } from '../../core/signal.ts';
import { SECTION } from '../../service/config/components.ts';
import { SCHEMES } from '../../service/config/providers.ts';
import type { Arguments } from './args.ts';
import { BUILD } from './build-info.ts';
import { registryOf } from './load.ts';

/** The components of this program with their stability, in the form of the collector. */
export async function listComponents(args: Arguments): Promise<string> {
  const { entries } = await registryOf(args);
  const sections: Record<string, unknown> = {};
  for (const kind of COMPONENT_KINDS) sections[SECTION[kind]] = await rows(kind, entries);
  const providers = SCHEMES.map((scheme) => ({ scheme, module: moduleName(`service/config/providers`) }));
  return stringify({ buildinfo: BUILD, ...sections, providers }, { indent: 4, lineWidth: 0 });
}

async function rows(kind: ComponentKind, entries: readonly ComponentEntry[]): Promise<readonly unknown[]> {
  const own = entries.filter((entry) => entry.kind === kind).sort((a, b) => (a.type < b.type ? -1 : 1));
  const factories = await Promise.all(own.map((entry) => entry.load()));
  return factories.map(({ default: factory }) => ({
    name: factory.type,
    ...(factory.aliases === undefined ? {} : { aliases: factory.aliases }),
    module: moduleName(`${SECTION[kind]}/${factory.type}`),
    stability: stabilityOf(factory),
  }));
}

function moduleName(path: string): string {
  return `${BUILD.command}/${path} v${BUILD.version}`;
}

function stabilityOf(factory: Factory): Readonly<Record<string, string>> {
  if (factory.kind === 'extension') return { extension: shown(factory.stability) };
  const signals = [...SIGNALS].sort();
  if (factory.kind === 'connector') {
    const pairs = signals.flatMap((from) =>
      signals.map((to) => [`${from}-to-${to}`, shown(factory.signals[from]?.[to])] as const),
    );
    return Object.fromEntries(pairs);
  }
  return Object.fromEntries(signals.map((signal) => [signal, shown(factory.signals[signal])]));
}

function shown(stability: Stability | undefined): string {
  return stability === undefined ? 'Undefined' : `${stability[0]?.toUpperCase()}${stability.slice(1)}`;
}
