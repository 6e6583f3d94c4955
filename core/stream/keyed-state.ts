import { StateReader, StateWriter } from './codec.ts';

/**
 * Keys are divided into so many groups by their hash; a snapshot has an entry per group. More groups make increments
 * smaller, and snapshots of everything longer.
 */
const GROUPS = 128;

/** What is kept of a key, with the key's own text. */
export interface Keyed {
  readonly key: string;
  /** Of `groupOf(key)`. */
  readonly group: number;
}

/** FNV-1a over UTF-16 units: the same in every process and version, because snapshots depend on it. */
export function groupOf(key: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x0100_0193);
  return (hash ^ (hash >>> 15)) & (GROUPS - 1);
}

/** Which keys' states changed since the last snapshot, by group; makes and reads snapshots. */
export class ChangedGroups<S extends Keyed> {
  readonly #changed = new Uint8Array(GROUPS);

  /** To be called with a state that is new, changed or gone. */
  touch(state: S): void {
    this.#changed[state.group] = 1;
  }

  /** See Checkpointed.snapshot. `encode` writes what belongs to the key; the key itself is written here. */
  snapshot(
    states: Iterable<S>,
    which: 'all' | 'changed',
    encode: (state: S, to: StateWriter) => void,
  ): Map<string, Buffer | undefined> {
    const writers = new Map<number, StateWriter>();
    const changed = this.#changed;
    for (const state of states) {
      if (which === 'changed' && changed[state.group] === 0) continue;
      const writer = writers.get(state.group) ?? new StateWriter();
      writers.set(state.group, writer);
      encode(state, writer.text(state.key));
    }
    const entries = new Map<string, Buffer | undefined>();
    for (const [group, writer] of writers) entries.set(nameOf(group), writer.finish());
    for (let group = 0; group < GROUPS; group++) {
      if (changed[group] === 1 && !writers.has(group)) entries.set(nameOf(group), undefined);
    }
    changed.fill(0);
    return entries;
  }

  /** Entries of others are left alone. */
  restore(entries: ReadonlyMap<string, Buffer>, add: (key: string, group: number, from: StateReader) => void): void {
    for (let group = 0; group < GROUPS; group++) {
      const bytes = entries.get(nameOf(group));
      if (bytes === undefined) continue;
      const reader = new StateReader(bytes);
      while (!reader.isAtEnd) add(reader.text(), group, reader);
    }
    this.#changed.fill(0);
  }
}

/** State by key, which knows what of it changed since the last snapshot. */
export class KeyedState<S extends Keyed> {
  readonly #states = new Map<string, S>();
  readonly #changed = new ChangedGroups<S>();

  get size(): number {
    return this.#states.size;
  }

  get(key: string): S | undefined {
    return this.#states.get(key);
  }

  add(state: S): S {
    this.#states.set(state.key, state);
    this.#changed.touch(state);
    return state;
  }

  /** To be called with a state that is changed. */
  touch(state: S): void {
    this.#changed.touch(state);
  }

  delete(state: S): void {
    this.#states.delete(state.key);
    this.#changed.touch(state);
  }

  /** In the order in which they came. */
  values(): IterableIterator<S> {
    return this.#states.values();
  }

  /** See ChangedGroups.snapshot. */
  snapshot(which: 'all' | 'changed', encode: (state: S, to: StateWriter) => void): Map<string, Buffer | undefined> {
    return this.#changed.snapshot(this.#states.values(), which, encode);
  }

  /** Entries of others are left alone. */
  restore(entries: ReadonlyMap<string, Buffer>, decode: (key: string, group: number, from: StateReader) => S): void {
    this.#changed.restore(entries, (key, group, from) => {
      this.#states.set(key, decode(key, group, from));
    });
  }
}

function nameOf(group: number): string {
  return `keys/${group}`;
}
