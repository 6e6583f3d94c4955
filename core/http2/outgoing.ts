import { Flag, FrameType } from './frames.ts';
import type { Output } from './output.ts';

/** A body being sent as DATA frames. */
export interface Outgoing {
  /** Bytes still to be sent. */
  readonly remaining: number;
  /** Writes one DATA frame of `size` bytes, at most `remaining`. */
  writeFrame(output: Output, streamId: number, size: number): void;
}

/** Bytes with the stream's end in the last frame. */
export class OutgoingBytes implements Outgoing {
  readonly #bytes: Buffer;
  #sent = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#sent;
  }

  writeFrame(output: Output, streamId: number, size: number): void {
    const last = size === this.remaining;
    const buffer = output.frame(FrameType.DATA, last ? Flag.END_STREAM : 0, streamId, size);
    const at = output.position;
    this.#bytes.copy(buffer, at, this.#sent, this.#sent + size);
    this.#sent += size;
    output.advance(at + size);
  }
}
