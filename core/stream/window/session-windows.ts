import { grown } from '../../series/columns.ts';
import { Heap } from '../heap.ts';
import { NONE, type Slices, type WindowKey } from './slices.ts';
import type { Windows, WindowsOptions } from './windowing.ts';

export interface SessionOptions<I, K extends WindowKey> extends WindowsOptions<I, K> {
  readonly gap: number;
}

/**
 * A session waits for its end, and for the end of its lateness: once for each, however often it grows. A wait that ends
 * too early begins again. It is a number, the session's row times 2; plus 1 for the end of the lateness.
 */
type Wait = number;

const firing = (session: number): Wait => session * 2;
const forgetting = (session: number): Wait => session * 2 + 1;
const fires = (wait: Wait): boolean => (wait & 1) === 0;
const sessionOf = (wait: Wait): number => wait >> 1;

/**
 * Sessions: events of a key that are at most `gap` apart. Sessions that touch become one; one that got late data within
 * its lateness fires again, at once where it has ended, otherwise at its new end.
 */
export class SessionWindows<I, K extends WindowKey> implements Windows<I, K> {
  readonly #options: SessionOptions<I, K>;
  readonly #slices: Slices<I>;
  /** By session. */
  readonly #keys: K[] = [];
  /** By wait: until when. */
  #times = new Float64Array(0);
  readonly #waits = new Heap<Wait>((a, b) => this.#isBefore(a, b));
  #open = 0;

  constructor(options: SessionOptions<I, K>) {
    this.#options = options;
    this.#slices = options.slices;
  }

  get open(): number {
    return this.#open;
  }

  add(key: K, time: number, item: I, watermark: number): boolean {
    const { gap, lateness } = this.#options;
    let session = this.#join(key, time, time + gap, watermark);
    if (session === NONE) {
      if (time + gap - 1 + lateness <= watermark) return false;
      session = this.#slices.insert(key, time, time + gap);
      this.#begin(key, session, watermark);
    }
    this.#slices.add(session, item);
    if (!this.#isOpen(session, watermark)) this.#fire(key, session, true);
    return true;
  }

  advance(watermark: number): void {
    const waits = this.#waits;
    for (let wait = waits.first; wait !== undefined && this.#timeOf(wait) <= watermark; wait = waits.first) {
      waits.pop();
      if (this.#due(wait) > this.#timeOf(wait)) this.#wait(wait);
      else this.#end(wait);
    }
  }

  restore(key: K, watermark: number): void {
    const slices = this.#slices;
    for (let session = key.newest; session !== NONE; session = slices.olderThan(session)) {
      this.#begin(key, session, watermark);
    }
  }

  #begin(key: K, session: number, watermark: number): void {
    this.#keys[session] = key;
    this.#wait(forgetting(session));
    if (!this.#isOpen(session, watermark)) return;
    this.#open++;
    this.#wait(firing(session));
  }

  #end(wait: Wait): void {
    const session = sessionOf(wait);
    const key = this.#keys[session] as K;
    const isThere = this.#slices.has(key, session);
    if (fires(wait)) {
      if (!isThere) return;
      this.#open--;
      this.#fire(key, session, false);
    } else if (isThere) {
      this.#slices.remove(key, session);
      this.#options.shrunk(key);
    } else this.#slices.release(session);
  }

  /**
   * The session that touches [start, end), which is as long as the gap; where there are two they become the earlier
   * one, and there are never three, as none is shorter. NONE where there is none.
   */
  #join(key: K, start: number, end: number, watermark: number): number {
    const slices = this.#slices;
    let later = key.newest;
    while (later !== NONE && slices.startOf(later) > end) later = slices.olderThan(later);
    if (later === NONE || slices.endOf(later) < start) return NONE;
    const earlier = slices.olderThan(later);
    const joined = earlier !== NONE && slices.endOf(earlier) >= start ? earlier : later;
    const wasOpen = this.#isOpen(joined, watermark);
    slices.stretch(joined, start, end);
    if (joined !== later) {
      if (this.#isOpen(later, watermark)) this.#open--;
      slices.join(key, joined, later);
    }
    if (!wasOpen && this.#isOpen(joined, watermark)) {
      this.#open++;
      this.#wait(firing(joined));
    }
    return joined;
  }

  #isOpen(session: number, watermark: number): boolean {
    return this.#slices.endOf(session) - 1 > watermark;
  }

  #fire(key: K, session: number, late: boolean): void {
    this.#options.fire(key, this.#slices.startOf(session), this.#slices.endOf(session), session, late);
  }

  /** When a wait that begins now is over. */
  #due(wait: Wait): number {
    return this.#slices.endOf(sessionOf(wait)) - 1 + (fires(wait) ? 0 : this.#options.lateness);
  }

  #timeOf(wait: Wait): number {
    return this.#times[wait] as number;
  }

  #wait(wait: Wait): void {
    if (wait >= this.#times.length) this.#times = grown(this.#times, wait + 1);
    this.#times[wait] = this.#due(wait);
    this.#waits.push(wait);
  }

  /** By time, then fire before forget, then by key: the same order whatever order they came in. */
  #isBefore(a: Wait, b: Wait): boolean {
    const [timeA, timeB] = [this.#timeOf(a), this.#timeOf(b)];
    if (timeA !== timeB) return timeA < timeB;
    if (fires(a) !== fires(b)) return fires(a);
    return (this.#keys[sessionOf(a)] as K).key < (this.#keys[sessionOf(b)] as K).key;
  }
}
