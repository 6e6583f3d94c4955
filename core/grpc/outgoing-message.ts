import type { ByteRange } from '../telemetry/telemetry.ts';
import { Flag, FrameType } from './frames.ts';
import type { Output } from './output.ts';

/** compressed (8) length (32), before each message. */
export const MESSAGE_PREFIX_SIZE = 5;

/** A body being sent as DATA frames: of a call one length-prefixed message in pieces, or plain bytes. */
export class OutgoingMessage {
  readonly #ranges: readonly ByteRange[];
  readonly #prefix: number;
  readonly #compressed: boolean;
  /** With the prefix. */
  readonly #length: number;
  #sent = 0;
  #range = 0;
  #offset = 0;
  /** The stream's end comes with the last frame; otherwise a header block follows. */
  readonly #endsStream: boolean;

  private constructor(
    ranges: readonly ByteRange[],
    length: number,
    prefix: number,
    compressed: boolean,
    endsStream: boolean,
  ) {
    this.#ranges = ranges;
    this.#prefix = prefix;
    this.#compressed = compressed;
    this.#length = prefix + length;
    this.#endsStream = endsStream;
  }

  static message(
    ranges: readonly ByteRange[],
    length: number,
    compressed: boolean,
    endsStream: boolean,
  ): OutgoingMessage {
    return new OutgoingMessage(ranges, length, MESSAGE_PREFIX_SIZE, compressed, endsStream);
  }

  static plain(bytes: Buffer): OutgoingMessage {
    return new OutgoingMessage([{ buffer: bytes, start: 0, end: bytes.length }], bytes.length, 0, false, true);
  }

  get remaining(): number {
    return this.#length - this.#sent;
  }

  /** Writes one DATA frame of `size` bytes, at most `remaining`. */
  writeFrame(output: Output, streamId: number, size: number): void {
    const last = size === this.remaining;
    const buffer = output.frame(FrameType.DATA, last && this.#endsStream ? Flag.END_STREAM : 0, streamId, size);
    let at = output.position;
    const end = at + size;
    while (at < end && this.#sent < this.#prefix) buffer[at++] = this.#prefixOctet(this.#sent++);
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
    return ((this.#length - this.#prefix) >>> (8 * (MESSAGE_PREFIX_SIZE - 1 - index))) & 0xff;
  }
}
