import { next, readVarint, readVarint64, WireType } from '../../otlp/wire.ts';
import { PageError } from './page.ts';

/**
 * Walks over the fields of a message in `buffer[start, end)` that nobody has checked; throws a PageError where a
 * field does not fit.
 */
export class ProtoFields {
  field = 0;
  type: WireType = WireType.VARINT;
  /** Where the value lies; of a varint, its first byte. */
  start = 0;
  end = 0;
  readonly #buffer: Buffer;
  readonly #end: number;
  #at: number;

  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
  }

  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.type = (tag & 7) as WireType;
    this.start = this.#at;
    if (this.type === WireType.VARINT) this.#varint();
    else if (this.type === WireType.FIXED64) this.#at += 8;
    else if (this.type === WireType.FIXED32) this.#at += 4;
    else if (this.type === WireType.BYTES) {
      const length = this.#varint();
      this.start = this.#at;
      this.#at += length;
    } else throw new PageError(`proto: illegal wireType ${this.type}`);
    if (this.#at > this.#end) throw new PageError('unexpected EOF');
    this.end = this.#at;
    return true;
  }

  is(field: number, type: WireType): boolean {
    return this.field === field && this.type === type;
  }
  message(): ProtoFields {
    return new ProtoFields(this.#buffer, this.start, this.end);
  }
  bytes(): Buffer {
    return this.#buffer.subarray(this.start, this.end);
  }
  double(): number {
    return this.#buffer.readDoubleLE(this.start);
  }
  /** An unsigned or zigzag integer of up to 53 bits; larger ones are rounded. */
  uint(): number {
    return Number(readVarint64(this.#buffer, this.start));
  }
  int(): number {
    return Number(BigInt.asIntN(64, readVarint64(this.#buffer, this.start)));
  }
  sint(): number {
    return unzigzag(readVarint64(this.#buffer, this.start));
  }

  /** The values of a repeated number, packed or not. */
  doubles(into: number[]): void {
    if (this.type !== WireType.BYTES && this.type !== WireType.FIXED64) return;
    if ((this.end - this.start) % 8 !== 0) throw new PageError('unexpected EOF');
    for (let at = this.start; at < this.end; at += 8) into.push(this.#buffer.readDoubleLE(at));
  }
  sints(into: number[]): void {
    if (this.type !== WireType.BYTES && this.type !== WireType.VARINT) return;
    for (let at = this.start; at < this.end; ) {
      const value = readVarint64(this.#buffer, at);
      if (next > this.end) throw new PageError('unexpected EOF');
      into.push(unzigzag(value));
      at = next;
    }
  }

  #varint(): number {
    const start = this.#at;
    for (let at = start; at < Math.min(this.#end, start + MAX_VARINT); at++) {
      if ((this.#buffer[at] as number) >= 0x80) continue;
      this.#at = at + 1;
      return readVarint(this.#buffer, start);
    }
    throw new PageError('proto: invalid varint');
  }
}

const MAX_VARINT = 10;

const unzigzag = (value: bigint): number => Number((value >> 1n) ^ -(value & 1n));
