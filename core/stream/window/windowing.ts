import type { StateReader, StateWriter } from '../codec.ts';
import type { Slices, WindowKey } from './slices.ts';

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

/** How the items of a window become one value. There may be millions, so each is in a row of the aggregation's own. */
export interface Aggregation<I> {
  /** The row, which was not used or is used no more, has a value of no items. */
  begin(row: number): void;
  add(into: number, item: I): void;
  /** `from` may be merged again, into others: it must not be changed, nor what it consists of be kept. */
  merge(into: number, from: number): void;
  /** How many bytes of memory the value takes, about, with what is around it. */
  size(row: number): number;
  encode(row: number, to: StateWriter): void;
  /** As `begin`, with the value that `encode` wrote. */
  decode(row: number, from: StateReader): void;
  /** The value is gone. */
  end(row: number): void;
}

/** A window has ended, or got late data after it had (`late`). `row` has its value until the next call only. */
export type Fire<K extends WindowKey> = (key: K, start: number, end: number, row: number, late: boolean) => void;

/** What windows of any kind need. */
export interface WindowsOptions<I, K extends WindowKey> {
  readonly slices: Slices<I>;
  readonly lateness: number;
  readonly fire: Fire<K>;
  /** The key has fewer slices than before, perhaps none. */
  readonly shrunk: (key: K) => void;
}

/** The windows of one partition. `watermark` as in EventClock. */
export interface Windows<I, K extends WindowKey> {
  /** False: too late for every window. The key is in the state by then, and may have no slices afterwards. */
  add(key: K, time: number, item: I, watermark: number): boolean;
  /** Fires what ends up to `watermark`, and forgets what is too late for more. */
  advance(watermark: number): void;
  /** Takes up a key with its slices as they were when the watermark was `watermark`. */
  restore(key: K, watermark: number): void;
  /** Windows that will fire. */
  readonly open: number;
}
