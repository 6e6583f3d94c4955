import type { Socket } from 'node:net';
import type { Timer } from '../clock.ts';
import type { Peer } from '../grpc/types.ts';
import { acceptShared } from '../net/shared-read.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { type BodyReader, ChunkedBody, FixedBody } from './body-reader.ts';
import { HeadBuffer } from './head-buffer.ts';
import { peerOf, Request } from './request.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import {
  BAD_REQUEST,
  HEAD_TOO_LONG,
  type HttpResponse,
  httpDate,
  INTERNAL,
  plainResponse,
  TIMED_OUT,
} from './response.ts';
import type { HttpServerOptions } from './types.ts';

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const NO_BODY: ByteRange = { buffer: Buffer.alloc(0), start: 0, end: 0 };

/**
 * After the last answer the peer may still be sending; closing at once would reset the connection and the answer
 * would be lost on the way (RFC 9112 section 9.6).
 */
const LINGER_MS = 2000;

/** A request whose head is read and whose body is not yet. */
interface Reading {
  readonly head: RequestHead;
  readonly body: BodyReader;
}

/**
 * One accepted connection: bytes in, requests to the handler one at a time, answers out. Requests that come in while
 * one is being answered wait unread.
 */
export class HttpConnection {
  readonly #options: HttpServerOptions;
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #onClose: (connection: HttpConnection) => void;
  readonly #head = new HeadBuffer();
  #reading: Reading | undefined;
  /** Handed to the handler and not answered yet. */
  #current: Request | undefined;
  /** Came in while a request was being answered. */
  #backlog: Buffer | undefined;
  #output: Buffer[] = [];
  #processing = false;
  /** The last answer was given; what comes in is thrown away. */
  #finished = false;
  #draining = false;
  #deadline = Number.POSITIVE_INFINITY;
  #linger: Timer | undefined;

  constructor(accepted: Socket, options: HttpServerOptions, onClose: (connection: HttpConnection) => void) {
    this.#options = options;
    this.#onClose = onClose;
    this.#peer = peerOf(accepted);
    this.#socket = acceptShared(accepted, this);
    // a reset shows as an error first; `close` follows always and does the rest
    this.#socket.on('error', () => {});
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.#closed());
    this.#socket.on('drain', () => this.#resume());
    this.#expire(options.timeouts.readHeaderMs || options.timeouts.readMs);
  }

