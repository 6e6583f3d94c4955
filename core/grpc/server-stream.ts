import type { ByteRange } from '../telemetry/telemetry.ts';
import { MessageReader, type ReceiveBudget } from './message-reader.ts';
import type { RequestHead } from './request-head.ts';
import type { Route } from './route.ts';
import { Stream } from './stream.ts';
import type { GrpcFailure, Peer, UnaryCall } from './types.ts';

/** The connection, as its calls see it. */
export interface CallOwner {
  readonly peer: Peer;
  answer(stream: ServerStream, message: Uint8Array): void;
  refuse(stream: ServerStream, failure: GrpcFailure): void;
}

/** A call is its stream: one object a request. */
export class ServerStream extends Stream implements UnaryCall {
  readonly to: Route['to'];
  readonly body: MessageReader;
  readonly deadline: number | undefined;
  message!: ByteRange;
  auth: ReadonlyMap<string, string> | undefined;
  cancelled = false;
  answered = false;
  /** Of DATA, for comparison with content-length. */
  received = 0;
  /** Sent after `outgoing`. */
  trailers: Buffer | undefined;
  readonly #owner: CallOwner;
  readonly #head: RequestHead;

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
    this.body = new MessageReader(maxBytes, budget);
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
    if (!this.cancelled) this.#owner.answer(this, message);
  }

  fail(failure: GrpcFailure): void {
    if (this.answered) return;
    this.answered = true;
    if (!this.cancelled) this.#owner.refuse(this, failure);
  }
}
