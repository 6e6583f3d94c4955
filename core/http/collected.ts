import type { Holder, ReceiveMemory } from '../net/receive-memory.ts';
import { Slab, slabs } from '../telemetry/slab.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';

/** Room that is taken at first for a body of unknown or large size; it doubles as the bytes really arrive. */
const FIRST_ROOM = 64 * 1024;
/** Up to this size room for the whole body is taken at once: a claim that costs a peer nothing must cost us little. */
const TRUSTED_LENGTH = 256 * 1024;

const NOTHING = Buffer.alloc(0);

/** What to take at first for a body of which the peer has said the length, or not. */
export function roomFor(length: number | undefined): number {
  return length === undefined ? FIRST_ROOM : Math.min(length, TRUSTED_LENGTH);
}

/** Memory of a server, or of a connection. */
type Room = Pick<ReceiveMemory, 'take' | 'give'>;

/** Bytes that are collected in slab memory. */
export class Collected {
  readonly #limit: number;
  readonly #room: number;
  readonly #memory: Room;
  readonly #holder: Holder;
  #range: ByteRange | undefined;
  #length = 0;

  /** No more than `limit` bytes are given in; `room` is taken with the first of them. */
  constructor(limit: number, room: number, memory: Room, holder: Holder) {
    this.#limit = limit;
    this.#room = room;
    this.#memory = memory;
    this.#holder = holder;
  }

  get length(): number {
    return this.#length;
  }

  /** False where there is no memory for it. */
  append(chunk: Buffer, start: number, end: number): boolean {
    const needed = this.#length + end - start;
    if (needed > this.#capacity && !this.#grow(needed)) return false;
    const range = this.#range as ByteRange;
    chunk.copy(range.buffer, range.start + this.#length, start, end);
    this.#length = needed;
    return true;
  }

  get #capacity(): number {
    return this.#range === undefined ? 0 : this.#range.end - this.#range.start;
  }

  #grow(needed: number): boolean {
    const more = this.#range === undefined ? this.#room : Math.max(TRUSTED_LENGTH, this.#length * 2);
    const size = Math.max(needed, Math.min(this.#limit, more));
    // while the bytes move, old and new memory are held together
    if (!this.#memory.take(size, this.#holder)) return false;
    this.#moveTo(this.#range === undefined ? allocate(size) : ownMemory(size));
    return true;
  }

  #moveTo(grown: ByteRange): void {
    const old = this.#range;
    if (old !== undefined) {
      old.buffer.copy(grown.buffer, grown.start, old.start, old.start + this.#length);
      old.slab?.release();
      this.#memory.give(old.end - old.start);
    }
    this.#range = grown;
  }

  moveOut(): void {
    const size = this.#capacity;
    if (this.#range?.slab?.shared !== true || !this.#memory.take(size, this.#holder)) return;
    this.#moveTo(ownMemory(size));
  }

  take(): ByteRange {
    const range = this.#range;
    this.#memory.give(this.#capacity);
    this.#range = undefined;
    if (range === undefined) return { buffer: NOTHING, start: 0, end: 0 };
    return { buffer: range.buffer, start: range.start, end: range.start + this.#length, slab: range.slab };
  }

  discard(): void {
    this.take().slab?.release();
  }
}

function allocate(size: number): ByteRange {
  const { slab, start } = slabs.allocate(size);
  return { buffer: slab.buffer, start, end: start + size, slab };
}

/** For a body that grows: in a slab it would leave a hole with each step. */
function ownMemory(size: number): ByteRange {
  const slab = new Slab(size);
  slab.retain();
  return { buffer: slab.buffer, start: 0, end: size, slab };
}
