import { BlockCache } from '../http2/block-cache.ts';
import { ErrorCode, Flag } from '../http2/frames.ts';
import { OutgoingBytes } from '../http2/outgoing.ts';
import type { ServerLimit } from '../http2/server-limits.ts';
import { ServerSide } from '../http2/server-side.ts';
import type { Peer } from '../net/peer.ts';
import { StatusCode } from '../status-code.ts';
import { CallHead } from './call-head.ts';
import { OutgoingMessage } from './outgoing-message.ts';
import { failureHeaders, OK_TRAILERS } from './responses.ts';
import { findRoute, HEADERS_TOO_LARGE, type Refusal, type Route } from './route.ts';
import type { ServerSettings } from './server-settings.ts';
import { type CallOwner, costOf, ServerStream } from './server-stream.ts';
import type { GrpcFailure } from './types.ts';

/** Calls on the server's end of a connection. */
export class ServerConnection extends ServerSide<ServerStream, Route> implements CallOwner {
  readonly peer: Peer;
  readonly #settings: ServerSettings;
  readonly #routes: BlockCache<Route>;

  constructor(settings: ServerSettings, peer: Peer, onEnd: () => void) {
    super(settings, onEnd);
    this.#settings = settings;
    this.peer = peer;
    this.#routes = new BlockCache(this.decoder, (fields, oversized) => {
      const head = new CallHead(fields);
      if (!head.parse()) return undefined;
      return oversized ? { head, to: HEADERS_TOO_LARGE } : findRoute(head, settings.methods);
    });
  }

  protected override readHead(bytes: Buffer, from: number, to: number): Route | undefined {
    return this.#routes.read(bytes, from, to);
  }

  protected override costOf(route: Route): number {
    return costOf(route);
  }

  protected override open(streamId: number, route: Route, endsStream: boolean): void {
    const { timeoutMs } = route.head;
    const deadline = timeoutMs === undefined ? undefined : this.clock.monotonic() + timeoutMs;
    const { maxReceiveMessageBytes } = this.#settings;
    const window = this.peerSettings.initialWindow;
    const stream = new ServerStream(streamId, window, this, route, deadline, maxReceiveMessageBytes, this.budget);
    this.streams.set(streamId, stream);
    if (endsStream) stream.remoteClosed = true;
    if (route.to === HEADERS_TOO_LARGE) this.#settings.reached('header_size');
    this.#settings.admit(stream, () => this.#admitted(stream));
    if (endsStream) this.onStreamEnd(stream);
  }

  /** After an authenticator that took its time. */
  #admitted(stream: ServerStream): void {
    this.resume();
    if (stream.remoteClosed && !stream.cancelled) this.onStreamEnd(stream);
  }

  protected override onStreamData(stream: ServerStream, bytes: Buffer, start: number, end: number): void {
    stream.received += end - start;
    if (stream.answered || typeof stream.to !== 'function') return;
    if (!stream.admitted) this.hold();
    const problem = stream.body.read(bytes, start, end);
    if (problem === undefined) return;
    if (problem.code === StatusCode.RESOURCE_EXHAUSTED) this.#settings.reached('message_size');
    else if (problem.code === StatusCode.UNAVAILABLE) this.#settings.reached('receive_memory');
    stream.fail(problem);
  }

  protected override onStreamEnd(stream: ServerStream): void {
    if (stream.answered) return;
    // before it is admitted, which may be outside of a read: an error of the connection is for the reader
    if (stream.lengthIsWrong) {
      this.resetForError(stream, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (!stream.admitted) return;
    if (typeof stream.to !== 'function') this.#sendRefusal(stream, stream.to);
    else if (stream.body.complete) this.#settings.serve(stream, stream.to);
    else if (stream.body.empty) stream.fail({ code: StatusCode.UNIMPLEMENTED, message: 'no message in a unary call' });
    else stream.fail({ code: StatusCode.INTERNAL, message: 'grpc: unexpected end of the request' });
  }

  #sendRefusal(stream: ServerStream, refusal: Refusal): void {
    stream.answered = true;
    this.writeHeaders(stream.id, refusal.body === undefined ? Flag.END_STREAM : 0, refusal.headers);
    if (refusal.body === undefined) {
      this.finish(stream);
      return;
    }
    stream.outgoing = new OutgoingBytes(refusal.body);
    this.pump(stream);
  }

  answer(stream: ServerStream, message: Uint8Array): void {
    const canned = this.#settings.cannedReply(message);
    if (canned !== undefined && this.takeWindow(stream, canned.dataLength)) {
      canned.write(this.output, stream.id);
      this.flushSoon();
      this.finish(stream);
      return;
    }
    this.writeHeaders(stream.id, 0, this.#settings.responseHeaders);
    const buffer = Buffer.from(message);
    const range = { buffer, start: 0, end: buffer.length };
    stream.outgoing = new OutgoingMessage([range], buffer.length, false, false);
    stream.trailers = OK_TRAILERS;
    this.pump(stream);
  }

  reached(limit: ServerLimit): void {
    this.#settings.reached(limit);
  }

  refuse(stream: ServerStream, failure: GrpcFailure): void {
    if (!stream.admitted) this.resume();
    this.writeHeaders(stream.id, Flag.END_STREAM, failureHeaders(failure));
    this.finish(stream);
  }

  protected override onSent(stream: ServerStream): void {
    if (stream.trailers !== undefined) this.writeHeaders(stream.id, Flag.END_STREAM, stream.trailers);
    this.finish(stream);
  }
}
