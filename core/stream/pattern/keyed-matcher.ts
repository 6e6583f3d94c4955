import { StateReader, StateWriter } from '../codec.ts';
import { groupOf, KeyedState } from '../keyed-state.ts';
import type { Mask, Skip } from './definition.ts';
import { Matcher, type Matching, type MatchSink } from './matcher.ts';
import { packMatching, unpackMatching } from './packing.ts';
import type { Link } from './runs.ts';
import type { Automaton } from './states.ts';
import { Timers } from './timers.ts';
import { WaitingEvents } from './waiting-events.ts';

/** So many keys are kept as objects; those that were not used the longest are bytes, a third of the size. */
const MOST_OPEN = 8_192;

/** The entry of a snapshot with the events that wait. */
const WAITING = 'waiting';

/** What did not fit into one of the limits. */
export type Cut = 'keys' | 'partial matches' | 'order';

/** taken: it may become part of a match; noticed: not that, but it may end one; none: it need not be added. */
export type Interest = 'taken' | 'noticed' | 'none';

export interface KeyedLimits {
  /** Keys with a partial match; further ones begin none. */
  readonly keys: number;
  /** Partial matches of a key; beyond, the earliest are given up. */
  readonly partialMatches: number;
  /** Events in the partial matches of a key; beyond, the earliest matches are given up. */
  readonly events: number;
  /** Events that wait for event time; beyond, the earliest are matched, and what is earlier is late. */
  readonly waiting: number;
}

/** Is told what the events come to. `time` in milliseconds; Infinity where only the end of the input decided it. */
export interface KeyedSink {
  match(key: string, tail: Link, time: number): void;
  timeout(key: string, tail: Link, time: number): void;
  cut(what: Cut): void;
}

interface Entry {
  readonly key: string;
  readonly group: number;
  /** A string is what `packMatching` made of it. Undefined: nothing is left of the key, it was forgotten. */
  matching: Matching | string | undefined;
  /** The last run in which the key had its turn. */
  turn: number;
  /** The last moment for which the key was told of the time. */
  moment: number;
}

/** Matches a pattern in a stream of events, for each key by itself. */
export class KeyedMatcher {
  readonly #automaton: Automaton;
  readonly #matcher: Matcher;
  readonly #limits: KeyedLimits;
  readonly #sink: KeyedSink;
  readonly #matchSink: MatchSink;
  readonly #states = new KeyedState<Entry>();
  readonly #interests = new Map<Mask, Interest>();
  readonly #waiting = new WaitingEvents();
  readonly #timers = new Timers<Entry>();
  /** Entries that are objects, those that became so first in front. */
  readonly #open: Entry[] = [];
  readonly #touched: Entry[] = [];
  /** Entries in which a match began in this turn. */
  readonly #began = new Set<Entry>();
  #turn = 0;
  #moment = 0;
  /** Where the events have come to; event time itself, unless too many were waiting. */
  #time = Number.NEGATIVE_INFINITY;
  #key = '';
  #now = 0;

