import {
  isLoop,
  isNegative,
  isOptional,
  type PatternDefinition,
  type Quantifier,
  type Step,
  timesOf,
} from './definition.ts';
import { type Automaton, always, and, condition, edge, type Guard, giveWay, not, type State } from './states.ts';

/** Of a definition in which `faultOf` finds no fault. */
export function automatonOf(definition: PatternDefinition): Automaton {
  return new Builder(definition.steps).build();
}

/**
 * Builds the states from the last step to the first, because a step needs to know where it leads. The result is the
 * automaton of Flink's NFACompiler, edge by edge: the order of edges decides the order of matches.
 */
class Builder {
  readonly #steps: readonly Step[];
  readonly #states: State[] = [];
  /** One stop state for each not-step, however many edges lead there. */
  readonly #stops = new Map<number, State>();
  /** Stop states that a step after an optional one may leave behind; see `#withoutEarlierNots`. */
  readonly #leavable = new Set<State>();
  /** Of states behind a greedy loop with `until`: as they were before the loop got precedence. */
  readonly #originals = new Map<State, State>();
  #within: number | undefined;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  build(): Automaton {
    const steps = this.#steps;
    this.#within = steps.at(-1)?.within;
    let sink = this.#state('final', -1);
    for (let index = steps.length - 1; index > 0; index--) {
      sink = this.#stepState(index, sink);
      const limit = steps[index - 1]?.within;
      if (limit !== undefined && limit < (this.#within ?? Number.POSITIVE_INFINITY)) this.#within = limit;
    }
    const start = this.#positive(0, sink);
    start.kind = 'start';
    return { steps, states: this.#states, start, within: this.#within ?? 0 };
  }

  #stepState(index: number, sink: State): State {
    const step = this.#steps[index] as Step;
    if (step.contiguity === 'notNext') return this.#notNext(index, sink);
    if (step.contiguity !== 'notFollowedBy') return this.#positive(index, sink);
    const limited = step.withinPrevious !== undefined || (this.#within ?? 0) > 0;
    // elsewhere it is only a matter of the edges of the steps around it
    return limited && sink.kind === 'final' ? this.#lastNotFollowedBy(index) : sink;
  }

  #lastNotFollowedBy(index: number): State {
    const forbidden = this.#where(index);
    const state = this.#state('pending', index, true);
    const stop = this.#stop(index);
    this.#leavable.delete(stop);
    edge(state, 'proceed', stop, forbidden);
    edge(state, 'ignore', state, not(forbidden));
    return state;
  }

  #notNext(index: number, sink: State): State {
    const forbidden = this.#where(index);
    const state = this.#state('normal', index, true);
    const stop = this.#stop(index);
    this.#leavable.delete(stop);
    // an event that is allowed completes the match only where there is one: the end is not proceeded to
    edge(state, sink.kind === 'final' ? 'ignore' : 'proceed', sink, not(forbidden));
    edge(state, 'proceed', stop, forbidden);
    return state;
  }

