import { Decisions } from './decisions.ts';
import type { Mask, Skip } from './definition.ts';
import {
  compareEvents,
  compareRuns,
  type Link,
  offer,
  poll,
  type Run,
  type RunQueue,
  removeIf,
  type TakenEvent,
} from './runs.ts';
import type { Automaton } from './states.ts';

/** What there is of one key. */
export interface Matching {
  /** Partial matches; the start state is one of them. */
  runs: RunQueue;
  /** Matches that a skip strategy holds back until what began before them is decided. */
  readonly waiting: RunQueue;
  /** Events in partial matches, each as often as it is part of a different beginning. */
  links: number;
  /** Of the owner: in which run the key had its turn last, and for which moment it was told of the time last. */
  turn: number;
  moment: number;
}

/** What a key may hold. Beyond it the partial matches that began first are given up. */
export interface MatchLimits {
  readonly partialMatches: number;
  readonly links: number;
}

/** Is told what comes of events and time. */
export interface MatchSink {
  match(tail: Link): void;
  /** A partial match whose time was over at `time`. */
  timeout(tail: Link, time: number): void;
  /** A partial match was given up because of a limit. */
  cut(): void;
}

/** Matches a pattern in the events of a key, which come in the order of their time. */
export class Matcher {
  /** What has taken nothing. */
  readonly start: Run;
  readonly #within: number;
  readonly #skip: Skip;
  readonly #skipStep: number;
  readonly #limits: MatchLimits;
  readonly #decisions: Decisions;
  /** When something is over shows in the time of a match. */
  readonly #noticesTime: boolean;

  constructor(automaton: Automaton, skip: Skip, limits: MatchLimits) {
    this.start = { state: automaton.start, tail: undefined, first: undefined };
    this.#within = automaton.within;
    this.#skip = skip;
    this.#skipStep = 'step' in skip ? automaton.steps.findIndex(({ name }) => name === skip.step) : -1;
    this.#limits = limits;
    this.#decisions = new Decisions(automaton);
    const { states, within } = automaton;
    const waits = states.some(({ kind, withinPrevious }) => kind === 'pending' || withinPrevious > 0);
    this.#noticesTime = waits || (within > 0 && skip.to !== 'noSkip');
  }

  /** Of a key of which nothing is known. */
  begin(): Matching {
    return { runs: [this.start], waiting: [], links: 0, turn: 0, moment: 0 };
  }

  /** Nothing but the start state is left. */
  isIdle({ runs, waiting }: Matching): boolean {
    return runs.length === 1 && waiting.length === 0;
  }

  /** The event may begin a match. */
  begins(mask: Mask): boolean {
    return !this.#decisions.of(this.start.state, mask).stays;
  }

  /** The event may become part of a match. */
  takes(mask: Mask): boolean {
    return this.#decisions.all(mask).some(({ moves }) => moves.some(({ step }) => step >= 0));
  }

