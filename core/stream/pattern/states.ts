import type { Mask, Step } from './definition.ts';

/** Whether an edge is open for an event. */
export type Guard = (mask: Mask) => boolean;

/**
 * take: the event becomes part of the match; ignore: it does not, the match goes on; proceed: goes to the target
 * first and applies the event there.
 */
export interface Edge {
  readonly action: 'take' | 'ignore' | 'proceed';
  readonly target: State;
  guard: Guard;
}

export interface State {
  /** Its number in the automaton. */
  readonly id: number;
  /** The number of its step; -1 for the final state. */
  readonly step: number;
  /** pending: a match once the time is over; stop: ends the partial match that gets here. */
  kind: 'start' | 'normal' | 'pending' | 'stop' | 'final';
  /** Milliseconds since the event before after which a partial match in this state is over; 0: no limit. */
  withinPrevious: number;
  readonly edges: Edge[];
}

/** A pattern as states. Which of them a partial match is in, and what it took, is all there is to it. */
export interface Automaton {
  readonly steps: readonly Step[];
  readonly states: readonly State[];
  readonly start: State;
  /** Milliseconds from the first event after which a partial match is over; 0: no limit. */
  readonly within: number;
}

/** A state as a bit of a small integer; those from the 31st on, which hardly a pattern has, share one. */
export const bitOf = ({ id }: State): number => 1 << Math.min(id, 30);

export const always: Guard = () => true;
export const and =
  (a: Guard, b: Guard): Guard =>
  (mask) =>
    a(mask) && b(mask);
export const not =
  (a: Guard): Guard =>
  (mask) =>
    !a(mask);
export const condition = (bit: number | undefined): Guard =>
  bit === undefined ? always : (mask) => ((mask >>> bit) & 1) === 1;

export function edge(from: State, action: Edge['action'], target: State, guard: Guard): void {
  from.edges.push({ action, target, guard });
}

/** What a greedy loop before the state takes is not for the state. */
export function giveWay(state: State, take: Guard): void {
  for (const each of state.edges) each.guard = and(each.guard, not(take));
}
