import type { Socket } from 'node:net';
import { ConnectionError, ErrorCode, MAX_STREAM_ID, protocolError, Setting } from './frames.ts';
import { GuardedConnection, type GuardedStream, type Guards } from './guarded-connection.ts';
import { trailersAreMalformed } from './request-head.ts';
import {
  ConnectionKeeper,
  type KeepaliveEnforcement,
  type KeptAlive,
  type ServerKeepalive,
} from './server-keepalive.ts';

/** How long a client may take to answer the ping that separates the two GOAWAY of a graceful end. */
const DRAIN_PING_MS = 1000;

/** What all connections of a server are told. */
export interface SideSettings extends Guards {
  readonly maxConcurrentStreams: number;
  readonly keepalive: ServerKeepalive | undefined;
  readonly enforcement: KeepaliveEnforcement | undefined;
}

/**
 * The server's end of a connection, whatever its requests are: which streams are opened, and how it ends. `H` is what a
 * request's header block says.
 */
export abstract class ServerSide<S extends GuardedStream, H> extends GuardedConnection<S> implements KeptAlive {
  readonly #settings: SideSettings;
  readonly #keeper: ConnectionKeeper;
  readonly #onEnd: () => void;
  #lastStream = 0;
  #draining = false;
  /** Streams after it are not served: the client was told to take them elsewhere. */
  #finalStream = MAX_STREAM_ID;
  /** Requests that their client gave up while the handler had them. */
  #abandoned = 0;

  constructor(settings: SideSettings, onEnd: () => void) {
    super(settings);
    this.#settings = settings;
    this.#onEnd = onEnd;
    this.#keeper = new ConnectionKeeper(this, settings.clock, settings.keepalive, settings.enforcement);
  }

  /** Decodes a header block, as every one must be; undefined where the request is malformed. */
  protected abstract readHead(bytes: Buffer, from: number, to: number): H | undefined;
  /** Memory for a request with this head beside its body; given back by the stream's `drop`. */
  protected abstract costOf(head: H): number;
  protected abstract open(streamId: number, head: H, endsStream: boolean): void;

  start(socket: Socket): void {
    this.attach(socket);
    this.writeFirstFrames([[Setting.MAX_CONCURRENT_STREAMS, this.#settings.maxConcurrentStreams]]);
    this.output.flush();
    this.#keeper.start();
  }

  get callsInFlight(): number {
    return this.streams.size;
  }

  takeActive(): boolean {
    const { active } = this;
    this.active = false;
    return active;
  }

  ping(): void {
    this.writePing();
  }

  kill(reason: string): void {
    this.writeGoAway(this.#lastStream, ErrorCode.NO_ERROR, reason);
    this.end(new Error(reason));
  }

  calmDown(message: string): void {
    this.abort(new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, message, 'pings'));
  }

  /**
   * Refuses new requests and ends when those in flight are answered. The first GOAWAY names no stream, because requests
   * may be under way; those that come before the answer to a ping are still served.
   */
  drain(): void {
    if (this.dead || this.#draining) return;
    this.#draining = true;
    this.writeGoAway(MAX_STREAM_ID, ErrorCode.NO_ERROR, 'graceful stop');
    this.writePing();
    this.clock.after(DRAIN_PING_MS, () => this.#drainFinally());
  }

  #drainFinally(): void {
    if (this.dead || this.#finalStream !== MAX_STREAM_ID) return;
    this.#finalStream = this.#lastStream;
    this.writeGoAway(this.#lastStream, ErrorCode.NO_ERROR, 'graceful stop');
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (this.#finalStream !== MAX_STREAM_ID && this.streams.size === 0) this.end(new Error('drained'));
  }

  protected override get lastPeerStream(): number {
    return this.#lastStream;
  }

  protected override isIdle(streamId: number): boolean {
    return streamId > this.#lastStream || streamId % 2 === 0;
  }

  protected override onSettings(): void {}

  protected override onPing(): void {
    this.#keeper.onPing();
  }

  protected override onPong(): void {
    this.#keeper.onPong();
    if (this.#draining) this.#drainFinally();
  }

  protected override onGoAway(): void {
    // the client opens no more streams; it closes the connection when it has its answers
  }

  protected override onDead(): void {
    this.#keeper.stop();
    this.dropBlock();
    for (const stream of [...this.streams.values()]) {
      stream.cancelled = true;
      this.forget(stream);
    }
    this.#onEnd();
  }

  protected override onHeaders(streamId: number, endsStream: boolean, bytes: Buffer, from: number, to: number): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      this.#onTrailers(stream, endsStream, bytes, from, to);
      return;
    }
    const head = this.readHead(bytes, from, to);
    if (streamId % 2 === 0) throw protocolError('a client opened a stream with an even number');
    if (streamId <= this.#lastStream) {
      if (this.wasReset(streamId)) return;
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'HEADERS on a closed stream');
    }
    if (streamId > this.#finalStream) return;
    this.#lastStream = streamId;
    if (head === undefined) this.rejectStream(streamId, ErrorCode.PROTOCOL_ERROR, 'protocol');
    // work that goes on after a reset counts too, or there would be no limit to it (CVE-2023-44487)
    else if (this.streams.size + this.#abandoned >= this.#settings.maxConcurrentStreams) {
      this.rejectStream(streamId, ErrorCode.REFUSED_STREAM, 'concurrent_streams');
    } else if (!this.budget.take(this.costOf(head))) {
      this.rejectStream(streamId, ErrorCode.REFUSED_STREAM, 'receive_memory');
    } else this.open(streamId, head, endsStream);
  }

  #onTrailers(stream: S, endsStream: boolean, bytes: Buffer, from: number, to: number): void {
    const fields = this.decoder.decode(bytes, from, to);
    if (stream.remoteClosed) throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'HEADERS after the end of a stream');
    if (!endsStream || trailersAreMalformed(fields)) {
      this.resetForError(stream, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    stream.remoteClosed = true;
    this.onStreamEnd(stream);
  }

  /** Our side of the stream is closed. A client still sending is asked to stop (RFC 9113 section 8.1). */
  protected finish(stream: S): void {
    if (stream.remoteClosed) this.forget(stream);
    else this.reset(stream.id, ErrorCode.NO_ERROR);
    this.earned();
    this.#keeper.onAnswer();
    if (this.streams.size > 0) return;
    this.#keeper.onIdle();
    this.#endIfDrained();
  }

  protected override onReset(stream: S): void {
    stream.cancelled = true;
    if (stream.serving && !stream.answered) this.#abandoned++;
    // what its authenticator says is of no interest any more
    if (!stream.admitted) this.resume();
    if (this.streams.size > 0) return;
    this.#keeper.onIdle();
    this.#endIfDrained();
  }

  /** The handler is done with a request that its client gave up. */
  settled(): void {
    this.#abandoned--;
  }
}
