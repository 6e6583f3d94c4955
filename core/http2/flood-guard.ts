import type { Clock } from '../clock.ts';
import { ConnectionError, ErrorCode } from './frames.ts';

/**
 * Frames without a request's bytes that a client may have sent at any time beyond what it earned: twice the streams of
 * a connection, so that a client which cancels all its calls at once stays well below.
 */
const BURST = 2048;
/** Frames a second that everybody may send: window updates, pings and cancelled calls of a busy client. */
const PER_SECOND = 500;
/** A call that was answered allows so many frames; clients send up to two window updates for an answer. */
const PER_ANSWER = 4;

/**
 * Ends connections that keep us busy with frames which lead nowhere: RST_STREAM (rapid reset), SETTINGS, PING,
 * PRIORITY, WINDOW_UPDATE, empty DATA, and streams that have to be reset for what the client does on them. Costs a
 * subtraction a frame; the clock is asked when the burst is used up.
 */
export class FloodGuard {
  readonly #clock: Clock;
  #tokens = BURST;
  #refilled: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#refilled = clock.monotonic();
  }

  /** Throws a ConnectionError ENHANCE_YOUR_CALM where there were too many. */
  spend(): void {
    if (--this.#tokens >= 0) return;
    const now = this.#clock.monotonic();
    const earned = Math.floor(((now - this.#refilled) / 1000) * PER_SECOND);
    if (earned < 1) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too many frames', 'control_frames');
    this.#refilled = now;
    this.#tokens = Math.min(BURST, earned) - 1;
  }

  earn(): void {
    if (this.#tokens < BURST) this.#tokens += PER_ANSWER;
  }
}
