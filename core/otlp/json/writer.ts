import { varintSize, writeVarint } from '../wire.ts';

/**
 * Protobuf bytes that grow at the end. Whoever writes a value calls `reserve` before; lengths of messages are written
 * when the message is complete.
 */
export class ProtoWriter {
  bytes: Buffer;
  length = 0;
  /** How many bytes were moved because a length took another size than was left for it. */
  moved = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Room for `size` more bytes. */
  reserve(size: number): void {
    if (this.bytes.length - this.length >= size) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + size));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  varint(value: number): void {
    this.length = writeVarint(this.bytes, this.length, value);
  }

  /** A varint of 64 bits, given as two halves of 32 unsigned bits. */
  varint64(low: number, high: number): void {
    const { bytes } = this;
    let at = this.length;
    let lower = low;
    let upper = high;
    while (upper !== 0 || lower > 0x7f) {
      bytes[at++] = (lower & 0x7f) | 0x80;
      lower = ((lower >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    bytes[at++] = lower;
    this.length = at;
  }

  fixed32(value: number): void {
    const { bytes } = this;
    const at = this.length;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.length = at + 4;
  }

  double(value: number): void {
    DOUBLE[0] = value;
    const { bytes } = this;
    const at = this.length;
    for (let i = 0; i < 8; i++) bytes[at + i] = DOUBLE_BYTES[i] as number;
    // the NaN of Go has its lowest bit set, which shows in a hash
    if (Number.isNaN(value)) bytes[at] = 1;
    this.length = at + 8;
  }

  /** Begins a value whose length is not known, leaving `lengthSize` bytes for it; returns where the value begins. */
  open(lengthSize: number): number {
    this.length += lengthSize;
    return this.length;
  }

  /** Ends the value that began at `start`; returns how many bytes its length took. */
  close(start: number, lengthSize: number): number {
    const length = this.length - start;
    const size = varintSize(length);
    if (size !== lengthSize) {
      this.reserve(size - lengthSize);
      this.bytes.copyWithin(start + size - lengthSize, start, this.length);
      this.length += size - lengthSize;
      this.moved += length;
    }
    writeVarint(this.bytes, start - lengthSize, length);
    return size;
  }
}

/** Little-endian, as protobuf: every machine Node runs on is. */
const DOUBLE = new Float64Array(1);
const DOUBLE_BYTES = new Uint8Array(DOUBLE.buffer);