  /** The event changes nothing, whatever came before, and nothing that waits for time would notice that it came. */
  ignores(mask: Mask): boolean {
    if (this.#noticesTime) return false;
    return this.#decisions.all(mask).every(({ stays }) => stays);
  }

  /**
   * The states in which an event changes nothing, as bits, where nothing that waits for time would notice that it came;
   * otherwise none.
   */
  unmoved(mask: Mask): number {
    return this.#noticesTime ? 0 : this.#decisions.unmoved(mask);
  }

  /** The event does nothing to any of the partial matches. */
  stays({ runs }: Matching, mask: Mask): boolean {
    for (const { state } of runs) if (!this.#decisions.of(state, mask).stays) return false;
    return true;
  }

  /** Takes an event that does something. True where a new partial match began. */
  process(matching: Matching, mask: Mask, event: TakenEvent, sink: MatchSink): boolean {
    const before = matching.runs;
    const runs: RunQueue = [];
    const matches: RunQueue = [];
    let began = false;
    matching.runs = runs;
    for (const run of before) {
      const decision = this.#decisions.of(run.state, mask);
      if (decision.stays) {
        offer(runs, run);
        continue;
      }
      for (const { step, to, match } of decision.moves) {
        const tail = step < 0 ? run.tail : this.#take(matching, run, step, event);
        const first = run.first ?? event;
        if (match) offer(matches, hold({ state: run.state, tail, first }));
        if (to !== undefined) offer(runs, hold({ state: to, tail, first }));
        if (step >= 0 && tail?.holders === 0) discard(matching, tail);
        began ||= run.first === undefined;
      }
      if (decision.restarts) offer(runs, run);
      release(matching, run);
      // links of runs that are still to come are not those of the result
      this.#bound(matching, Number.POSITIVE_INFINITY, sink);
    }
    this.#bound(matching, this.#limits.links, sink);
    this.#settle(matching, matches, sink);
    return began;
  }

  /** Event time has come to `time`: no earlier event comes. */
  advance(matching: Matching, time: number, sink: MatchSink): void {
    if (!matching.runs.some((run) => this.#isOver(run, time))) return;
    const before = matching.runs;
    const runs: RunQueue = [];
    const matches: RunQueue = [];
    matching.runs = runs;
    for (const run of before) {
      const { tail, first, state } = run;
      if (tail === undefined || first === undefined || !this.#isOver(run, time)) offer(runs, run);
      else if (state.kind === 'pending') offer(matches, run);
      else {
        const byStep = state.withinPrevious > 0 && time - tail.event.time >= state.withinPrevious;
        sink.timeout(tail, byStep ? tail.event.time + state.withinPrevious : first.time + this.#within);
        release(matching, run);
      }
    }
    this.#settle(matching, matches, sink);
  }

  #isOver({ state, tail, first }: Run, time: number): boolean {
    if (tail === undefined || first === undefined) return false;
    if (this.#within > 0 && time - first.time >= this.#within) return true;
    return state.withinPrevious > 0 && time - tail.event.time >= state.withinPrevious;
  }

  #take(matching: Matching, run: Run, step: number, event: TakenEvent): Link {
    if (run.tail !== undefined) run.tail.holders++;
    matching.links++;
    return { event, step, previous: run.tail, holders: 0 };
  }

  /** `most`: links. */
  #bound(matching: Matching, most: number, sink: MatchSink): void {
    const { runs } = matching;
    while (runs.length - 1 > this.#limits.partialMatches || matching.links > most) {
      if (runs[0] === undefined || runs[0].tail === undefined) return;
      release(matching, poll(runs) as Run);
      sink.cut();
    }
  }

  /** Hands out matches, in the order in which they began. */
  #settle(matching: Matching, matches: RunQueue, sink: MatchSink): void {
    const { runs, waiting } = matching;
    for (const match of matches) offer(waiting, match);
    for (let match = waiting[0]; match !== undefined; match = waiting[0]) {
      const earliest = runs[0];
      if (this.#skip.to !== 'noSkip' && earliest !== undefined && compareRuns(match, earliest) > 0) {
        if (waiting.length <= this.#limits.partialMatches) break;
        // too many wait for it
        release(matching, poll(runs) as Run);
        sink.cut();
        continue;
      }
      poll(waiting);
      const tail = match.tail as Link;
      this.#prune(matching, tail);
      sink.match(tail);
      release(matching, match);
    }
  }

  /** What the match ends, as the skip strategy has it. */
  #prune(matching: Matching, tail: Link): void {
    const { to } = this.#skip;
    if (to === 'noSkip') return;
    const until = this.#skipTo(tail);
    if (until === undefined) return;
    // the first two end what began with that event, too
    const least = to === 'skipToNext' || to === 'skipPastLastEvent' ? 1 : 0;
    const test = ({ first }: Run) => first !== undefined && compareEvents(first, until) < least;
    for (const queue of [matching.runs, matching.waiting]) {
      for (const run of removeIf(queue, test)) release(matching, run);
    }
  }

  #skipTo(tail: Link): TakenEvent | undefined {
    const { to } = this.#skip;
    if (to === 'skipPastLastEvent') return tail.event;
    let found: TakenEvent | undefined;
    for (let link: Link | undefined = tail; link !== undefined; link = link.previous) {
      if (to === 'skipToNext' || link.step === this.#skipStep) found = link.event;
      if (to === 'skipToLast' && found !== undefined) break;
    }
    return found;
  }
}

function hold(run: Run): Run {
  if (run.tail !== undefined) run.tail.holders++;
  return run;
}

function release(matching: Matching, { tail }: Run): void {
  if (tail === undefined) return;
  tail.holders--;
  if (tail.holders === 0) discard(matching, tail);
}

/** Gives up a link that nobody holds, and those before it that only it held. */
function discard(matching: Matching, unheld: Link): void {
  for (let link: Link | undefined = unheld; link !== undefined; link = link.previous) {
    matching.links--;
    if (link.previous === undefined) return;
    link.previous.holders--;
    if (link.previous.holders > 0) return;
  }
}
