import type { StateReader, StateWriter } from '../codec.ts';
import type { Keyed } from '../keyed-state.ts';

/** Which windows an event belongs to. All in milliseconds; a window is [start, end). */
export type Windowing =
  | { readonly type: 'tumbling'; readonly size: number; readonly offset: number; readonly lateness: number }
  | {
      readonly type: 'sliding';
      readonly size: number;
      readonly slide: number;
      readonly offset: number;
      readonly lateness: number;
    }
  | { readonly type: 'session'; readonly gap: number; readonly lateness: number };

/** How the items of a window become one value. `A` is changed in place. */
export interface Aggregation<A, I> {
  create(): A;
  add(into: A, item: I): void;
  /** `from` is not used afterwards, or stays as it is and is merged again: it must not be changed or kept. */
  merge(into: A, from: A): void;
  /** How many bytes of memory the value takes, about, with what is around it. */
  size(value: A): number;
  encode(value: A, to: StateWriter): void;
  decode(from: StateReader): A;
}

/** A stretch of time of a key, with what came in it: a piece of a window, or a session. */
export interface Slice<A> {
  start: number;
  /** Exclusive. */
  end: number;
  value: A;
}

export interface WindowKey<A> extends Keyed {
  /** By start, ascending. Replaced where there is one more or one less, because a list that can grow is large. */
  slices: readonly Slice<A>[];
}

/** `slices` with one more, at its place. */
export function withSlice<A>(slices: readonly Slice<A>[], slice: Slice<A>): readonly Slice<A>[] {
  let at = slices.length;
  while (at > 0 && (slices[at - 1] as Slice<A>).start > slice.start) at--;
  // unlike a list that was spread or filtered, the result has no room for more
  return slices.toSpliced(at, 0, slice);
}

/** A window has ended, or got late data after it had (`late`). The value may be used until the next call only. */
export type Fire<A, K extends WindowKey<A>> = (key: K, start: number, end: number, value: A, late: boolean) => void;

/** The windows of one partition. `watermark` as in EventClock. */
export interface Windows<A, I, K extends WindowKey<A>> {
  /** False: too late for every window. The key is in the state by then, and may have no slices afterwards. */
  add(key: K, time: number, item: I, watermark: number): boolean;
  /** Fires what ends up to `watermark`, and forgets what is too late for more. */
  advance(watermark: number): void;
  /** Takes up a key with its slices as they were when the watermark was `watermark`. */
  restore(key: K, watermark: number): void;
  /** Windows that will fire. */
  readonly open: number;
  /** What the values of all slices take. */
  readonly bytes: number;
}
