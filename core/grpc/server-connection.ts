import type { Socket } from 'node:net';
import { StatusCode } from '../status-code.ts';
import { Connection } from './connection.ts';
import { ConnectionError, ErrorCode, Flag, MAX_STREAM_ID, PREFACE, protocolError, Setting } from './frames.ts';
import { OutgoingMessage } from './outgoing-message.ts';
import { trailersAreMalformed } from './request-head.ts';
import { failureHeaders, OK_TRAILERS } from './responses.ts';
import type { Refusal, Route } from './route.ts';
import { RouteCache } from './route-cache.ts';
import { ConnectionKeeper, type KeptAlive } from './server-keepalive.ts';
import type { ServerSettings } from './server-settings.ts';
import { type CallOwner, ServerStream } from './server-stream.ts';
import type { GrpcFailure, Peer } from './types.ts';

/** How long a client may take to answer the ping that separates the two GOAWAY of a graceful end. */
const DRAIN_PING_MS = 1000;

/** The server's end of a connection. */
export class ServerConnection extends Connection<ServerStream> implements CallOwner, KeptAlive {
  readonly peer: Peer;
  readonly #settings: ServerSettings;
  readonly #keeper: ConnectionKeeper;
  readonly #onEnd: (connection: ServerConnection) => void;
  #lastStream = 0;
  #draining = false;
  /** Streams after it are not served: the client was told to take them elsewhere. */
  #finalStream = MAX_STREAM_ID;
  readonly #routes: RouteCache;

  constructor(settings: ServerSettings, peer: Peer, onEnd: (connection: ServerConnection) => void) {
    super(settings.clock, PREFACE, settings.maxReceiveMessageBytes);
    this.#settings = settings;
    this.peer = peer;
    this.#onEnd = onEnd;
    this.#routes = new RouteCache(this.decoder, settings.methods);
    this.#keeper = new ConnectionKeeper(this, settings.clock, settings.keepalive, settings.enforcement);
  }

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
    this.abort(new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, message));
  }

  /**
   * Refuses new calls and ends when those in flight are answered. The first GOAWAY names no stream, because calls may
   * be under way; those that come before the answer to a ping are still served.
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
    for (const stream of this.streams.values()) {
      stream.cancelled = true;
      stream.body.drop();
    }
    this.streams.clear();
    this.#onEnd(this);
  }

  protected override onHeaders(streamId: number, endsStream: boolean, bytes: Buffer, from: number, to: number): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      this.#onTrailers(stream, endsStream, bytes, from, to);
      return;
    }
    const route = this.#routes.route(bytes, from, to);
    if (streamId % 2 === 0) throw protocolError('a client opened a stream with an even number');
    if (streamId <= this.#lastStream) {
      if (this.wasReset(streamId)) return;
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'HEADERS on a closed stream');
    }
    if (streamId > this.#finalStream) return;
    this.#lastStream = streamId;
    if (route === undefined) {
      this.reset(streamId, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (this.streams.size >= this.#settings.maxConcurrentStreams) {
      this.reset(streamId, ErrorCode.REFUSED_STREAM);
      return;
    }
    this.#open(streamId, route, endsStream);
  }

  #open(streamId: number, route: Route, endsStream: boolean): void {
    const { timeoutMs } = route.head;
    const deadline = timeoutMs === undefined ? undefined : this.clock.monotonic() + timeoutMs;
    const { maxReceiveMessageBytes } = this.#settings;
    const window = this.peerSettings.initialWindow;
    const stream = new ServerStream(streamId, window, this, route, deadline, maxReceiveMessageBytes, this.budget);
    this.streams.set(streamId, stream);
    if (!endsStream) return;
    stream.remoteClosed = true;
    this.onStreamEnd(stream);
  }

  #onTrailers(stream: ServerStream, endsStream: boolean, bytes: Buffer, from: number, to: number): void {
    const fields = this.decoder.decode(bytes, from, to);
    if (stream.remoteClosed) throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'HEADERS after the end of a stream');
    if (!endsStream || trailersAreMalformed(fields)) {
      this.resetForError(stream, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    stream.remoteClosed = true;
    this.onStreamEnd(stream);
  }

  protected override onStreamData(stream: ServerStream, bytes: Buffer, start: number, end: number): void {
    stream.received += end - start;
    if (stream.answered || typeof stream.to !== 'function') return;
    const problem = stream.body.read(bytes, start, end);
    if (problem !== undefined) stream.fail(problem);
  }

  protected override onStreamEnd(stream: ServerStream): void {
    if (stream.lengthIsWrong) {
      this.resetForError(stream, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (stream.answered) return;
    if (typeof stream.to !== 'function') this.#sendRefusal(stream, stream.to);
    else if (stream.body.complete) this.#settings.serve(stream, stream.to);
    else if (stream.body.empty) stream.fail({ code: StatusCode.UNIMPLEMENTED, message: 'no message in a unary call' });
    else stream.fail({ code: StatusCode.INTERNAL, message: 'grpc: unexpected end of the request' });
  }

  #sendRefusal(stream: ServerStream, refusal: Refusal): void {
    stream.answered = true;
    this.writeHeaders(stream.id, refusal.body === undefined ? Flag.END_STREAM : 0, refusal.headers);
    if (refusal.body === undefined) {
      this.#finish(stream);
      return;
    }
    stream.outgoing = OutgoingMessage.plain(refusal.body);
    this.pump(stream);
  }

  answer(stream: ServerStream, message: Uint8Array): void {
    const canned = this.#settings.cannedReply(message);
    if (canned !== undefined && this.takeWindow(stream, canned.dataLength)) {
      canned.write(this.output, stream.id);
      this.flushSoon();
      this.#finish(stream);
      return;
    }
    this.writeHeaders(stream.id, 0, this.#settings.responseHeaders);
    const buffer = Buffer.from(message);
    const range = { buffer, start: 0, end: buffer.length };
    stream.outgoing = OutgoingMessage.message([range], buffer.length, false, false);
    stream.trailers = OK_TRAILERS;
    this.pump(stream);
  }

  refuse(stream: ServerStream, failure: GrpcFailure): void {
    stream.body.drop();
    this.writeHeaders(stream.id, Flag.END_STREAM, failureHeaders(failure));
    this.#finish(stream);
  }

  protected override onSent(stream: ServerStream): void {
    if (stream.trailers !== undefined) this.writeHeaders(stream.id, Flag.END_STREAM, stream.trailers);
    this.#finish(stream);
  }

  /** Our side of the stream is closed. A client still sending is asked to stop (RFC 9113 section 8.1). */
  #finish(stream: ServerStream): void {
    if (stream.remoteClosed) this.forget(stream);
    else this.reset(stream.id, ErrorCode.NO_ERROR);
    this.#keeper.onAnswer();
    if (this.streams.size > 0) return;
    this.#keeper.onIdle();
    this.#endIfDrained();
  }

  protected override onReset(stream: ServerStream): void {
    stream.cancelled = true;
    stream.body.drop();
    if (this.streams.size === 0) this.#endIfDrained();
  }
}
