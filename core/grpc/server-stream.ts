import type { GuardedStream } from '../http2/guarded-connection.ts';
import type { ReceiveBudget } from '../http2/receive-budget.ts';
import { type ServerLimit, STREAM_COST } from '../http2/server-limits.ts';
import { Stream } from '../http2/stream.ts';
import type { Peer } from '../net/peer.ts';
import { StatusCode } from '../status-code.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import type { CallHead } from './call-head.ts';
import { MessageReader } from './message-reader.ts';
import type { Route } from './route.ts';
import type { GrpcFailure, UnaryCall } from './types.ts';

/** The connection, as its calls see it. */
export interface CallOwner {
  readonly peer: Peer;
  answer(stream: ServerStream, message: Uint8Array): void;
  refuse(stream: ServerStream, failure: GrpcFailure): void;
  reached(limit: ServerLimit): void;
  /** The handler is done with a call that its client gave up. */
  settled(): void;
}

/** A call is its stream: one object a request. */
export class ServerStream extends Stream implements UnaryCall, GuardedStream {
  readonly to: Route['to'];
  readonly body: MessageReader;
  readonly deadline: number | undefined;
  message!: ByteRange;
  auth: ReadonlyMap<string, string> | undefined;
  cancelled = false;
  answered = false;
  waitingSince: number | undefined;
  /** The client may be served; until then what it sends is not kept. */
  admitted = true;
  /** The handler has the call. */
  serving = false;
  /** Of DATA, for comparison with content-length. */
  received = 0;
  /** Sent after `outgoing`. */
  trailers: Buffer | undefined;
  readonly #owner: CallOwner;
  readonly #head: CallHead;
  readonly #budget: ReceiveBudget;
  #cost: number;

  constructor(
    id: number,
    sendWindow: number,
    owner: CallOwner,
    route: Route,
    deadline: number | undefined,
    maxBytes: number,
    budget: ReceiveBudget,
  ) {
    super(id, sendWindow);
    this.#owner = owner;
    this.#head = route.head;
    this.to = route.to;
    this.deadline = deadline;
    this.body = new MessageReader(maxBytes, budget, this);
    this.#budget = budget;
    this.#cost = costOf(route);
  }

  get path(): string {
    return this.#head.path;
  }

  get encoding(): string {
    return this.#head.encoding;
  }

  get lengthIsWrong(): boolean {
    return this.#head.contentLength !== undefined && this.#head.contentLength !== this.received;
  }

  get peer(): Peer {
    return this.#owner.peer;
  }

  header(name: string): string | undefined {
    return this.#head.get(name);
  }

  headers(): ReadonlyMap<string, readonly string[]> {
    return this.#head.metadata;
  }

  reply(message: Uint8Array): void {
    if (this.answered) return;
    this.answered = true;
    if (this.cancelled) this.#owner.settled();
    else this.#owner.answer(this, message);
  }

  fail(failure: GrpcFailure): void {
    if (this.answered) return;
    this.answered = true;
    if (!this.cancelled) this.#owner.refuse(this, failure);
    else if (this.serving) this.#owner.settled();
  }

  /** The stream is gone: what it held is given back. */
  drop(): void {
    this.body.drop();
    this.#budget.give(this.#cost);
    this.#cost = 0;
  }

  moveOut(): void {
    this.body.moveOut();
  }

  evict(): void {
    if (!this.answered) this.#owner.reached('receive_memory');
    this.fail({ code: StatusCode.UNAVAILABLE, message: 'the request was too slow while memory was short' });
  }

  giveUp(): void {
    this.fail({ code: StatusCode.DEADLINE_EXCEEDED, message: 'the request did not end in time' });
  }
}

/** Memory for a stream beside its message. */
export function costOf(route: Route): number {
  return STREAM_COST + route.head.size;
}
