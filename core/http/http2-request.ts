import type { GuardedStream } from '../http2/guarded-connection.ts';
import type { ReceiveBudget } from '../http2/receive-budget.ts';
import { type ServerLimit, STREAM_COST } from '../http2/server-limits.ts';
import { Stream } from '../http2/stream.ts';
import type { Peer } from '../net/peer.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { Collected, roomFor } from './collected.ts';
import type { Http2Head } from './http2-head.ts';
import { type HttpResponse, NO_MEMORY, TIMED_OUT } from './response.ts';
import type { HttpRequest } from './types.ts';

const NO_BODY: ByteRange = { buffer: Buffer.alloc(0), start: 0, end: 0 };

/** The connection, as its requests see it. */
export interface RequestOwner {
  readonly peer: Peer;
  readonly maxBodyBytes: number;
  answer(request: Http2Request, response: HttpResponse): void;
  /** For a limit that its client reached. */
  refuse(request: Http2Request, response: HttpResponse, limit: ServerLimit): void;
  /** The handler is done with a request that its client gave up. */
  settled(): void;
}

/** A request is its stream: one object a request. */
export class Http2Request extends Stream implements HttpRequest, GuardedStream {
  readonly version = '2.0';
  readonly head: Http2Head;
  body = NO_BODY;
  bodyTooLarge = false;
  auth: ReadonlyMap<string, string> | undefined;
  denied: { readonly error: unknown } | undefined;
  cancelled = false;
  answered = false;
  waitingSince: number | undefined;
  admitted = true;
  serving = false;
  /** When an answer is of no use any more, on the monotonic clock. */
  readonly deadline: number;
  readonly #owner: RequestOwner;
  readonly #budget: ReceiveBudget;
  #received = 0;
  #collected: Collected | undefined;
  #cost: number;

  constructor(
    id: number,
    sendWindow: number,
    owner: RequestOwner,
    head: Http2Head,
    budget: ReceiveBudget,
    deadline: number,
  ) {
    super(id, sendWindow);
    this.#owner = owner;
    this.head = head;
    this.#budget = budget;
    this.#cost = costOf(head);
    this.deadline = deadline;
  }

  get method(): string {
    return this.head.method;
  }

  get path(): string {
    return this.head.route;
  }

  get query(): string {
    return this.head.query;
  }

  get peer(): Peer {
    return this.#owner.peer;
  }

  header(name: string): string | undefined {
    return this.head.get(name);
  }

  headers(): ReadonlyMap<string, readonly string[]> {
    return this.head.all;
  }

  /** Of the body; all that came, kept or not. */
  get received(): number {
    return this.#received;
  }

  /** The body has ended, and not where `content-length` says. */
  get lengthIsWrong(): boolean {
    const { contentLength } = this.head;
    return contentLength !== undefined && contentLength !== this.#received;
  }

  /** Counts bytes of the body; false where they are more than `content-length` says. */
  count(bytes: number): boolean {
    this.#received += bytes;
    return this.#received <= (this.head.contentLength ?? Number.POSITIVE_INFINITY);
  }

  /** Keeps bytes of the body; false where there is no memory for them. */
  keep(bytes: Buffer, start: number, end: number): boolean {
    this.#collected ??= this.#collector();
    return this.#collected.append(bytes, start, end);
  }

  #collector(): Collected {
    const { contentLength } = this.head;
    return new Collected(contentLength ?? this.#owner.maxBodyBytes, roomFor(contentLength), this.#budget, this);
  }

  /** What was kept is the body from now on, and belongs to the handler. */
  complete(): void {
    if (this.#collected !== undefined) this.body = this.#collected.take();
  }

  respond(response: HttpResponse): void {
    if (this.answered) return;
    this.answered = true;
    if (!this.cancelled) this.#owner.answer(this, response);
    else if (this.serving) this.#owner.settled();
  }

  drop(): void {
    this.#collected?.discard();
    this.#budget.give(this.#cost);
    this.#cost = 0;
  }

  moveOut(): void {
    this.#collected?.moveOut();
  }

  evict(): void {
    if (!this.answered) this.#owner.refuse(this, NO_MEMORY, 'receive_memory');
  }

  giveUp(): void {
    this.respond(TIMED_OUT);
  }
}

/** Memory for a request beside its body. */
export function costOf(head: Http2Head): number {
  return STREAM_COST + head.size;
}
