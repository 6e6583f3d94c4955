import type { ReceiveBudget } from '../http2/receive-budget.ts';
import type { Holder } from '../net/receive-memory.ts';
import { StatusCode } from '../status-code.ts';
import { type Allocation, Slab, slabs } from '../telemetry/slab.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { GrpcError } from './grpc-error.ts';
import { MESSAGE_PREFIX_SIZE } from './outgoing-message.ts';

/** The limit of gRPC servers and clients. */
export const DEFAULT_MAX_MESSAGE_BYTES = 4 << 20;

/**
 * A longer message gets memory as its bytes arrive, doubled each time: a length alone, which costs the peer nothing,
 * must not make us allocate much.
 */
const FIRST_ALLOCATION = 256 << 10;

/**
 * Assembles the one message of a unary body in a slab.
 *
 *     body = compressed (8) length (32) message (length)
 */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #budget: ReceiveBudget;
  readonly #holder: Holder | undefined;
  #prefixRead = 0;
  #flag = 0;
  /** As declared by the peer. */
  length = 0;
  #read = 0;
  #memory: Allocation | undefined;
  #capacity = 0;

  constructor(maxBytes: number, budget: ReceiveBudget, holder?: Holder) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
    this.#holder = holder;
  }

  get compressed(): boolean {
    return this.#flag === 1;
  }

  get empty(): boolean {
    return this.#prefixRead === 0;
  }

  get complete(): boolean {
    return this.#prefixRead === MESSAGE_PREFIX_SIZE && this.#read === this.length;
  }

  /** Returns why the message cannot be taken; the reader is of no more use then and is to be dropped. */
  read(bytes: Buffer, start: number, end: number): GrpcError | undefined {
    let position = start;
    if (this.#prefixRead < MESSAGE_PREFIX_SIZE) {
      position = this.#readPrefix(bytes, start, end);
      if (this.#prefixRead < MESSAGE_PREFIX_SIZE) return undefined;
      if (this.#flag > 1) return new GrpcError(StatusCode.INTERNAL, 'grpc: received unexpected payload format');
      if (this.length > this.#maxBytes) return this.#tooLarge();
    }
    const size = end - position;
    if (size === 0) return undefined;
    if (size > this.length - this.#read) {
      return new GrpcError(StatusCode.UNIMPLEMENTED, 'more than one message in a unary call');
    }
    if (this.#read + size > this.#capacity && !this.#grow(this.#read + size)) {
      return new GrpcError(StatusCode.UNAVAILABLE, 'too many incomplete messages on one connection');
    }
    const memory = this.#memory!;
    bytes.copy(memory.slab.buffer, memory.start + this.#read, position, end);
    this.#read += size;
    return undefined;
  }

  /** The complete message, with its slab reference; the reader forgets both. */
  take(): ByteRange {
    const memory = this.#memory;
    this.#budget.give(this.#capacity);
    this.#capacity = 0;
    this.#memory = undefined;
    if (memory === undefined) return EMPTY;
    return { buffer: memory.slab.buffer, start: memory.start, end: memory.start + this.length, slab: memory.slab };
  }

  /** Gives the memory back; safe at any time. */
  drop(): void {
    this.#memory?.slab.release();
    this.#memory = undefined;
    this.#budget.give(this.#capacity);
    this.#capacity = 0;
  }

  /**
   * Takes what has arrived out of the slab it shares with other messages: a message that never ends must not keep the
   * memory of others from being used again.
   */
  moveOut(): void {
    const shared = this.#memory;
    if (shared === undefined || !shared.slab.shared) return;
    const slab = new Slab(this.#capacity);
    slab.retain();
    shared.slab.buffer.copy(slab.buffer, 0, shared.start, shared.start + this.#read);
    shared.slab.release();
    this.#memory = { slab, start: 0 };
  }

  #tooLarge(): GrpcError {
    const sizes = `${this.length} vs. ${this.#maxBytes}`;
    return new GrpcError(StatusCode.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${sizes})`);
  }

  #readPrefix(bytes: Buffer, start: number, end: number): number {
    let position = start;
    while (position < end && this.#prefixRead < MESSAGE_PREFIX_SIZE) {
      const octet = bytes[position++]!;
      if (this.#prefixRead === 0) this.#flag = octet;
      else this.length = this.length * 256 + octet;
      this.#prefixRead++;
    }
    return position;
  }

  #grow(needed: number): boolean {
    const capacity = Math.min(this.length, Math.max(needed, FIRST_ALLOCATION, 2 * this.#capacity));
    // while the bytes move, old and new memory are held together
    if (!this.#budget.take(capacity, this.#holder)) return false;
    const memory = slabs.allocate(capacity);
    const old = this.#memory;
    if (old !== undefined) {
      old.slab.buffer.copy(memory.slab.buffer, memory.start, old.start, old.start + this.#read);
      old.slab.release();
      this.#budget.give(this.#capacity);
    }
    this.#memory = memory;
    this.#capacity = capacity;
    return true;
  }
}

const NO_BYTES = Buffer.alloc(0);
const EMPTY: ByteRange = { buffer: NO_BYTES, start: 0, end: 0 };
