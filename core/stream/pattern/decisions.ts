import type { Mask } from './definition.ts';
import { type Automaton, bitOf, type Edge, type State } from './states.ts';

/** One way in which a partial match goes on. */
export interface Move {
  /** The step that the event is taken for; -1 where it is not taken. */
  readonly step: number;
  /** Where the partial match goes on; undefined where it ends. */
  readonly to: State | undefined;
  /** It is a match, too. */
  readonly match: boolean;
}

/** What an event does to a partial match in a state. */
export interface Decision {
  /** Nothing. */
  readonly stays: boolean;
  readonly moves: readonly Move[];
  /** The start state goes on as well. */
  readonly restarts: boolean;
}

/**
 * So many are kept. Patterns have few states and events few kinds, so this is enough for all but the strangest; what
 * is beyond is worked out each time.
 */
const MOST_KEPT = 50_000;

/** Works out once what each kind of event does in each state. */
export class Decisions {
  readonly #states: readonly State[];
  readonly #byState: readonly Map<Mask, Decision>[];
  readonly #unmoved = new Map<Mask, number>();
  #kept = 0;

  constructor(automaton: Automaton) {
    this.#states = automaton.states.filter(({ kind }) => kind !== 'final' && kind !== 'stop');
    this.#byState = automaton.states.map(() => new Map());
  }

  /** In all states that a partial match may be in. */
  all(mask: Mask): readonly Decision[] {
    return this.#states.map((state) => this.of(state, mask));
  }

  /** The states in which an event does nothing, as bits. */
  unmoved(mask: Mask): number {
    const known = this.#unmoved.get(mask);
    if (known !== undefined) return known;
    let moved = 0;
    for (const state of this.#states) if (!this.of(state, mask).stays) moved |= bitOf(state);
    if (this.#unmoved.size < MOST_KEPT) this.#unmoved.set(mask, ~moved);
    return ~moved;
  }

  of(state: State, mask: Mask): Decision {
    const known = this.#byState[state.id]?.get(mask);
    if (known !== undefined) return known;
    const decision = decide(state, mask);
    if (this.#kept < MOST_KEPT) {
      this.#kept++;
      this.#byState[state.id]?.set(mask, decision);
    }
    return decision;
  }
}

function decide(state: State, mask: Mask): Decision {
  const begins = state.kind === 'start';
  const moves: Move[] = [];
  let stopped = false;
  for (const [from, { action, target }] of openEdges(state, mask)) {
    if (action === 'ignore' && begins) continue;
    stopped ||= target.kind === 'stop';
    const final = target.kind === 'final';
    const match = final || (action === 'take' && endsAfter(target, mask));
    moves.push({ step: action === 'take' ? from.step : -1, to: final ? undefined : target, match });
  }
  const going = stopped ? moves.map((move) => ({ ...move, to: undefined })) : moves;
  const only = moves.length === 1 ? moves[0] : undefined;
  const stays = begins ? moves.length === 0 : only?.step === -1 && only.to === state;
  return { stays, moves: going, restarts: begins && !stopped };
}

/** The edges, but those to proceed, that an event may go along, through all states it proceeds to. */
function openEdges(first: State, mask: Mask): [from: State, edge: Edge][] {
  const open: [State, Edge][] = [];
  const states = [first];
  for (let state = states.pop(); state !== undefined; state = states.pop()) {
    for (const edge of state.edges) {
      if (!edge.guard(mask)) continue;
      if (edge.action === 'proceed') states.push(edge.target);
      else open.push([state, edge]);
    }
  }
  return open;
}

/** Whether the rest of the pattern may take nothing. */
function endsAfter(first: State, mask: Mask): boolean {
  const states = [first];
  for (let state = states.pop(); state !== undefined; state = states.pop()) {
    for (const { action, target, guard } of state.edges) {
      if (action !== 'proceed' || !guard(mask)) continue;
      if (target.kind === 'final') return true;
      states.push(target);
    }
  }
  return false;
}