  #positive(index: number, sink: State): State {
    const step = this.#steps[index] as Step;
    const times = timesOf(step);
    const first =
      times === undefined
        ? this.#single(index, sink, sink, this.#where(index), this.#ignoreBefore(index), isOptional(step))
        : this.#repeated(index, isLoop(step) ? this.#loop(index, this.#withoutEarlierNots(index, sink)) : sink, sink);
    this.#addStops(index, first);
    return first;
  }

  /** The states of a step that is taken several times, the last one leading to `sink`. */
  #repeated(index: number, sink: State, after: State): State {
    const step = this.#steps[index] as Step;
    const [from, to] = timesOf(step) as readonly [number, number];
    const take = this.#takeInLoop(index);
    const ignore = this.#ignoreInLoop(index);
    if (step.quantifier?.greedy === true && from !== to) giveWay(sink, take);
    let last = sink;
    for (let i = 1; i < to; i++) {
      last = this.#single(index, last, after, take, ignore, i <= to - from);
      this.#addStopOfNext(index, last);
    }
    return this.#single(index, last, after, take, this.#ignoreBefore(index), isOptional(step));
  }

  /** A state that takes one event. Where it is optional, it also proceeds to `after`. */
  #single(index: number, sink: State, after: State, take: Guard, ignore: Guard | undefined, optional: boolean): State {
    const step = this.#steps[index] as Step;
    const state = this.#state('normal', index, true);
    const next = this.#withoutEarlierNots(index, sink);
    edge(state, 'take', next, take);
    if (optional) this.#proceed(step, state, after);
    if (ignore === undefined) return state;
    // who ignored an event while the step was optional has chosen not to proceed: a state without that edge
    const waiting = optional ? this.#state('normal', index) : state;
    if (optional) {
      edge(waiting, 'take', next, take);
      edge(waiting, 'ignore', waiting, ignore);
      this.#addStops(index, waiting);
    }
    edge(state, 'ignore', waiting, ignore);
    return state;
  }

  #loop(index: number, sink: State): State {
    const step = this.#steps[index] as Step;
    const take = this.#takeInLoop(index);
    const ignore = this.#ignoreInLoop(index);
    const state = this.#state('normal', index, true);
    const greedy = step.quantifier?.greedy === true;
    if (greedy && step.until !== undefined) this.#originals.set(sink, this.#copy(sink));
    this.#proceed(step, state, sink);
    if (greedy) giveWay(sink, this.#where(index));
    edge(state, 'take', state, take);
    this.#addStopOfNext(index, state);
    if (ignore === undefined) return state;
    const waiting = this.#state('normal', index);
    edge(waiting, 'take', state, take);
    edge(waiting, 'ignore', waiting, ignore);
    edge(state, 'ignore', waiting, ignore);
    this.#addStopOfNext(index, waiting);
    return state;
  }

  /** A greedy loop that `until` ended proceeds to the state as it is without the loop. */
  #proceed(step: Step, from: State, to: State): void {
    if (step.quantifier?.greedy !== true || step.until === undefined) {
      edge(from, 'proceed', to, always);
      return;
    }
    const until = condition(step.until);
    edge(from, 'proceed', this.#originals.get(to) ?? to, until);
    edge(from, 'proceed', to, not(until));
  }

  /**
   * `sink` as it is for who has taken an event of an optional step: the not-steps before that step no longer hold. In
   * a, notFollowedBy b, optional c, d the events a c b d match, a b d do not.
   */
  #withoutEarlierNots(index: number, sink: State): State {
    const nots = this.#notsBefore(index);
    if (nots.length === 0 || !isOptional(this.#steps[index] as Step)) return sink;
    const copy = this.#state(sink.kind, sink.step);
    for (const { action, target, guard } of sink.edges) {
      if (action !== 'proceed') edge(copy, action, target === sink ? copy : target, guard);
      else if (target.kind !== 'stop') edge(copy, action, this.#withoutEarlierNots(index, target), guard);
      else if (!(nots.includes(target.step) && this.#leavable.has(target))) edge(copy, action, target, guard);
    }
    return copy;
  }

  /** The notFollowedBy steps that hold until this step is taken, from near to far. */
  #notsBefore(index: number): number[] {
    const nots: number[] = [];
    for (let i = index - 1; i >= 0; i--) {
      const step = this.#steps[i] as Step;
      const forbids = step.contiguity === 'notFollowedBy';
      if (!forbids && !isOptional(step)) break;
      if (forbids) nots.push(i);
    }
    return nots;
  }

  #addStops(index: number, state: State): void {
    for (const forbidden of this.#notsBefore(index)) {
      edge(state, 'proceed', this.#stop(forbidden), this.#where(forbidden));
    }
  }

  /** A loop that is followed by notFollowedBy is ended by the forbidden event. */
  #addStopOfNext(index: number, state: State): void {
    if (this.#steps[index + 1]?.contiguity !== 'notFollowedBy') return;
    edge(state, 'proceed', this.#stop(index + 1), this.#where(index + 1));
  }

  #stop(index: number): State {
    const known = this.#stops.get(index);
    if (known !== undefined) return known;
    const state = this.#state('stop', index);
    edge(state, 'take', state, this.#where(index));
    this.#stops.set(index, state);
    this.#leavable.add(state);
    return state;
  }

  #copy(state: State): State {
    const copy = this.#state(state.kind, state.step);
    for (const { action, target, guard } of state.edges) edge(copy, action, target === state ? copy : target, guard);
    return copy;
  }

  #where(index: number): Guard {
    return condition(this.#steps[index]?.where);
  }

  #takeInLoop(index: number): Guard {
    const until = this.#steps[index]?.until;
    const where = this.#where(index);
    return until === undefined ? where : and(not(condition(until)), where);
  }

  #ignoreInLoop(index: number): Guard | undefined {
    const { until, quantifier } = this.#steps[index] as Step;
    const ignore = this.#ignore(index, innerContiguity(quantifier));
    return until === undefined || ignore === undefined ? ignore : and(not(condition(until)), ignore);
  }

  #ignoreBefore(index: number): Guard | undefined {
    return this.#ignore(index, (this.#steps[index] as Step).contiguity);
  }

  #ignore(index: number, contiguity: Step['contiguity']): Guard | undefined {
    if (contiguity === 'followedByAny') return always;
    return contiguity === 'followedBy' ? not(this.#where(index)) : undefined;
  }

  #state(kind: State['kind'], index: number, limited = false): State {
    const step = this.#steps[index];
    const single = step !== undefined && (isNegative(step) || timesOf(step) === undefined);
    const withinPrevious = limited && single ? (step.withinPrevious ?? 0) : 0;
    const state: State = { id: this.#states.length, step: index, kind, withinPrevious, edges: [] };
    this.#states.push(state);
    return state;
  }
}

function innerContiguity(quantifier: Quantifier | undefined): Step['contiguity'] {
  if (quantifier?.consecutive === true) return 'next';
  return quantifier?.allowCombinations === true ? 'followedByAny' : 'followedBy';
}