  constructor(automaton: Automaton, skip: Skip, limits: KeyedLimits, sink: KeyedSink) {
    this.#automaton = automaton;
    this.#matcher = new Matcher(automaton, skip, { partialMatches: limits.partialMatches, links: limits.events });
    this.#limits = limits;
    this.#sink = sink;
    this.#matchSink = {
      match: (tail) => sink.match(this.#key, tail, this.#now),
      timeout: (tail, time) => sink.timeout(this.#key, tail, time),
      cut: () => sink.cut('partial matches'),
    };
  }

  /** Keys with a partial match. */
  get keys(): number {
    return this.#states.size;
  }

  /** What an event is to the pattern, whatever its key. */
  interestIn(mask: Mask): Interest {
    const known = this.#interests.get(mask);
    if (known !== undefined) return known;
    const taken = this.#matcher.takes(mask) ? 'taken' : 'noticed';
    const interest = this.#matcher.ignores(mask) ? 'none' : taken;
    this.#interests.set(mask, interest);
    return interest;
  }

  /** An event at or before `time` is too late to be taken. */
  isLate(time: number): boolean {
    return time <= this.#time;
  }

  /** Takes an event that is not late. `data` is what its matches will know of it. */
  add(key: string, time: number, mask: Mask, data: string): void {
    this.#waiting.add(time, key, mask, data);
    if (this.#waiting.size <= this.#limits.waiting) return;
    this.#sink.cut('order');
    this.#time = this.#waiting.earliest;
    this.#run(this.#time);
  }

  /** Matches what waits, as if event time had come to the last of it. */
  finish(): void {
    while (this.#waiting.size > 0) this.advance(this.#waiting.earliest);
  }

  /** Event time has come to `watermark`. */
  advance(watermark: number): void {
    if (watermark <= this.#time) return;
    this.#time = watermark;
    this.#run(watermark);
  }

  /** See Checkpointed.snapshot. */
  snapshot(which: 'all' | 'changed'): Map<string, Buffer | undefined> {
    const entries = this.#states.snapshot(which, ({ matching }, to) => {
      to.bytes(Buffer.from(typeof matching === 'object' ? packMatching(matching) : (matching ?? ''), 'latin1'));
    });
    const writer = new StateWriter().double(this.#time).uint32(this.#waiting.size);
    for (const [time, events] of this.#waiting.entries()) {
      for (let i = 0; i < events.length; i++) {
        writer
          .double(time)
          .text(events.key(i))
          .uint32(events.mask(i))
          .bytes(Buffer.from(events.data(i), 'latin1'));
      }
    }
    return entries.set(WAITING, writer.finish());
  }

  /** Takes up what `snapshot` gave for the same pattern; there is no state before. */
  restore(entries: ReadonlyMap<string, Buffer>): void {
    this.#states.restore(entries, (key, group, from) => {
      const entry = { key, group, matching: from.bytes().toString('latin1'), turn: 0, moment: 0 };
      this.#setTimers(entry);
      return entry;
    });
    const waiting = entries.get(WAITING);
    if (waiting === undefined) return;
    const reader = new StateReader(waiting);
    this.#time = reader.double();
    for (let count = reader.uint32(); count > 0; count--) {
      const time = reader.double();
      const key = reader.text();
      const mask = reader.uint32();
      this.#waiting.add(time, key, mask, reader.bytes().toString('latin1'));
    }
  }

  #setTimers(entry: Entry): void {
    const { within } = this.#automaton;
    const { runs } = unpackMatching(entry.matching as string, this.#automaton, this.#matcher.start);
    if (within === 0) return;
    for (const time of new Set(runs.flatMap(({ first }) => (first === undefined ? [] : [first.time + within])))) {
      this.#timers.add(time, entry);
    }
  }

  /** Matches all events up to `time`, then lets each key that has a turn know of the time. */
  #run(time: number): void {
    this.#turn++;
    for (let at = this.#waiting.earliest; at <= time && this.#waiting.size > 0; at = this.#waiting.earliest) {
      const events = this.#waiting.take();
      this.#moment++;
      for (let order = 0; order < events.length; order++) {
        this.#process(events.key(order), events.mask(order), events.data(order), at, order);
      }
    }
    for (let due = this.#timers.pop(time); due !== undefined; due = this.#timers.pop(time)) this.#touch(due);
    for (const entry of this.#touched) this.#advance(entry, time);
    this.#touched.length = 0;
    this.#began.clear();
    this.#packSome();
  }

  #process(key: string, mask: Mask, data: string, time: number, order: number): void {
    let entry = this.#states.get(key);
    if (entry === undefined) {
      if (!this.#matcher.begins(mask)) return;
      if (this.#states.size >= this.#limits.keys) {
        this.#sink.cut('keys');
        return;
      }
      entry = { key, group: groupOf(key), matching: this.#matcher.begin(), turn: 0, moment: 0 };
      this.#states.add(entry);
      this.#open.push(entry);
    }
    const matching = this.#matching(entry);
    this.#touch(entry);
    this.#states.touch(entry);
    this.#key = key;
    this.#now = time;
    if (entry.moment !== this.#moment) this.#matcher.advance(matching, time, this.#matchSink);
    entry.moment = this.#moment;
    if (this.#matcher.process(matching, mask, { time, order, data }, this.#matchSink)) this.#began.add(entry);
    const { within } = this.#automaton;
    if (within > 0 && this.#began.has(entry)) this.#timers.add(time + within, entry);
  }

  #advance(entry: Entry, time: number): void {
    if (entry.matching === undefined) return;
    const matching = this.#matching(entry);
    this.#key = entry.key;
    this.#now = time;
    this.#states.touch(entry);
    this.#matcher.advance(matching, time, this.#matchSink);
    if (!this.#matcher.isIdle(matching)) return;
    entry.matching = undefined;
    this.#states.delete(entry);
  }

  #touch(entry: Entry): void {
    if (entry.turn === this.#turn || entry.matching === undefined) return;
    entry.turn = this.#turn;
    this.#touched.push(entry);
  }

  #matching(entry: Entry): Matching {
    const { matching } = entry;
    if (typeof matching === 'object') return matching;
    const opened = unpackMatching(matching ?? '', this.#automaton, this.#matcher.start);
    entry.matching = opened;
    this.#open.push(entry);
    return opened;
  }

  #packSome(): void {
    if (this.#open.length <= MOST_OPEN) return;
    for (const entry of this.#open.splice(0, this.#open.length - MOST_OPEN / 2)) {
      if (typeof entry.matching === 'object') entry.matching = packMatching(entry.matching);
    }
  }
}
