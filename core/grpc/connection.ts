import { checkFrameHeader, checkPriority } from './frame-rules.ts';
import {
  ConnectionError,
  DEFAULT_MAX_FRAME_SIZE,
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FrameType,
  flowControlError,
  MAX_WINDOW,
  protocolError,
  Setting,
} from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { ReceiveBudget } from './message-reader.ts';
import { PeerSettings } from './settings.ts';
import { RECEIVE_WINDOW, type Stream } from './stream.ts';
import { Transport } from './transport.ts';

/** Of one header block, encoded and decoded: room for large tokens, and what gRPC clients send is below 1 KiB. */
export const MAX_HEADER_LIST_SIZE = 64 << 10;
/** The window is opened again when a quarter of it is used, so a sender never waits for us. */
const WINDOW_UPDATE_AT = RECEIVE_WINDOW / 4;
/** Memory for messages of one connection that are not complete; a call beyond it is refused. */
const RECEIVE_BUDGET = 64 << 20;
/** Streams we reset of which frames may still be under way: those are dropped without an answer. */
const MAX_REMEMBERED_RESETS = 1024;

/**
 * The part of HTTP/2 that client and server share: settings, flow control, header blocks, streams. What a stream means
 * is up to them. An error of a stream resets it, an error of the connection is thrown (RFC 9113 section 5.4).
 */
export abstract class Connection<S extends Stream> extends Transport {
  protected readonly decoder = new HpackDecoder(MAX_HEADER_LIST_SIZE);
  protected readonly budget = new ReceiveBudget(RECEIVE_BUDGET);
  protected readonly streams = new Map<number, S>();
  protected readonly peerSettings = new PeerSettings();
  #gotSettings = false;
  #sendWindow = DEFAULT_WINDOW;
  #receiveWindow = RECEIVE_WINDOW;
  #unacknowledged = 0;
  /** The header block whose CONTINUATION frames are still to come. */
  #openBlock: { readonly streamId: number; readonly endsStream: boolean; bytes: Buffer } | undefined;
  /** Streams with something to send and no window, in order of waiting. */
  readonly #blocked = new Set<S>();
  readonly #resets = new Set<number>();

  /** A whole header block; must be decoded, whatever becomes of it. */
  protected abstract onHeaders(streamId: number, endsStream: boolean, bytes: Buffer, start: number, end: number): void;
  protected abstract onStreamData(stream: S, bytes: Buffer, start: number, end: number): void;
  /** The peer's last frame of the stream was DATA. */
  protected abstract onStreamEnd(stream: S): void;
  /** By the peer, or by us for an error of the peer's; the stream is out of the map. */
  protected abstract onReset(stream: S, code: number): void;
  /** `stream.outgoing` is sent. */
  protected abstract onSent(stream: S): void;
  protected abstract onSettings(): void;
  protected abstract onPing(): void;
  protected abstract onPong(): void;
  protected abstract onGoAway(lastStreamId: number, code: number, message: string): void;
  /** No stream of this number has been opened yet. */
  protected abstract isIdle(streamId: number): boolean;

  /** The frames either side starts with. */
  protected writeFirstFrames(settings: readonly (readonly [setting: number, value: number])[]): void {
    this.writeSettings([
      ...settings,
      [Setting.INITIAL_WINDOW_SIZE, RECEIVE_WINDOW],
      [Setting.MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST_SIZE],
    ]);
    this.writeWindowUpdate(0, RECEIVE_WINDOW - DEFAULT_WINDOW);
  }

  override onFrameHeader(type: number, flags: number, streamId: number, length: number): void {
    checkFrameHeader(type, flags, streamId, length, this.#openBlock?.streamId);
    if (!this.#gotSettings && (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0)) {
      throw protocolError('the first frame is not SETTINGS');
    }
    if (type === FrameType.DATA) {
      this.#receiveWindow -= length;
      if (this.#receiveWindow < 0) throw flowControlError('more DATA than the connection window allows');
    }
  }

  override onData(streamId: number, bytes: Buffer, start: number, end: number): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined && !stream.remoteClosed) this.onStreamData(stream, bytes, start, end);
  }

