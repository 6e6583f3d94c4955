import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import type { ByteSink } from '../net/shared-read.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { ConnectionError, DEFAULT_MAX_FRAME_SIZE, ErrorCode, Flag, FrameType } from './frames.ts';
import { Output } from './output.ts';

/** How long a peer may take to read our GOAWAY before the socket is closed under it. */
const LINGER_MS = 1000;
/** Of a GOAWAY's text. */
const MAX_DEBUG_DATA = 256;
const PING_PAYLOAD = Buffer.from('weirping', 'latin1');

/**
 * A socket that carries frames: reading, collecting what is written, closing. Nothing is thrown to the socket: an error
 * while reading ends the connection.
 */
export abstract class Transport implements ByteSink, FrameSink {
  protected readonly clock: Clock;
  protected readonly output = new Output();
  /** Something was received since somebody set this to false. */
  protected active = true;
  /** After the end of the connection was decided, by either side. */
  protected dead = false;
  protected socket: Socket | undefined;
  readonly #reader: FrameReader;
  #socketError: Error | undefined;
  #receiving = false;
  #flushScheduled = false;
  /** Nothing is read, whatever the output. */
  #held = false;
  /** Of the last read, when its first requests had so long answers that the peer has to read those first. */
  #rest: Buffer | undefined;

  constructor(clock: Clock, preface: Buffer) {
    this.clock = clock;
    this.#reader = new FrameReader(this, preface);
    this.output.onFull = () => {
      if (this.#receiving && this.output.congested) this.#reader.pause();
    };
  }

  abstract onFrameHeader(type: number, flags: number, streamId: number, length: number): void;
  abstract onData(streamId: number, bytes: Buffer, start: number, end: number): void;
  abstract onDataEnd(streamId: number, flags: number, length: number): void;
  abstract onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;

  /** The peer has read so much that more can be written. */
  protected abstract onDrain(): void;
  /** Memory for bytes that wait grows by so much, or is given back; throws where there is none. */
  protected abstract holdBytes(bytes: number): void;
  /** Once, when no more can be sent or received. */
  protected abstract onDead(reason: Error): void;
  /** The highest stream of the peer's that we acted on. */
  protected abstract get lastPeerStream(): number;

  protected attach(socket: Socket): void {
    this.socket = socket;
    this.output.attach(socket);
    socket.on('error', (error) => {
      this.#socketError = error;
    });
    socket.on('close', () => this.#die(this.#socketError ?? new Error('the connection was closed by the peer')));
    socket.on('drain', () => {
      this.onDrain();
      this.output.flush();
      this.#readOn();
    });
  }

  /** Reads no more after the bytes at hand until `resume`: what the peer may send is not decided yet. */
  protected hold(): void {
    this.#held = true;
    this.socket?.pause();
  }

  protected resume(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#readOn();
  }

  #readOn(): void {
    if (this.#held || this.output.congested) return;
    const rest = this.#takeRest();
    if (rest !== undefined) this.receive(rest, rest.length);
    const { socket } = this;
    if (!this.#held && !this.output.congested && socket?.isPaused() === true) socket.resume();
  }

  receive(bytes: Buffer, length: number): void {
    if (this.dead) return;
    this.active = true;
    this.#receiving = true;
    try {
      if (this.#rest !== undefined) this.#keep(bytes, 0, length);
      else this.#keep(bytes, this.#reader.read(bytes, length), length);
    } catch (error) {
      this.abort(error);
    }
    this.#receiving = false;
    this.output.flush();
    // a peer that sends but does not read must not make us collect answers
    if (this.output.congested && !this.dead) this.socket?.pause();
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    if (start === end || this.dead) return;
    this.holdBytes(end - start);
    const kept = bytes.subarray(start, end);
    this.#rest = this.#rest === undefined ? Buffer.from(kept) : Buffer.concat([this.#rest, kept]);
  }

  #takeRest(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.holdBytes(-rest.length);
    return rest;
  }

  /** What was written goes out at the end of the current read, or of the current task. */
  protected flushSoon(): void {
    if (this.#receiving || this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(this.#flushNow);
  }

  readonly #flushNow = (): void => {
    this.#flushScheduled = false;
    this.output.flush();
  };

  /** Ends the connection with GOAWAY. A defect of ours (no ConnectionError) is INTERNAL_ERROR to the peer. */
  protected abort(caught: unknown): void {
    const reason = caught instanceof Error ? caught : new Error(String(caught));
    const code = caught instanceof ConnectionError ? caught.code : ErrorCode.INTERNAL_ERROR;
    if (!this.dead) this.writeGoAway(this.lastPeerStream, code, reason.message);
    this.end(reason);
  }

  /** Writes what is left and closes the socket, by force where the peer does not read. */
  protected end(reason: Error): void {
    this.output.flush();
    this.#die(reason);
    const { socket } = this;
    if (socket === undefined || socket.destroyed) return;
    socket.end();
    socket.resume();
    const timer = this.clock.after(LINGER_MS, () => socket.destroy());
    socket.once('close', () => timer.cancel());
  }

  #die(reason: Error): void {
    if (this.dead) return;
    this.dead = true;
    this.#reader.stop();
    this.#takeRest();
    this.onDead(reason);
  }

  /** HEADERS, and CONTINUATION where the block is larger than a frame. `flags` is END_STREAM or 0. */
  protected writeHeaders(streamId: number, flags: number, block: Buffer): void {
    let type: number = FrameType.HEADERS;
    let rest = block;
    while (rest.length > DEFAULT_MAX_FRAME_SIZE) {
      this.output.frame(type, flags, streamId, DEFAULT_MAX_FRAME_SIZE);
      this.output.write(rest.subarray(0, DEFAULT_MAX_FRAME_SIZE));
      rest = rest.subarray(DEFAULT_MAX_FRAME_SIZE);
      type = FrameType.CONTINUATION;
    }
    const own = type === FrameType.HEADERS ? flags : 0;
    this.output.frame(type, own | Flag.END_HEADERS, streamId, rest.length);
    this.output.write(rest);
    this.flushSoon();
  }

  protected writeGoAway(lastStream: number, code: number, message: string): void {
    const text = Buffer.from(message).subarray(0, MAX_DEBUG_DATA);
    this.output.frame(FrameType.GOAWAY, 0, 0, 8 + text.length);
    this.output.uint32(lastStream);
    this.output.uint32(code);
    this.output.write(text);
    this.flushSoon();
  }

  protected writePing(): void {
    this.output.frame(FrameType.PING, 0, 0, PING_PAYLOAD.length);
    this.output.write(PING_PAYLOAD);
    this.flushSoon();
  }

  protected writeSettings(settings: readonly (readonly [setting: number, value: number])[]): void {
    this.output.frame(FrameType.SETTINGS, 0, 0, 6 * settings.length);
    for (const [setting, value] of settings) {
      this.output.uint16(setting);
      this.output.uint32(value);
    }
  }

  protected writeWindowUpdate(streamId: number, increment: number): void {
    this.output.frame(FrameType.WINDOW_UPDATE, 0, streamId, 4);
    this.output.uint32(increment);
  }

  protected writeReset(streamId: number, code: number): void {
    this.output.frame(FrameType.RST_STREAM, 0, streamId, 4);
    this.output.uint32(code);
    this.flushSoon();
  }
}
