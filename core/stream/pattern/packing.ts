import { next, readVarint, writeVarint } from '../../otlp/wire.ts';
import type { Matching } from './matcher.ts';
import type { Link, Run, RunQueue, TakenEvent } from './runs.ts';
import type { Automaton, State } from './states.ts';

const LONGEST_VARINT = 10;
const DAMAGED = 'the state of a key is damaged';

/** Where states are written and read, one after the other. */
let scratch = Buffer.allocUnsafeSlow(1 << 12);
let at = 0;

/**
 * The state of a key as bytes in a latin1 string, which is how idle keys are kept and what snapshots have:
 *
 *   events   count, then each: milliseconds (a double), order, length of data, data
 *   links    count, then each: its event, its step, the number of the link before + 1, or 0
 *   runs     count, then each: its state, the number of its last link + 1, or 0; in the order of the queue
 *   waiting  as runs
 *
 * Counts and numbers are varints.
 */
export function packMatching({ runs, waiting }: Matching): string {
  const links = new Map<Link, number>();
  const events = new Map<TakenEvent, number>();
  for (const queue of [runs, waiting]) for (const { tail } of queue) enumerate(tail, links);
  for (const { event } of links.keys()) if (!events.has(event)) events.set(event, events.size);
  at = 0;
  put(events.size);
  for (const event of events.keys()) putEvent(event);
  put(links.size);
  for (const { event, step, previous } of links.keys()) {
    put(events.get(event) as number);
    put(step);
    put(previous === undefined ? 0 : (links.get(previous) as number) + 1);
  }
  for (const queue of [runs, waiting]) {
    put(queue.length);
    for (const { state, tail } of queue) {
      put(state.id);
      put(tail === undefined ? 0 : (links.get(tail) as number) + 1);
    }
  }
  return scratch.toString('latin1', 0, at);
}

/**
 * `start`: the run that has taken nothing.
 * @throws Error where the bytes are not of this automaton
 */
export function unpackMatching(packed: string, automaton: Automaton, start: Run): Matching {
  at = 0;
  reserve(packed.length + 1);
  scratch.write(packed, 0, 'latin1');
  const events = many(getEvent);
  const links: Link[] = [];
  for (let count = get(); count > 0; count--) links.push(getLink(events, links, automaton.steps.length));
  const runs: RunQueue = many(() => getRun(automaton, links, start));
  const waiting: RunQueue = many(() => getRun(automaton, links, start));
  if (at !== packed.length) throw new Error(DAMAGED);
  return { runs, waiting, links: links.length, turn: 0, moment: 0 };
}

/** Links before those that follow them. */
function enumerate(tail: Link | undefined, links: Map<Link, number>): void {
  const path: Link[] = [];
  for (let link = tail; link !== undefined && !links.has(link); link = link.previous) path.push(link);
  for (let link = path.pop(); link !== undefined; link = path.pop()) links.set(link, links.size);
}

function putEvent({ time, order, data }: TakenEvent): void {
  reserve(data.length + 8);
  at = scratch.writeDoubleLE(time, at);
  put(order);
  put(data.length);
  reserve(data.length);
  at += scratch.write(data, at, 'latin1');
}

function getEvent(): TakenEvent {
  const time = scratch.readDoubleLE(at);
  at += 8;
  const order = get();
  const size = get();
  const start = at;
  at += size;
  return { time, order, data: scratch.toString('latin1', start, at) };
}

function getLink(events: readonly TakenEvent[], links: readonly Link[], steps: number): Link {
  const event = events[get()];
  const step = get();
  const before = get();
  const previous = links[before - 1];
  if (event === undefined || step >= steps || (previous === undefined) !== (before === 0)) throw new Error(DAMAGED);
  if (previous !== undefined) previous.holders++;
  return { event, step, previous, holders: 0 };
}

function getRun(automaton: Automaton, links: readonly Link[], start: Run): Run {
  const state: State | undefined = automaton.states[get()];
  const end = get();
  const tail = links[end - 1];
  if (state === undefined || (tail === undefined) !== (end === 0)) throw new Error(DAMAGED);
  if (tail === undefined) return start;
  tail.holders++;
  let first = tail;
  while (first.previous !== undefined) first = first.previous;
  return { state, tail, first: first.event };
}

function many<T>(one: () => T): T[] {
  const list: T[] = [];
  for (let count = get(); count > 0; count--) list.push(one());
  return list;
}

function put(value: number): void {
  reserve(0);
  at = writeVarint(scratch, at, value);
}

function get(): number {
  const value = readVarint(scratch, at);
  at = next;
  return value;
}

function reserve(size: number): void {
  if (at + size + LONGEST_VARINT <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(2 * scratch.length + size);
  scratch.copy(larger, 0, 0, at);
  scratch = larger;
}
