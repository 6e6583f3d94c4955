import type { Clock } from '../clock.ts';
import type { ReceiveMemory } from '../net/receive-memory.ts';
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
import { Framing, MAX_HEADER_LIST_SIZE } from './framing.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { ReceiveBudget } from './receive-budget.ts';
import { PeerSettings } from './settings.ts';
import { RECEIVE_WINDOW, type Stream } from './stream.ts';

/** The window is opened again when a quarter of it is used, so a sender never waits for us. */
const WINDOW_UPDATE_AT = RECEIVE_WINDOW / 4;
/** Memory for messages of one connection that are not complete; a call beyond it is refused. */
const RECEIVE_BUDGET = 64 << 20;
/** … but at least a few messages of the largest size (while one grows, it is there twice). */
const LARGEST_MESSAGES = 4;
/** Streams we reset of which frames may still be under way: those are dropped without an answer. */
const MAX_REMEMBERED_RESETS = 1024;

/**
 * The part of HTTP/2 that client and server share: streams, settings, flow control. What a stream means is up to them.
 * An error of a stream resets it, an error of the connection is thrown (RFC 9113 section 5.4).
 */
export abstract class Connection<S extends Stream> extends Framing {
  protected readonly decoder = new HpackDecoder(MAX_HEADER_LIST_SIZE);
  protected readonly budget: ReceiveBudget;
  protected readonly streams = new Map<number, S>();
  protected readonly peerSettings = new PeerSettings();
  #sendWindow = DEFAULT_WINDOW;
  #receiveWindow = RECEIVE_WINDOW;
  #unacknowledged = 0;
  /** Streams with something to send and no window, in order of waiting. */
  readonly #blocked = new Set<S>();
  readonly #resets = new Set<number>();

  constructor(clock: Clock, preface: Buffer, maxMessageBytes: number, shared?: ReceiveMemory) {
    super(clock, preface);
    this.budget = new ReceiveBudget(Math.max(RECEIVE_BUDGET, LARGEST_MESSAGES * maxMessageBytes), shared);
  }

  protected abstract onStreamData(stream: S, bytes: Buffer, start: number, end: number): void;
  /** The peer's last frame of the stream was DATA. */
  protected abstract onStreamEnd(stream: S): void;
  /** By the peer, or by us for an error of the peer's; the stream is out of the map. */
  protected abstract onReset(stream: S, code: number): void;
  /** `stream.outgoing` is sent. */
  protected abstract onSent(stream: S): void;
  protected abstract onSettings(): void;
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

  protected override holdBytes(bytes: number): void {
    if (bytes < 0) this.budget.give(-bytes);
    else if (!this.budget.take(bytes)) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'no memory for what was sent', 'receive_memory');
    }
  }

  protected override onDataFrame(length: number): void {
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) throw flowControlError('more DATA than the connection window allows');
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

  protected override onSettingsFrame(bytes: Buffer, start: number, end: number): void {
    const change = this.peerSettings.read(bytes, start, end);
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW) throw flowControlError('a stream window is too large');
    }
    this.output.frame(FrameType.SETTINGS, Flag.ACK, 0, 0);
    if (change > 0) this.onDrain();
    this.onSettings();
  }

  protected override onWindowUpdate(streamId: number, increment: number): void {
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

  protected override onResetFrame(streamId: number, code: number): void {
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
    // the messages of a dead connection may be gone already
    if (this.#blocked.size === 0 || this.dead) return;
    const waiting = [...this.#blocked];
    this.#blocked.clear();
    for (const stream of waiting) this.pump(stream);
  }
}
