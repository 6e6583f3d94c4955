import type { ComponentKind } from '../core/component-id.ts';
import type { ComponentEntry, Factory } from '../core/factory.ts';

/** The component types a configuration may name. A value: a test makes one from two fakes. */
export interface Registry {
  /** Loads the code of a component; undefined when there is none of that type. Types are case-sensitive. */
  find(kind: ComponentKind, type: string): Promise<Factory> | undefined;
  /** All types of a kind, aliases included, sorted. */
  types(kind: ComponentKind): readonly string[];
  readonly entries: readonly ComponentEntry[];
}

/** Two entries of one kind and type, as a plugin named like a built-in component, are refused. */
export function createRegistry(entries: readonly ComponentEntry[]): Registry {
  const byKey = new Map<string, ComponentEntry>();
  for (const entry of entries) {
    for (const type of [entry.type, ...entry.aliases]) {
      const key = `${entry.kind} ${type}`;
      if (byKey.has(key)) throw new Error(`there are two ${entry.kind}s of type "${type}"`);
      byKey.set(key, entry);
    }
  }
  return {
    entries,
    find: (kind, type) =>
      byKey
        .get(`${kind} ${type}`)
        ?.load()
        .then((module) => module.default),
    types: (kind) =>
      entries
        .filter((entry) => entry.kind === kind)
        .flatMap((entry) => [entry.type, ...entry.aliases])
        .sort(),
  };
}
