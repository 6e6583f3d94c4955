import type { Holder, ReceiveMemory } from '../net/receive-memory.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { type BodyReader, type BodyState, ChunkedBody, FixedBody } from './body-reader.ts';
import { HeadBuffer } from './head-buffer.ts';
import type { HttpLimit } from './limits.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import { BAD_REQUEST, HEAD_TOO_LONG, type HttpResponse, NO_MEMORY, plainResponse } from './response.ts';

/** Why a connection reads no further. */
export interface ReadFault {
  readonly response: HttpResponse;
  readonly limit: HttpLimit;
}

const MALFORMED: ReadFault = { response: BAD_REQUEST, limit: 'malformed' };
const OUT_OF_MEMORY: ReadFault = { response: NO_MEMORY, limit: 'receive_memory' };
const TOO_LONG: ReadFault = { response: HEAD_TOO_LONG, limit: 'header_size' };

/** All that a connection keeps of requests that are not complete, and the memory it takes for that. */
export class RequestReader {
  readonly #memory: ReceiveMemory;
  readonly #holder: Holder;
  readonly #maxBody: number;
  readonly #head = new HeadBuffer();
  #body: BodyReader | undefined;
  /** Came in behind a request that is being answered. */
  #backlog: Buffer | undefined;
  /** Memory for an incomplete head and the backlog. */
  #held = 0;
  /** Part of a request was here at the last look. */
  #waits = false;

  /** `holder` is who is evicted where this takes too long. */
  constructor(memory: ReceiveMemory, holder: Holder, maxBody: number) {
    this.#memory = memory;
    this.#holder = holder;
    this.#maxBody = maxBody;
  }

  /** Part of a request is here. */
  get incomplete(): boolean {
    return this.#body !== undefined || !this.#head.empty;
  }

  get inHead(): boolean {
    return !this.#head.empty;
  }

  /** To be called from time to time: what has been here for long keeps no memory of others and may be evicted. */
  sweep(): void {
    const { incomplete } = this;
    if (incomplete) this.#body?.moveOut();
    if (incomplete && !this.#waits) this.#memory.waits(this.#holder);
    else if (!incomplete && this.#waits) this.#memory.ended(this.#holder);
    this.#waits = incomplete;
  }

  /** A head and the position behind it, undefined where there is more to come. */
  readHead(bytes: Buffer, start: number, end: number): readonly [RequestHead, number] | ReadFault | undefined {
    const found = this.#head.push(bytes, start, end);
    if (found === 'too long') return TOO_LONG;
    if (found === 'malformed') return MALFORMED;
    if (!this.#hold(this.#head.held)) return OUT_OF_MEMORY;
    if (found === 'more') return undefined;
    const head = parseRequestHead(found.text);
    if (!('fault' in head)) return [head, found.position];
    return head.fault === 400 ? MALFORMED : { response: plainResponse(head.fault), limit: 'malformed' };
  }

  /** A body follows, chunked where `length` is negative. */
  beginBody(length: number): void {
    this.#body =
      length < 0
        ? new ChunkedBody(this.#maxBody, this.#memory, this.#holder)
        : new FixedBody(length, this.#memory, this.#holder);
  }

  /** The whole body and the position behind it, undefined where there is more to come. */
  readBody(
    bytes: Buffer,
    start: number,
    end: number,
  ): readonly [ByteRange, number] | ReadFault | 'too large' | undefined {
    const body = this.#body as BodyReader;
    const state: BodyState = body.push(bytes, start, end);
    if (state === 'more') return undefined;
    if (state === 'no memory') return OUT_OF_MEMORY;
    if (state === 'malformed') return MALFORMED;
    this.#body = undefined;
    if (state === 'done') return [body.take(), body.position];
    body.discard();
    return 'too large';
  }

  get hasBacklog(): boolean {
    return this.#backlog !== undefined;
  }

  /** False where there is no memory for it. */
  keep(bytes: Buffer, start: number, end: number): boolean {
    const rest = bytes.subarray(start, end);
    if (!this.#hold(this.#held + rest.length)) return false;
    this.#backlog = this.#backlog === undefined ? Buffer.from(rest) : Buffer.concat([this.#backlog, rest]);
    return true;
  }

  takeBacklog(): Buffer | undefined {
    const backlog = this.#backlog;
    this.#backlog = undefined;
    this.#hold(0);
    return backlog;
  }

  /** Gives everything back; what comes is not read. Repeatable. */
  drop(): void {
    this.#body?.discard();
    this.#body = undefined;
    this.takeBacklog();
    if (this.#waits) this.#memory.ended(this.#holder);
    this.#waits = false;
  }

  /** Takes memory for `bytes` of head and backlog instead of what was taken before. */
  #hold(bytes: number): boolean {
    const more = bytes - this.#held;
    if (more > 0 && !this.#memory.take(more, this.#holder)) return false;
    if (more < 0) this.#memory.give(-more);
    this.#held = bytes;
    return true;
  }
}
