import { Flag, FrameType } from '../http2/frames.ts';
import type { Outgoing } from '../http2/outgoing.ts';
import type { Output } from '../http2/output.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';

/** compressed (8) length (32), before each message. */
export const MESSAGE_PREFIX_SIZE = 5;

/** One length-prefixed message in pieces. */
export class OutgoingMessage implements Outgoing {
  readonly #ranges: readonly ByteRange[];
  readonly #compressed: boolean;
  /** With the prefix. */
  readonly #length: number;
  #sent = 0;
  #range = 0;
  #offset = 0;
  /** The stream's end comes with the last frame; otherwise a header block follows. */
  readonly #endsStream: boolean;

  constructor(ranges: readonly ByteRange[], length: number, compressed: boolean, endsStream: boolean) {
    this.#ranges = ranges;
    this.#compressed = compressed;
    this.#length = MESSAGE_PREFIX_SIZE + length;
    this.#endsStream = endsStream;
  }

  get remaining(): number {
    return this.#length - this.#sent;
  }

  writeFrame(output: Output, streamId: number, size: number): void {
    const last = size === this.remaining;
    const buffer = output.frame(FrameType.DATA, last && this.#endsStream ? Flag.END_STREAM : 0, streamId, size);
    let at = output.position;
    const end = at + size;
    while (at < end && this.#sent < MESSAGE_PREFIX_SIZE) buffer[at++] = this.#prefixOctet(this.#sent++);
    while (at < end) {
      const range = this.#ranges[this.#range]!;
      const from = range.start + this.#offset;
      const taken = Math.min(end - at, range.end - from);
      range.buffer.copy(buffer, at, from, from + taken);
      at += taken;
      this.#sent += taken;
      this.#offset += taken;
      if (from + taken === range.end) {
        this.#range++;
        this.#offset = 0;
      }
    }
    output.advance(end);
  }

  #prefixOctet(index: number): number {
    if (index === 0) return this.#compressed ? 1 : 0;
    return ((this.#length - MESSAGE_PREFIX_SIZE) >>> (8 * (MESSAGE_PREFIX_SIZE - 1 - index))) & 0xff;
  }
}
