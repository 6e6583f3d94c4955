import type { Windowing } from '../stream/window/windowing.ts';

export interface NaiveFiring {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** In the order of arrival. */
  readonly values: readonly number[];
  readonly late: boolean;
}

interface NaiveWindow {
  readonly key: string;
  start: number;
  end: number;
  values: number[];
  fired: boolean;
}

/**
 * Windows as they are defined, without thought of cost: each keeps a copy of its values. What the real ones are
 * compared with, in tests and in figures.
 */
export class NaiveWindows {
  readonly firings: NaiveFiring[] = [];
  watermark = Number.NEGATIVE_INFINITY;
  readonly #windowing: Windowing;
  #windows: NaiveWindow[] = [];

  constructor(windowing: Windowing) {
    this.#windowing = windowing;
  }

  get open(): number {
    const open = this.#windows.filter(({ fired }) => !fired);
    return this.#windowing.type === 'session' ? open.length : new Set(open.map(({ start }) => start)).size;
  }

  /** False: late for all windows. */
  add(key: string, time: number, value: number): boolean {
    return this.#windowing.type === 'session' ? this.#addToSession(key, time, value) : this.#addAll(key, time, value);
  }

  advance(watermark: number): void {
    this.watermark = Math.max(this.watermark, watermark);
    const due = this.#windows.filter(({ end, fired }) => !fired && end - 1 <= this.watermark);
    due.sort((a, b) => a.end - b.end || (a.key < b.key ? -1 : 1));
    for (const window of due) this.#fire(window, false);
    this.#windows = this.#windows.filter(({ end }) => !this.#isOver(end));
  }

  #addAll(key: string, time: number, value: number): boolean {
    const windows = [...this.#windowsOf(time)];
    for (const [start, end] of windows) {
      if (this.#isOver(end)) continue;
      let window = this.#windows.find((one) => one.key === key && one.start === start);
      if (window === undefined) {
        window = { key, start, end, values: [], fired: false };
        this.#windows.push(window);
      }
      window.values.push(value);
      if (end - 1 <= this.watermark) this.#fire(window, true);
    }
    if (windows.length === 0) return time + this.#windowing.lateness > this.watermark;
    return windows.some(([, end]) => !this.#isOver(end));
  }

  *#windowsOf(time: number): Iterable<[start: number, end: number]> {
    const windowing = this.#windowing;
    if (windowing.type === 'session') return;
    const { size, offset } = windowing;
    const slide = windowing.type === 'sliding' ? windowing.slide : size;
    const newest = Math.floor((time - offset) / slide) * slide + offset;
    for (let start = newest; start + size > time; start -= slide) yield [start, start + size];
  }

  #addToSession(key: string, time: number, value: number): boolean {
    if (this.#windowing.type !== 'session') return false;
    const merged: NaiveWindow = { key, start: time, end: time + this.#windowing.gap, values: [], fired: false };
    for (let grown = true; grown; ) {
      const touching = this.#windows.find((o) => o.key === key && o.start <= merged.end && o.end >= merged.start);
      grown = touching !== undefined;
      if (touching === undefined) break;
      this.#windows.splice(this.#windows.indexOf(touching), 1);
      merged.start = Math.min(merged.start, touching.start);
      merged.end = Math.max(merged.end, touching.end);
      merged.values = [...merged.values, ...touching.values];
    }
    if (this.#isOver(merged.end)) return false;
    merged.values.push(value);
    this.#windows.push(merged);
    if (merged.end - 1 <= this.watermark) this.#fire(merged, true);
    return true;
  }

  #fire(window: NaiveWindow, late: boolean): void {
    window.fired = true;
    const { key, start, end, values } = window;
    this.firings.push({ key, start, end, values: [...values], late });
  }

  #isOver(end: number): boolean {
    return end - 1 + this.#windowing.lateness <= this.watermark;
  }
}
