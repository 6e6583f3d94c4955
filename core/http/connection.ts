import type { Socket } from 'node:net';
import type { Peer } from '../net/peer.ts';
import type { Holder, ReceiveMemory } from '../net/receive-memory.ts';
import { acceptShared } from '../net/shared-read.ts';
import { Answers } from './answers.ts';
import type { HttpLimit } from './limits.ts';
import { peerOf, Request } from './request.ts';
import { RequestReader } from './request-reader.ts';
import { CONTINUE, type HttpResponse, httpDate, INTERNAL, NO_MEMORY, TIMED_OUT } from './response.ts';
import type { HttpServerOptions } from './types.ts';

/**
 * One accepted connection: bytes in, requests to the handler one at a time, answers out. Requests that come in while
 * one is being answered wait unread.
 */
export class HttpConnection implements Holder {
  readonly #options: HttpServerOptions;
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #onClose: (connection: HttpConnection) => void;
  readonly #answers: Answers;
  readonly #reader: RequestReader;
  /** Its head was read, its body is being read. */
  #reading: Request | undefined;
  /** Being authenticated, or handed to the handler and not answered yet. */
  #current: Request | undefined;
  #processing = false;
  #draining = false;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(
    accepted: Socket,
    options: HttpServerOptions,
    memory: ReceiveMemory,
    onClose: (connection: HttpConnection) => void,
  ) {
    this.#options = options;
    this.#reader = new RequestReader(memory, this, options.maxBodyBytes);
    this.#onClose = onClose;
    this.#peer = peerOf(accepted);
    this.#socket = acceptShared(accepted, this);
    this.#answers = new Answers(this.#socket, options.clock);
    // a reset shows as an error first; `close` follows always and does the rest
    this.#socket.on('error', () => {});
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.#closed());
    this.#socket.on('drain', () => this.#resume());
    this.#expire(options.timeouts.readHeaderMs || options.timeouts.readMs);
  }

  /** ByteSink. */
  receive(bytes: Buffer, length: number): void {
    if (!this.#answers.finished) this.#process(bytes, 0, length);
  }

  /** Called by the server from time to time: acts on a deadline that has passed, makes long waits cheap. */
  sweep(now: number): void {
    this.#reader.sweep();
    if (now < this.#deadline) return;
    this.#deadline = Number.POSITIVE_INFINITY;
    if (this.#reader.incomplete) this.#refuse(TIMED_OUT, 0, 'timeout');
    else this.#socket.destroy();
  }

  /** No further request is taken; closes at once where none is under way. */
  drain(): void {
    this.#draining = true;
    if (this.#current === undefined && !this.#reader.incomplete) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  evict(): void {
    if (this.#reader.incomplete) this.#refuse(NO_MEMORY, 0, 'receive_memory');
  }

  /** For the request: its answer. */
  respond(request: Request, response: HttpResponse): void {
    if (request !== this.#current) return;
    this.#current = undefined;
    const { head } = request;
    const close = !head.keepAlive || !this.#options.keepAlive || this.#draining || !request.read;
    this.#answers.push(
      response.encode({
        date: httpDate(this.#options.clock.now()),
        connection: close ? 'close' : head.old ? 'keep-alive' : undefined,
        headOnly: head.method === 'HEAD',
      }),
    );
    if (close) this.#finish();
    else {
      this.#expire(this.#options.timeouts.idleMs || this.#options.timeouts.readMs);
      if (!this.#processing) this.#goOn();
    }
  }

  /** Reads what came in meanwhile, and then on. */
  #goOn(): void {
    const backlog = this.#reader.takeBacklog();
    if (backlog === undefined) this.#answers.flush();
    else this.#process(backlog, 0, backlog.length);
    this.#resume();
  }

  #process(bytes: Buffer, start: number, end: number): void {
    this.#processing = true;
    let at = start;
    while (at < end && !this.#answers.finished && this.#current === undefined) {
      at = this.#reading === undefined ? this.#readHead(bytes, at, end) : this.#readBody(bytes, at, end);
    }
    this.#processing = false;
    if (at < end && !this.#answers.finished) {
      this.#socket.pause();
      // without memory the request under way is the last: what was sent behind it has to be sent again
      if (!this.#reader.keep(bytes, at, end)) this.#draining = true;
    }
    this.#answers.flush();
  }

  #readHead(bytes: Buffer, start: number, end: number): number {
    if (!this.#reader.inHead) this.#expire(this.#options.timeouts.readHeaderMs || this.#options.timeouts.readMs);
    const found = this.#reader.readHead(bytes, start, end);
    if (found === undefined) return end;
    if ('limit' in found) return this.#refuse(found.response, end, found.limit);
    const [head, position] = found;
    return position + this.#admit(new Request(this, head, this.#peer), end - position);
  }

  /** Asks who it is before any of the body is read; `here` is there of it. Returns how much of that was passed over. */
  #admit(request: Request, here: number): number {
    const { authenticate, timeouts } = this.#options;
    if (authenticate === undefined) {
      this.#begin(request, here === 0);
      return 0;
    }
    this.#current = request;
    this.#expire(timeouts.readMs);
    const denied = (error: unknown): void => {
      request.denied = { error };
      if (this.#current === request) this.#deliver(request);
    };
    try {
      const auth = authenticate(request);
      if (auth instanceof Promise) auth.then((found) => this.#admitted(request, found, true), denied);
      else this.#admitted(request, auth, here === 0);
      return 0;
    } catch (error) {
      const passed = request.passOver(here);
      denied(error);
      return passed;
    }
  }

  #admitted(request: Request, auth: Request['auth'], bodyToCome: boolean): void {
    if (this.#current !== request) return;
    this.#current = undefined;
    request.auth = auth;
    this.#begin(request, bodyToCome && !this.#reader.hasBacklog);
    if (!this.#processing && this.#current === undefined) this.#goOn();
  }

  #begin(request: Request, bodyToCome: boolean): void {
    const { maxBodyBytes, timeouts } = this.#options;
    const { contentLength, expectContinue } = request.head;
    if (contentLength === 0) this.#deliver(request);
    else if (contentLength > maxBodyBytes) this.#deliverTooLarge(request);
    else {
      this.#reader.beginBody(contentLength);
      this.#reading = request;
      this.#expire(timeouts.readMs);
      if (expectContinue && bodyToCome) this.#answers.push(CONTINUE);
    }
  }

  #readBody(bytes: Buffer, start: number, end: number): number {
    const request = this.#reading as Request;
    const found = this.#reader.readBody(bytes, start, end);
    if (found === undefined) return end;
    if (found !== 'too large' && 'limit' in found) return this.#refuse(found.response, end, found.limit);
    this.#reading = undefined;
    if (found === 'too large') return this.#deliverTooLarge(request, end);
    const [body, position] = found;
    request.complete(body);
    this.#deliver(request);
    return position;
  }

  #deliverTooLarge(request: Request, position = 0): number {
    request.bodyTooLarge = true;
    this.#options.onLimit?.('body_size');
    this.#deliver(request);
    return position;
  }

  #deliver(request: Request): void {
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
  #refuse(response: HttpResponse, position: number, limit: HttpLimit): number {
    this.#options.onLimit?.(limit);
    this.#answers.push(
      response.encode({ date: httpDate(this.#options.clock.now()), connection: 'close', headOnly: false }),
    );
    this.#finish();
    return position;
  }

  #finish(): void {
    if (this.#answers.finished) return;
    this.#reading = undefined;
    this.#reader.drop();
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#answers.finish();
  }

  #resume(): void {
    if (!this.#reader.hasBacklog && !this.#socket.writableNeedDrain) this.#socket.resume();
  }

  /** The peer sends no more; it may still wait for an answer. */
  #ended(): void {
    if (this.#current === undefined) this.#socket.end();
    else this.#draining = this.#current.cancel();
  }

  #closed(): void {
    this.#answers.closed();
    this.#current?.cancel();
    this.#current = undefined;
    this.#reading = undefined;
    this.#reader.drop();
    this.#onClose(this);
  }

  /** Sets the deadline of what happens next; 0 for none. */
  #expire(ms: number): void {
    this.#deadline = ms > 0 ? this.#options.clock.monotonic() + ms : Number.POSITIVE_INFINITY;
  }
}
