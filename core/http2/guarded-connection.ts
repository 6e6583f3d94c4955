import type { Clock } from '../clock.ts';
import type { Holder, ReceiveMemory } from '../net/receive-memory.ts';
import { Connection } from './connection.ts';
import { FloodGuard } from './flood-guard.ts';
import { ConnectionError, ErrorCode, Flag, FrameType, PREFACE } from './frames.ts';
import {
  REQUEST_TIMEOUT_MS,
  type ServerLimit,
  SLOW_READER_MS,
  START_TIMEOUT_MS,
  UNREAD_ANSWERS,
} from './server-limits.ts';
import type { Stream } from './stream.ts';

/** A stream of a client that nobody vouches for. */
export interface GuardedStream extends Stream, Holder {
  /** Its client gave it up, or is gone. */
  cancelled: boolean;
  answered: boolean;
  /** It may be served; until then what it sends is not kept. */
  readonly admitted: boolean;
  /** The handler has it. */
  readonly serving: boolean;
  /** When it was first seen without its end, on the monotonic clock. */
  waitingSince: number | undefined;
  /** Makes memory held for long its own. */
  moveOut(): void;
  /** Gives back all that it holds; safe at any time. */
  drop(): void;
  /** Refuses the request because its end does not come. */
  giveUp(): void;
}

/** What all connections of a server share. */
export interface Guards {
  readonly clock: Clock;
  readonly memory: ReceiveMemory;
  readonly maxReceiveMessageBytes: number;
  /** From a request's headers to its end; 0 or undefined: REQUEST_TIMEOUT_MS. */
  readonly requestTimeoutMs?: number | undefined;
  /** For one header block; 0 or undefined: REQUEST_TIMEOUT_MS. */
  readonly headersTimeoutMs?: number | undefined;
  /** A limit was reached; for counting. */
  reached(limit: ServerLimit): void;
}

/** The server's end of a connection, as far as it is about clients that mean harm or are broken. */
export abstract class GuardedConnection<S extends GuardedStream> extends Connection<S> {
  readonly #guards: Guards;
  readonly #flood: FloodGuard;
  readonly #since: number;
  #block: { readonly block: object; readonly since: number } | undefined;
  #unreadSince: number | undefined;
  /** The DATA frame that is being read has brought something. */
  #gotData = false;

  constructor(guards: Guards) {
    super(guards.clock, PREFACE, guards.maxReceiveMessageBytes, guards.memory);
    this.#guards = guards;
    this.#flood = new FloodGuard(guards.clock);
    this.#since = guards.clock.monotonic();
    this.output.highWater = UNREAD_ANSWERS;
  }

  override onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (type !== FrameType.HEADERS && type !== FrameType.CONTINUATION) this.#flood.spend();
    super.onFrame(type, flags, streamId, bytes, start, end);
  }

  override onData(streamId: number, bytes: Buffer, start: number, end: number): void {
    this.#gotData = true;
    super.onData(streamId, bytes, start, end);
  }

  override onDataEnd(streamId: number, flags: number, length: number): void {
    if (!this.#gotData && (flags & Flag.END_STREAM) === 0) this.#flood.spend();
    this.#gotData = false;
    super.onDataEnd(streamId, flags, length);
  }

  protected override resetForError(stream: S, code: ErrorCode): void {
    this.#flood.spend();
    super.resetForError(stream, code);
  }

  /** Resets a stream that was not opened. */
  protected rejectStream(streamId: number, code: ErrorCode, limit: ServerLimit): void {
    this.#guards.reached(limit);
    this.#flood.spend();
    this.reset(streamId, code);
  }

  /** A request was answered, which allows its client some more frames. */
  protected earned(): void {
    this.#flood.earn();
  }

  protected override forget(stream: S): void {
    if (stream.waitingSince !== undefined) this.#guards.memory.ended(stream);
    stream.drop();
    super.forget(stream);
  }

  protected override abort(caught: unknown): void {
    if (!this.dead) this.#guards.reached(caught instanceof ConnectionError ? caught.limit : 'protocol');
    super.abort(caught);
  }

  /** Called from time to time: ends what takes too long. `now` is on the monotonic clock. */
  sweep(now: number): void {
    if (this.dead) return;
    if (!this.started && now - this.#since >= START_TIMEOUT_MS) this.#calmDown('no SETTINGS in time', 'start_timeout');
    else if (this.#blockIsLate(now)) this.#calmDown('a header block without end', 'request_timeout');
    else if (this.#isUnread(now)) this.#calmDown('answers are not read', 'slow_reader');
    else for (const stream of this.streams.values()) this.#sweepStream(stream, now);
  }

  #calmDown(message: string, limit: ServerLimit): void {
    this.abort(new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, message, limit));
  }

  #blockIsLate(now: number): boolean {
    const block = this.openBlock;
    if (block === undefined) this.#block = undefined;
    else if (this.#block?.block !== block) this.#block = { block, since: now };
    return (
      this.#block !== undefined && now - this.#block.since >= (this.#guards.headersTimeoutMs || REQUEST_TIMEOUT_MS)
    );
  }

  #isUnread(now: number): boolean {
    if (!this.output.congested) this.#unreadSince = undefined;
    else this.#unreadSince ??= now;
    return this.#unreadSince !== undefined && now - this.#unreadSince >= SLOW_READER_MS;
  }

  #sweepStream(stream: S, now: number): void {
    if (stream.remoteClosed) {
      if (stream.waitingSince === undefined) return;
      stream.waitingSince = undefined;
      this.#guards.memory.ended(stream);
      return;
    }
    stream.moveOut();
    if (stream.waitingSince === undefined) {
      stream.waitingSince = now;
      this.#guards.memory.waits(stream);
    } else if (now - stream.waitingSince >= (this.#guards.requestTimeoutMs || REQUEST_TIMEOUT_MS)) {
      this.#guards.reached('request_timeout');
      stream.giveUp();
    }
  }
}