  override onDataEnd(streamId: number, flags: number, length: number): void {
    this.#unacknowledged += length;
    if (this.#unacknowledged >= WINDOW_UPDATE_AT) {
      this.writeWindowUpdate(0, this.#unacknowledged);
      this.#receiveWindow += this.#unacknowledged;
      this.#unacknowledged = 0;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.onClosedStream(streamId);
      return;
    }
    stream.receiveWindow -= length;
    if (stream.remoteClosed) this.resetForError(stream, ErrorCode.STREAM_CLOSED);
    else if (stream.receiveWindow < 0) this.resetForError(stream, ErrorCode.FLOW_CONTROL_ERROR);
    else if ((flags & Flag.END_STREAM) !== 0) {
      stream.remoteClosed = true;
      this.onStreamEnd(stream);
    } else {
      stream.unacknowledged += length;
      if (stream.unacknowledged < WINDOW_UPDATE_AT) return;
      this.writeWindowUpdate(streamId, stream.unacknowledged);
      stream.receiveWindow += stream.unacknowledged;
      stream.unacknowledged = 0;
    }
  }

  override onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case FrameType.HEADERS:
        this.#headers(flags, streamId, bytes, start, end);
        return;
      case FrameType.CONTINUATION:
        this.#continuation(flags, bytes, start, end);
        return;
      case FrameType.PRIORITY:
        checkPriority(streamId, bytes, start);
        return;
      case FrameType.RST_STREAM:
        this.#resetByPeer(streamId, bytes.readUInt32BE(start));
        return;
      case FrameType.SETTINGS:
        (flags & Flag.ACK) !== 0 ? undefined : this.#settings(bytes, start, end);
        return;
      case FrameType.PING:
        this.#ping(flags, bytes, start, end);
        return;
      case FrameType.GOAWAY: {
        const lastStream = bytes.readUInt32BE(start) & 0x7fffffff;
        this.onGoAway(lastStream, bytes.readUInt32BE(start + 4), bytes.toString('utf8', start + 8, end));
        return;
      }
      case FrameType.WINDOW_UPDATE:
        this.#windowUpdate(streamId, bytes.readUInt32BE(start) & 0x7fffffff);
        return;
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
    else this.#openBlock = { streamId, endsStream, bytes: Buffer.from(bytes.subarray(from, end)) };
  }

  #continuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#openBlock!;
    if (block.bytes.length + end - start > MAX_HEADER_LIST_SIZE) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block is too large');
    }
    block.bytes = Buffer.concat([block.bytes, bytes.subarray(start, end)]);
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#openBlock = undefined;
    this.onHeaders(block.streamId, block.endsStream, block.bytes, 0, block.bytes.length);
  }

  #settings(bytes: Buffer, start: number, end: number): void {
    this.#gotSettings = true;
    const change = this.peerSettings.read(bytes, start, end);
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW) throw flowControlError('a stream window is too large');
    }
    this.output.frame(FrameType.SETTINGS, Flag.ACK, 0, 0);
    if (change > 0) this.onDrain();
    this.onSettings();
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

  #windowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      if (increment === 0) throw protocolError('WINDOW_UPDATE by 0');
      this.#sendWindow += increment;
      if (this.#sendWindow > MAX_WINDOW) throw flowControlError('the connection window is too large');
      this.onDrain();
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw protocolError('WINDOW_UPDATE on an idle stream');
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) this.resetForError(stream, ErrorCode.PROTOCOL_ERROR);
    else if (stream.sendWindow > MAX_WINDOW) this.resetForError(stream, ErrorCode.FLOW_CONTROL_ERROR);
    else if (this.#blocked.delete(stream)) this.pump(stream);
  }

  #resetByPeer(streamId: number, code: number): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      this.forget(stream);
      this.onReset(stream, code);
    } else if (this.isIdle(streamId)) throw protocolError('RST_STREAM on an idle stream');
  }

  /** A frame that only an open stream can have. */
  protected onClosedStream(streamId: number): void {
    if (this.isIdle(streamId)) throw protocolError(`a frame on idle stream ${streamId}`);
    if (!this.#resets.has(streamId)) this.reset(streamId, ErrorCode.STREAM_CLOSED);
  }

  /** Ends a stream for what the peer did on it. */
  protected resetForError(stream: S, code: ErrorCode): void {
    this.reset(stream.id, code);
    this.onReset(stream, code);
  }

  protected reset(streamId: number, code: ErrorCode): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.forget(stream);
    this.writeReset(streamId, code);
    const [oldest] = this.#resets;
    if (oldest !== undefined && this.#resets.size >= MAX_REMEMBERED_RESETS) this.#resets.delete(oldest);
    this.#resets.add(streamId);
  }

  protected wasReset(streamId: number): boolean {
    return this.#resets.has(streamId);
  }

  protected forget(stream: S): void {
    this.streams.delete(stream.id);
    if (stream.outgoing !== undefined) this.#blocked.delete(stream);
  }

  /** Uses `size` bytes of both windows, if they have them and nothing waits before. */
  protected takeWindow(stream: S, size: number): boolean {
    if (size > this.#sendWindow || size > stream.sendWindow || this.#blocked.size > 0) return false;
    this.#sendWindow -= size;
    stream.sendWindow -= size;
    return true;
  }

  /** Sends as much of `stream.outgoing` as windows and socket take; the rest follows by itself. */
  protected pump(stream: S): void {
    const message = stream.outgoing!;
    while (message.remaining > 0) {
      const size = Math.min(message.remaining, this.#sendWindow, stream.sendWindow, DEFAULT_MAX_FRAME_SIZE);
      if (size <= 0 || this.output.congested) {
        this.#blocked.add(stream);
        return;
      }
      message.writeFrame(this.output, stream.id, size);
      this.#sendWindow -= size;
      stream.sendWindow -= size;
    }
    stream.outgoing = undefined;
    this.onSent(stream);
  }

  protected override onDrain(): void {
    if (this.#blocked.size === 0) return;
    const waiting = [...this.#blocked];
    this.#blocked.clear();
    for (const stream of waiting) this.pump(stream);
  }
}
