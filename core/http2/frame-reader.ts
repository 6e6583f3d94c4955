import { ConnectionError, ErrorCode, Flag, FRAME_HEADER_SIZE, FrameType, protocolError } from './frames.ts';

/** Hears of each frame in order. Any method may throw a ConnectionError, which ends the reading. */
export interface FrameSink {
  /** Before the payload is read: the place for checks of size, stream and order. */
  onFrameHeader(type: number, flags: number, streamId: number, length: number): void;
  /** A part of a DATA frame's data without padding. */
  onData(streamId: number, bytes: Buffer, start: number, end: number): void;
  /** The DATA frame is complete; `length` is its whole payload, which is what flow control counts. */
  onDataEnd(streamId: number, flags: number, length: number): void;
  /** Any other frame, whole. */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
}

/**
 * Cuts a byte stream into frames. DATA goes through piece by piece as it arrives, without a copy; other frames are
 * short and come whole. Bytes are passed as `bytes[start, end)` and are valid during the call only.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  /** What the peer must send before its first frame. */
  readonly #preface: Buffer;
  #prefaceRead = 0;
  readonly #header = Buffer.alloc(FRAME_HEADER_SIZE);
  #headerRead = 0;
  #inPayload = false;
  #length = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Of the payload. */
  #missing = 0;
  /** The payload so far of a frame that came in several reads. */
  #partial: Buffer | undefined;
  #stopped = false;
  #paused = false;

  constructor(sink: FrameSink, preface: Buffer) {
    this.#sink = sink;
    this.#preface = preface;
  }

  /** Nothing is reported any more, not even of the bytes being read. */
  stop(): void {
    this.#stopped = true;
  }

  /** To be called while a frame is reported: nothing is read behind it in this `read`. */
  pause(): void {
    this.#paused = true;
  }

  /** Returns the position that was reached, which is `length` unless this was paused or stopped. */
  read(bytes: Buffer, length: number): number {
    this.#paused = false;
    let position = this.#prefaceRead < this.#preface.length ? this.#readPreface(bytes, length) : 0;
    while (position < length && !this.#stopped && !this.#paused) {
      if (!this.#inPayload) {
        position = this.#readHeader(bytes, position, length);
        // a frame without payload is complete with its header
        if (!this.#inPayload || this.#length > 0) continue;
      }
      position = this.#readPayload(bytes, position, length);
    }
    return position;
  }

  #readPreface(bytes: Buffer, length: number): number {
    const count = Math.min(length, this.#preface.length - this.#prefaceRead);
    const expected = this.#preface.subarray(this.#prefaceRead, this.#prefaceRead + count);
    if (!expected.equals(bytes.subarray(0, count))) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'the connection preface is not that of HTTP/2', 'not_http2');
    }
    this.#prefaceRead += count;
    return count;
  }

  #readHeader(bytes: Buffer, start: number, end: number): number {
    let header = bytes;
    let at = start;
    let position = start + FRAME_HEADER_SIZE;
    if (this.#headerRead > 0 || position > end) {
      position = Math.min(end, start + FRAME_HEADER_SIZE - this.#headerRead);
      bytes.copy(this.#header, this.#headerRead, start, position);
      this.#headerRead += position - start;
      if (this.#headerRead < FRAME_HEADER_SIZE) return position;
      this.#headerRead = 0;
      header = this.#header;
      at = 0;
    }
    this.#length = (header[at]! << 16) | (header[at + 1]! << 8) | header[at + 2]!;
    this.#type = header[at + 3]!;
    this.#flags = header[at + 4]!;
    this.#streamId =
      ((header[at + 5]! & 0x7f) << 24) | (header[at + 6]! << 16) | (header[at + 7]! << 8) | header[at + 8]!;
    this.#missing = this.#length;
    this.#inPayload = true;
    this.#sink.onFrameHeader(this.#type, this.#flags, this.#streamId, this.#length);
    return position;
  }

  #readPayload(bytes: Buffer, start: number, end: number): number {
    const stop = Math.min(end, start + this.#missing);
    const taken = stop - start;
    this.#missing -= taken;
    if (this.#type === FrameType.DATA && (this.#flags & Flag.PADDED) === 0) {
      if (taken > 0) this.#sink.onData(this.#streamId, bytes, start, stop);
      if (this.#missing === 0) {
        this.#inPayload = false;
        this.#sink.onDataEnd(this.#streamId, this.#flags, this.#length);
      }
      return stop;
    }
    if (taken === this.#length) {
      this.#complete(bytes, start, stop);
      return stop;
    }
    this.#partial ??= Buffer.allocUnsafe(this.#length);
    bytes.copy(this.#partial, this.#length - this.#missing - taken, start, stop);
    if (this.#missing === 0) {
      const payload = this.#partial;
      this.#partial = undefined;
      this.#complete(payload, 0, payload.length);
    }
    return stop;
  }

  /** Takes the padding off (RFC 9113 sections 6.1 and 6.2) and hands the frame on. */
  #complete(bytes: Buffer, start: number, end: number): void {
    this.#inPayload = false;
    const type = this.#type;
    const padded = (this.#flags & Flag.PADDED) !== 0 && (type === FrameType.DATA || type === FrameType.HEADERS);
    let from = start;
    let to = end;
    if (padded) {
      if (this.#length === 0) throw protocolError('a padded frame without a pad length');
      to -= bytes[from]!;
      from++;
      if (to < from) throw protocolError('the padding is longer than its frame');
    }
    if (type !== FrameType.DATA) {
      this.#sink.onFrame(type, this.#flags, this.#streamId, bytes, from, to);
      return;
    }
    if (to > from) this.#sink.onData(this.#streamId, bytes, from, to);
    if (!this.#stopped) this.#sink.onDataEnd(this.#streamId, this.#flags, this.#length);
  }
}