  /** ByteSink. */
  receive(bytes: Buffer, length: number): void {
    if (this.#finished) return;
    this.#process(bytes, 0, length);
  }

  /** Called by the server from time to time: acts on a deadline that has passed. */
  checkDeadline(now: number): void {
    if (now < this.#deadline) return;
    this.#deadline = Number.POSITIVE_INFINITY;
    if (this.#reading !== undefined || !this.#head.empty) this.#refuse(TIMED_OUT);
    else this.#socket.destroy();
  }

  /** No further request is taken; closes at once where none is under way. */
  drain(): void {
    this.#draining = true;
    if (this.#current === undefined && this.#reading === undefined && this.#head.empty) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** For the request: its answer. */
  respond(request: Request, response: HttpResponse): void {
    if (request !== this.#current) return;
    this.#current = undefined;
    const { head } = request;
    const close = !head.keepAlive || !this.#options.keepAlive || this.#draining || request.bodyTooLarge;
    this.#output.push(
      response.encode({
        date: httpDate(this.#options.clock.now()),
        connection: close ? 'close' : head.old ? 'keep-alive' : undefined,
        headOnly: head.method === 'HEAD',
      }),
    );
    if (close) {
      this.#finish();
      return;
    }
    this.#expire(this.#options.timeouts.idleMs || this.#options.timeouts.readMs);
    if (this.#processing) return;
    const backlog = this.#backlog;
    this.#backlog = undefined;
    if (backlog === undefined) this.#flush();
    else this.#process(backlog, 0, backlog.length);
    this.#resume();
  }

  #process(bytes: Buffer, start: number, end: number): void {
    this.#processing = true;
    let at = start;
    while (at < end && !this.#finished && this.#current === undefined) {
      at = this.#reading === undefined ? this.#readHead(bytes, at, end) : this.#readBody(bytes, at, end);
    }
    this.#processing = false;
    if (at < end && !this.#finished) this.#keep(bytes, at, end);
    this.#flush();
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const rest = bytes.subarray(start, end);
    this.#backlog = this.#backlog === undefined ? Buffer.from(rest) : Buffer.concat([this.#backlog, rest]);
    this.#socket.pause();
  }

  #readHead(bytes: Buffer, start: number, end: number): number {
    if (this.#head.empty) this.#expire(this.#options.timeouts.readHeaderMs || this.#options.timeouts.readMs);
    const found = this.#head.push(bytes, start, end);
    if (found === 'more') return end;
    if (found === 'too long') return this.#refuse(HEAD_TOO_LONG, end);
    if (found === 'malformed') return this.#refuse(BAD_REQUEST, end);
    const head = parseRequestHead(found.text);
    if ('fault' in head) return this.#refuse(head.fault === 400 ? BAD_REQUEST : plainResponse(head.fault), end);
    this.#begin(head, found.position === end);
    return found.position;
  }

  #begin(head: RequestHead, bodyToCome: boolean): void {
    const { maxBodyBytes, timeouts } = this.#options;
    if (head.contentLength === 0) {
      this.#deliver(head, NO_BODY, false);
    } else if (head.contentLength > maxBodyBytes) {
      this.#deliver(head, NO_BODY, true);
    } else {
      const body = head.contentLength < 0 ? new ChunkedBody(maxBodyBytes) : new FixedBody(head.contentLength);
      this.#reading = { head, body };
      this.#expire(timeouts.readMs);
      if (head.expectContinue && bodyToCome) this.#output.push(CONTINUE);
    }
  }

  #readBody(bytes: Buffer, start: number, end: number): number {
    const { head, body } = this.#reading as Reading;
    const state = body.push(bytes, start, end);
    if (state === 'more') return end;
    this.#reading = undefined;
    if (state === 'done') {
      this.#deliver(head, body.take(), false);
      return body.position;
    }
    body.discard();
    if (state === 'malformed') return this.#refuse(BAD_REQUEST, end);
    this.#deliver(head, NO_BODY, true);
    return end;
  }

  #deliver(head: RequestHead, body: ByteRange, tooLarge: boolean): void {
    const request = new Request(this, head, body, tooLarge, this.#peer);
    this.#current = request;
    this.#expire(this.#options.timeouts.writeMs);
    try {
      this.#options.handler(request);
    } catch (error) {
      this.#options.onError?.(error as Error);
      this.respond(request, INTERNAL);
    }
  }

  /** Answers what cannot be handled and reads no further; returns `position` for the caller's convenience. */
  #refuse(response: HttpResponse, position = 0): number {
    this.#output.push(
      response.encode({ date: httpDate(this.#options.clock.now()), connection: 'close', headOnly: false }),
    );
    this.#finish();
    return position;
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#reading?.body.discard();
    this.#reading = undefined;
    this.#backlog = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#flush();
    this.#socket.end();
    this.#socket.resume();
    this.#linger = this.#options.clock.after(LINGER_MS, () => this.#socket.destroy());
  }

  #flush(): void {
    const output = this.#output;
    if (output.length === 0) return;
    this.#output = [];
    const bytes = output.length === 1 ? (output[0] as Buffer) : Buffer.concat(output);
    // a peer that does not read its answers gets no further ones made
    if (!this.#socket.write(bytes) && !this.#finished) this.#socket.pause();
  }

  #resume(): void {
    if (this.#backlog === undefined && !this.#socket.writableNeedDrain) this.#socket.resume();
  }

  /** The peer sends no more; it may still wait for an answer. */
  #ended(): void {
    if (this.#current === undefined) this.#socket.end();
    else this.#draining = true;
  }

  #closed(): void {
    this.#linger?.cancel();
    this.#finished = true;
    this.#current = undefined;
    this.#backlog = undefined;
    this.#reading?.body.discard();
    this.#reading = undefined;
    this.#onClose(this);
  }

  /** Sets the deadline of what happens next; 0 for none. */
  #expire(ms: number): void {
    this.#deadline = ms > 0 ? this.#options.clock.monotonic() + ms : Number.POSITIVE_INFINITY;
  }
}
