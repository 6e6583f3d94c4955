import { BlockCache } from '../http2/block-cache.ts';
import { ErrorCode, Flag } from '../http2/frames.ts';
import { OutgoingBytes } from '../http2/outgoing.ts';
import type { ServerLimit } from '../http2/server-limits.ts';
import { ServerSide, type SideSettings } from '../http2/server-side.ts';
import type { Peer } from '../net/peer.ts';
import type { ReceiveMemory } from '../net/receive-memory.ts';
import { Http2Head } from './http2-head.ts';
import { costOf, Http2Request, type RequestOwner } from './http2-request.ts';
import { headerBlock } from './http2-response.ts';
import { HEAD_TOO_LONG, type HttpResponse, httpDate, INTERNAL, isBodiless, NO_MEMORY } from './response.ts';
import type { HttpServerOptions } from './types.ts';

/** Go's servers allow as many. */
const MAX_CONCURRENT_STREAMS = 250;

/** What all connections of a server share. The limits beside its timeouts are those of gRPC. */
export interface Http2Settings extends SideSettings {
  readonly options: HttpServerOptions;
}

export function http2Settings(options: HttpServerOptions, memory: ReceiveMemory): Http2Settings {
  const { clock, timeouts, maxBodyBytes, onLimit } = options;
  return {
    options,
    clock,
    memory,
    maxReceiveMessageBytes: maxBodyBytes,
    maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
    requestTimeoutMs: timeouts.readMs,
    headersTimeoutMs: timeouts.readHeaderMs || timeouts.readMs,
    keepalive: { maxConnectionIdleMs: timeouts.idleMs || timeouts.readMs },
    // clients of HTTP ping as often as they like; a flood of pings is one of frames
    enforcement: { minTimeMs: 0, permitWithoutStream: true },
    reached: (limit: ServerLimit) => onLimit?.(limit),
  };
}

/** One accepted connection with HTTP/2: the same requests to the same handler as over HTTP/1.1, many at a time. */
export class Http2Connection extends ServerSide<Http2Request, Http2Head> implements RequestOwner {
  readonly peer: Peer;
  readonly maxBodyBytes: number;
  readonly #options: HttpServerOptions;
  readonly #heads: BlockCache<Http2Head>;

  constructor(settings: Http2Settings, peer: Peer, onEnd: () => void) {
    super(settings, onEnd);
    this.#options = settings.options;
    this.maxBodyBytes = settings.options.maxBodyBytes;
    this.peer = peer;
    this.#heads = new BlockCache(this.decoder, (fields, oversized) => {
      const head = new Http2Head(fields, oversized);
      return head.parse() ? head : undefined;
    });
  }

  protected override readHead(bytes: Buffer, from: number, to: number): Http2Head | undefined {
    return this.#heads.read(bytes, from, to);
  }

  protected override costOf(head: Http2Head): number {
    return costOf(head);
  }

  destroy(): void {
    this.kill('the server is closing');
  }

  override sweep(now: number): void {
    super.sweep(now);
    for (const request of this.streams.values()) {
      if (now < request.deadline) continue;
      this.reset(request.id, ErrorCode.INTERNAL_ERROR);
      this.onReset(request);
    }
  }

  protected override open(streamId: number, head: Http2Head, endsStream: boolean): void {
    const { writeMs } = this.#options.timeouts;
    const deadline = writeMs > 0 ? this.clock.monotonic() + writeMs : Number.POSITIVE_INFINITY;
    const request = new Http2Request(streamId, this.peerSettings.initialWindow, this, head, this.budget, deadline);
    this.streams.set(streamId, request);
    request.remoteClosed = endsStream;
    if (endsStream && request.lengthIsWrong) this.resetForError(request, ErrorCode.PROTOCOL_ERROR);
    else if (head.oversized) this.refuse(request, HEAD_TOO_LONG, 'header_size');
    else this.#admit(request);
  }

  /** Asks who it is before any of the body is kept. */
  #admit(request: Http2Request): void {
    const { authenticate } = this.#options;
    if (authenticate === undefined) {
      this.#begin(request);
      return;
    }
    request.admitted = false;
    const denied = (error: unknown): void => {
      request.denied = { error };
      if (!request.cancelled && !request.answered) this.#serve(request);
    };
    let auth: ReturnType<typeof authenticate>;
    try {
      auth = authenticate(request);
    } catch (error) {
      denied(error);
      return;
    }
    if (auth instanceof Promise) auth.then((found) => this.#admitted(request, found), denied);
    else this.#admitted(request, auth);
  }

  #admitted(request: Http2Request, auth: Http2Request['auth']): void {
    if (request.cancelled || request.answered) return;
    request.auth = auth;
    request.admitted = true;
    this.resume();
    this.#begin(request);
  }

  #begin(request: Http2Request): void {
    const { contentLength = 0 } = request.head;
    if (Math.max(contentLength, request.received) > this.maxBodyBytes) this.#serveTooLarge(request);
    else if (request.remoteClosed) this.#serve(request);
  }

  protected override onStreamData(request: Http2Request, bytes: Buffer, start: number, end: number): void {
    if (!request.count(end - start)) this.resetForError(request, ErrorCode.PROTOCOL_ERROR);
    else if (request.answered || request.serving) return;
    else if (request.received > this.maxBodyBytes) {
      if (request.admitted) this.#serveTooLarge(request);
    } else {
      if (!request.admitted) this.hold();
      if (!request.keep(bytes, start, end)) this.refuse(request, NO_MEMORY, 'receive_memory');
    }
  }

  protected override onStreamEnd(request: Http2Request): void {
    if (request.lengthIsWrong) this.resetForError(request, ErrorCode.PROTOCOL_ERROR);
    else if (!request.answered && !request.serving && request.admitted) this.#serve(request);
  }

  #serveTooLarge(request: Http2Request): void {
    request.bodyTooLarge = true;
    this.#options.onLimit?.('body_size');
    this.#serve(request);
  }

  /** Hands the request over, with its body where that has come in whole. */
  #serve(request: Http2Request): void {
    request.serving = true;
    if (request.admitted && !request.bodyTooLarge) request.complete();
    try {
      this.#options.handler(request);
    } catch (error) {
      this.#options.onError?.(error as Error);
      request.respond(INTERNAL);
    }
  }

  refuse(request: Http2Request, response: HttpResponse, limit: ServerLimit): void {
    this.#options.onLimit?.(limit);
    request.respond(response);
  }

  answer(request: Http2Request, response: HttpResponse): void {
    if (!request.admitted) this.resume();
    const block = headerBlock(response, httpDate(this.clock.now()));
    const headOnly = request.method === 'HEAD' || isBodiless(response.status) || response.body.length === 0;
    this.writeHeaders(request.id, headOnly ? Flag.END_STREAM : 0, block);
    if (headOnly) this.finish(request);
    else {
      request.outgoing = new OutgoingBytes(response.body);
      this.pump(request);
    }
    if (!this.#options.keepAlive) this.drain();
  }

  protected override onSent(request: Http2Request): void {
    this.finish(request);
  }
}
