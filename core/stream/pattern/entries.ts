import type { TableEntry } from './key-table.ts';
import type { Matcher, Matching } from './matcher.ts';
import { packMatching, unpackMatching } from './packing.ts';
import type { RunQueue } from './runs.ts';
import { type Automaton, bitOf } from './states.ts';

/** So many keys are kept as objects; those that were not used the longest are bytes, a third of the size. */
const MOST_OPEN = 2_048;

/** What is kept of a key. */
export interface Entry extends TableEntry {
  readonly group: number;
  /** A string is what `packMatching` made of it. Undefined: nothing is left of the key, it was forgotten. */
  matching: Matching | string | undefined;
  /** Those that its partial matches are in, as bits. */
  states: number;
}

/** The entries of which the matching is an object. */
export class OpenEntries {
  readonly #automaton: Automaton;
  readonly #matcher: Matcher;
  /** Those that became so first in front. */
  readonly #open: Entry[] = [];

  constructor(automaton: Automaton, matcher: Matcher) {
    this.#automaton = automaton;
    this.#matcher = matcher;
  }

  /** Makes the entry of a key of which nothing was known. */
  begin(key: string, hash: number, group: number): Entry {
    const entry: Entry = { key, hash, group, matching: this.#matcher.begin(), states: 0 };
    this.#open.push(entry);
    return entry;
  }

  /** Makes the entry of a key from its bytes, without the object. */
  restore(key: string, hash: number, group: number, matching: string): Entry {
    return { key, hash, group, matching, states: statesOf(this.#unpack(matching).runs) };
  }

  /** What there is of a key that is not forgotten. */
  matching(entry: Entry): Matching {
    const { matching } = entry;
    if (typeof matching === 'object') return matching;
    const opened = this.#unpack(matching ?? '');
    entry.matching = opened;
    this.#open.push(entry);
    return opened;
  }

  /** To be called now and then: keeps the number of objects in bounds. */
  packSome(): void {
    if (this.#open.length <= MOST_OPEN) return;
    for (const entry of this.#open.splice(0, this.#open.length - MOST_OPEN / 2)) {
      if (typeof entry.matching === 'object') entry.matching = packMatching(entry.matching);
    }
  }

  /** When something in an entry began, each time once. */
  begins({ matching }: Entry): Iterable<number> {
    const { runs } = typeof matching === 'object' ? matching : this.#unpack(matching ?? '');
    return new Set(runs.flatMap(({ first }) => (first === undefined ? [] : [first.time])));
  }

  #unpack(packed: string): Matching {
    return unpackMatching(packed, this.#automaton, this.#matcher.start);
  }
}

/** The states that partial matches are in, as bits. */
export function statesOf(runs: RunQueue): number {
  let states = 0;
  for (const { state } of runs) states |= bitOf(state);
  return states;
}
