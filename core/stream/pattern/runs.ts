import type { State } from './states.ts';

/** An event that is part of a partial match. */
export interface TakenEvent {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  /** Tells events of one key and time apart, ascending in their order. */
  readonly order: number;
  /** What was kept of it, as bytes in a latin1 string. */
  readonly data: string;
}

/** The end of what a partial match took. Those that took the same at first share it. */
export interface Link {
  readonly event: TakenEvent;
  /** The number of the step. */
  readonly step: number;
  readonly previous: Link | undefined;
  /** Runs that end here and links that follow; with none it is gone. */
  holders: number;
}

/** A partial match. Never changed. The one in the start state has taken nothing. */
export interface Run {
  readonly state: State;
  readonly tail: Link | undefined;
  readonly first: TakenEvent | undefined;
}

/**
 * Runs by the event they began with, the start state last. These are the steps of java.util.PriorityQueue, because
 * the order of runs that began with one event is what these steps make of it, and with it the order of matches.
 */
export type RunQueue = Run[];

/** Negative where `a` comes before `b`; 0 where both began with one event. */
export function compareRuns(a: Run, b: Run): number {
  if (a.first === undefined) return b.first === undefined ? 0 : 1;
  return b.first === undefined ? -1 : compareEvents(a.first, b.first);
}

export function compareEvents(a: TakenEvent, b: TakenEvent): number {
  return a.time - b.time || a.order - b.order;
}

export function offer(queue: RunQueue, run: Run): void {
  let at = queue.length;
  queue.push(run);
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    const above = queue[parent] as Run;
    if (compareRuns(run, above) >= 0) break;
    queue[at] = above;
    at = parent;
  }
  queue[at] = run;
}

export function poll(queue: RunQueue): Run | undefined {
  const first = queue[0];
  const last = queue.pop();
  if (last !== undefined && queue.length > 0) sink(queue, 0, last);
  return first;
}

/** Those for which `test` holds, in the order of the queue. */
export function removeIf(queue: RunQueue, test: (run: Run) => boolean): readonly Run[] {
  const removed: Run[] = [];
  let kept = 0;
  for (const run of queue) {
    if (test(run)) removed.push(run);
    else queue[kept++] = run;
  }
  if (removed.length === 0) return removed;
  queue.length = kept;
  for (let at = (kept >>> 1) - 1; at >= 0; at--) sink(queue, at, queue[at] as Run);
  return removed;
}

function sink(queue: RunQueue, from: number, run: Run): void {
  const half = queue.length >>> 1;
  let at = from;
  while (at < half) {
    let child = 2 * at + 1;
    const right = child + 1;
    if (right < queue.length && compareRuns(queue[child] as Run, queue[right] as Run) > 0) child = right;
    const least = queue[child] as Run;
    if (compareRuns(run, least) <= 0) break;
    queue[at] = least;
    at = child;
  }
  queue[at] = run;
}
