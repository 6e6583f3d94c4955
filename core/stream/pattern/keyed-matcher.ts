import { KeyWriter } from '../../series/key-writer.ts';
import { StateReader, StateWriter } from '../codec.ts';
import { ChangedGroups, groupOf } from '../keyed-state.ts';
import type { Mask, Skip } from './definition.ts';
import { type Entry, OpenEntries, statesOf } from './entries.ts';
import { KeyTable } from './key-table.ts';
import { Matcher, type MatchSink } from './matcher.ts';
import { packMatching } from './packing.ts';
import type { Link } from './runs.ts';
import type { Automaton } from './states.ts';
import { Timers } from './timers.ts';
import { WaitingEvents } from './waiting-events.ts';

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

/** Matches a pattern in a stream of events, for each key by itself. */
export class KeyedMatcher {
  /** Of the next event: to be written before it is added. */
  readonly key: KeyWriter;
  readonly #automaton: Automaton;
  readonly #matcher: Matcher;
  readonly #limits: KeyedLimits;
  readonly #sink: KeyedSink;
  readonly #matchSink: MatchSink;
  readonly #entries = new KeyTable<Entry>();
  readonly #changed = new ChangedGroups<Entry>();
  readonly #open: OpenEntries;
  readonly #interests = new Map<Mask, Interest>();
  readonly #waiting = new WaitingEvents();
  readonly #timers = new Timers<Entry>();
  readonly #touched: Entry[] = [];
  /** Entries in which a match began in this turn. */
  readonly #began = new Set<Entry>();
  #turn = 0;
  #moment = 0;
  /** Where the events have come to; event time itself, unless too many were waiting. */
  #time = Number.NEGATIVE_INFINITY;
  #key = '';
  #now = 0;

  /** `seed`: of the hashes of keys, any 32 bits. */
  constructor(automaton: Automaton, skip: Skip, limits: KeyedLimits, sink: KeyedSink, seed: number) {
    this.key = new KeyWriter(seed);
    this.#automaton = automaton;
    this.#matcher = new Matcher(automaton, skip, { partialMatches: limits.partialMatches, links: limits.events });
    this.#open = new OpenEntries(automaton, this.#matcher);
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
    return this.#entries.size;
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

  /** Takes an event of `key` that is not late. `data[0, length)` is what its matches will know of it. */
  add(time: number, mask: Mask, data: Buffer, length: number): void {
    this.#waiting.add(time, this.key, mask, data, length);
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
    const entries = this.#changed.snapshot(this.#entries.values(), which, ({ matching }, to) => {
      to.bytes(Buffer.from(typeof matching === 'object' ? packMatching(matching) : (matching ?? ''), 'latin1'));
    });
    const waiting = this.#waiting;
    const writer = new StateWriter().double(this.#time).uint32(waiting.size);
    waiting.each((time) =>
      writer.double(time).text(waiting.key()).uint32(waiting.mask).bytes(Buffer.from(waiting.data(), 'latin1')),
    );
    return entries.set(WAITING, writer.finish());
  }

  /** Takes up what `snapshot` gave for the same pattern; there is no state before. */
  restore(entries: ReadonlyMap<string, Buffer>): void {
    this.#changed.restore(entries, (key, group, from) => {
      this.#writeKey(key);
      const entry = this.#open.restore(key, this.key.hash, group, from.bytes().toString('latin1'));
      this.#entries.add(entry);
      this.#setTimers(entry);
    });
    const waiting = entries.get(WAITING);
    if (waiting === undefined) return;
    const reader = new StateReader(waiting);
    this.#time = reader.double();
    for (let count = reader.uint32(); count > 0; count--) {
      const time = reader.double();
      this.#writeKey(reader.text());
      const mask = reader.uint32();
      const data = reader.bytes();
      this.#waiting.add(time, this.key, mask, data, data.length);
    }
  }

  #writeKey(text: string): void {
    this.key.begin();
    this.key.text(text);
    this.key.finish();
  }

  #setTimers(entry: Entry): void {
    const { within } = this.#automaton;
    if (within === 0) return;
    for (const began of this.#open.begins(entry)) this.#timers.add(began + within, entry);
  }

  /** Matches all events up to `time`, then lets each key that has a turn know of the time. */
  #run(time: number): void {
    this.#turn++;
    let before = Number.NaN;
    let order = 0;
    for (let at = this.#waiting.earliest; at <= time && this.#waiting.size > 0; at = this.#waiting.earliest) {
      if (at === before) order++;
      else {
        this.#moment++;
        order = 0;
        before = at;
      }
      this.#waiting.take();
      this.#process(at, order);
    }
    for (let due = this.#timers.pop(time); due !== undefined; due = this.#timers.pop(time)) this.#touch(due);
    for (const entry of this.#touched) this.#advance(entry, time);
    this.#touched.length = 0;
    this.#began.clear();
    this.#open.packSome();
  }

  /** Matches the event that was taken from those that wait. */
  #process(time: number, order: number): void {
    const { mask } = this.#waiting;
    const entry = this.#entryOf(mask);
    if (entry === undefined) return;
    const matching = this.#open.matching(entry);
    this.#touch(entry);
    this.#changed.touch(entry);
    this.#key = entry.key;
    this.#now = time;
    if (matching.moment !== this.#moment) this.#matcher.advance(matching, time, this.#matchSink);
    matching.moment = this.#moment;
    if (!this.#matcher.stays(matching, mask)) {
      const event = { time, order, data: this.#waiting.data() };
      if (this.#matcher.process(matching, mask, event, this.#matchSink)) this.#began.add(entry);
    }
    entry.states = statesOf(matching.runs);
    const { within } = this.#automaton;
    if (within > 0 && this.#began.has(entry)) this.#timers.add(time + within, entry);
  }

  /** The entry of the key of an event; undefined where the event changes nothing. */
  #entryOf(mask: Mask): Entry | undefined {
    const { hash, bytes, keyStart, keyEnd } = this.#waiting;
    const known = this.#entries.find(hash, bytes, keyStart, keyEnd);
    if (known !== undefined) return (known.states & ~this.#matcher.unmoved(mask)) === 0 ? undefined : known;
    if (!this.#matcher.begins(mask)) return undefined;
    if (this.#entries.size >= this.#limits.keys) {
      this.#sink.cut('keys');
      return undefined;
    }
    const key = this.#waiting.key();
    const entry = this.#open.begin(key, hash, groupOf(key));
    this.#entries.add(entry);
    return entry;
  }

  #advance(entry: Entry, time: number): void {
    if (entry.matching === undefined) return;
    const matching = this.#open.matching(entry);
    this.#key = entry.key;
    this.#now = time;
    this.#changed.touch(entry);
    this.#matcher.advance(matching, time, this.#matchSink);
    entry.states = statesOf(matching.runs);
    if (!this.#matcher.isIdle(matching)) return;
    entry.matching = undefined;
    this.#entries.delete(entry);
  }

  #touch(entry: Entry): void {
    if (entry.matching === undefined) return;
    const matching = this.#open.matching(entry);
    if (matching.turn === this.#turn) return;
    matching.turn = this.#turn;
    this.#touched.push(entry);
  }
}
