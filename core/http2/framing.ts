import { checkFrameHeader, checkPriority } from './frame-rules.ts';
import { ConnectionError, ErrorCode, Flag, FrameType, protocolError } from './frames.ts';
import { Transport } from './transport.ts';

/** Of one header block, encoded and decoded: room for large tokens, and what gRPC clients send is below 1 KiB. */
export const MAX_HEADER_LIST_SIZE = 64 << 10;
/** A block of the largest size needs four frames; a block cut into very many, or empty ones, is an attack. */
const MAX_CONTINUATIONS = 64;

/** Takes frames apart: what is left for a connection are events with values. DATA goes by untouched. */
export abstract class Framing extends Transport {
  #gotSettings = false;
  /** The header block whose CONTINUATION frames are still to come. */
  #openBlock: { readonly streamId: number; readonly endsStream: boolean; bytes: Buffer; frames: number } | undefined;

  /** A whole header block; must be decoded, whatever becomes of it. */
  protected abstract onHeaders(streamId: number, endsStream: boolean, bytes: Buffer, start: number, end: number): void;
  protected abstract onResetFrame(streamId: number, code: number): void;
  /** 6 octets each, complete. */
  protected abstract onSettingsFrame(bytes: Buffer, start: number, end: number): void;
  protected abstract onWindowUpdate(streamId: number, increment: number): void;
  protected abstract onDataFrame(length: number): void;
  /** Was answered already. */
  protected abstract onPing(): void;
  protected abstract onPong(): void;
  protected abstract onGoAway(lastStreamId: number, code: number, message: string): void;

  /** The peer has said hello. */
  protected get started(): boolean {
    return this.#gotSettings;
  }

  /** The header block of which frames are still to come: the same object as long as it is the same block. */
  protected get openBlock(): object | undefined {
    return this.#openBlock;
  }

  override onFrameHeader(type: number, flags: number, streamId: number, length: number): void {
    checkFrameHeader(type, flags, streamId, length, this.#openBlock?.streamId);
    if (!this.#gotSettings && (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0)) {
      throw protocolError('the first frame is not SETTINGS');
    }
    if (type === FrameType.DATA) this.onDataFrame(length);
  }

  override onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case FrameType.HEADERS:
        this.#headers(flags, streamId, bytes, start, end);
        break;
      case FrameType.CONTINUATION:
        this.#continuation(flags, bytes, start, end);
        break;
      case FrameType.PRIORITY:
        checkPriority(streamId, bytes, start);
        break;
      case FrameType.RST_STREAM:
        this.onResetFrame(streamId, bytes.readUInt32BE(start));
        break;
      case FrameType.SETTINGS:
        this.#gotSettings = true;
        if ((flags & Flag.ACK) === 0) this.onSettingsFrame(bytes, start, end);
        break;
      case FrameType.PING:
        this.#ping(flags, bytes, start, end);
        break;
      case FrameType.GOAWAY: {
        const lastStream = bytes.readUInt32BE(start) & 0x7fffffff;
        this.onGoAway(lastStream, bytes.readUInt32BE(start + 4), bytes.toString('utf8', start + 8, end));
        break;
      }
      case FrameType.WINDOW_UPDATE:
        this.onWindowUpdate(streamId, bytes.readUInt32BE(start) & 0x7fffffff);
        break;
      default:
      // unknown: ignored
    }
  }

  #headers(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    let from = start;
    if ((flags & Flag.PRIORITY) !== 0) {
      from += 5;
      if (from > end) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'HEADERS too short for its priority');
      checkPriority(streamId, bytes, start);
    }
    const endsStream = (flags & Flag.END_STREAM) !== 0;
    if ((flags & Flag.END_HEADERS) !== 0) this.onHeaders(streamId, endsStream, bytes, from, end);
    else {
      this.holdBytes(end - from);
      this.#openBlock = { streamId, endsStream, bytes: Buffer.from(bytes.subarray(from, end)), frames: 0 };
    }
  }

  #continuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#openBlock!;
    block.frames++;
    if (block.bytes.length + end - start > MAX_HEADER_LIST_SIZE || block.frames > MAX_CONTINUATIONS) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block is too large', 'header_size');
    }
    this.holdBytes(end - start);
    block.bytes = Buffer.concat([block.bytes, bytes.subarray(start, end)]);
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.dropBlock();
    this.onHeaders(block.streamId, block.endsStream, block.bytes, 0, block.bytes.length);
  }

  /** Gives the memory of an open block back; safe at any time. */
  protected dropBlock(): void {
    if (this.#openBlock !== undefined) this.holdBytes(-this.#openBlock.bytes.length);
    this.#openBlock = undefined;
  }

  #ping(flags: number, bytes: Buffer, start: number, end: number): void {
    if ((flags & Flag.ACK) !== 0) {
      this.onPong();
      return;
    }
    this.output.frame(FrameType.PING, Flag.ACK, 0, end - start);
    this.output.write(bytes.subarray(start, end));
    this.onPing();
  }
}
