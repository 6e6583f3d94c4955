import type { OwnedEntries } from './store.ts';

/** The names of the entries that are stored, by owner: what a snapshot of everything does not have is gone. */
export class StoredNames {
  readonly #names = new Map<string, Set<string>>();

  /** They are stored now, or gone. */
  stored(states: readonly OwnedEntries[]): void {
    for (const { owner, entries } of states) {
      const names = this.#of(owner);
      for (const [name, bytes] of entries) {
        if (bytes === undefined) names.delete(name);
        else names.add(name);
      }
    }
  }

  /** Storing them failed; what was only late may be there all the same. */
  failed(states: readonly OwnedEntries[]): void {
    for (const { owner, entries } of states) {
      for (const [name, bytes] of entries) if (bytes !== undefined) this.#of(owner).add(name);
    }
  }

  /** A snapshot of everything, with what is in it no more. */
  complete(owner: string, all: ReadonlyMap<string, Buffer | undefined>): ReadonlyMap<string, Buffer | undefined> {
    const entries = new Map(all);
    for (const name of this.#of(owner)) if (!entries.has(name)) entries.set(name, undefined);
    return entries;
  }

  #of(owner: string): Set<string> {
    const names = this.#names.get(owner) ?? new Set();
    this.#names.set(owner, names);
    return names;
  }
}
