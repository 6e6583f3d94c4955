import { copyBytes } from '../otlp/edit/writer.ts';

const INITIAL_SIZE = 1 << 10;

/** What reading throws. `why`: a clause. */
export function damaged(why: string): Error {
  return new Error(`the snapshot is damaged: ${why}`);
}

/** Writes state as bytes: little-endian numbers, texts and bytes with their length before them. */
export class StateWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  #length = 0;

  uint32(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
    return this;
  }

  uint64(value: bigint): this {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64LE(value, this.#length);
    return this;
  }

  /** Any number, ±Infinity and NaN included. */
  double(value: number): this {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
    return this;
  }

  /** Without their number. */
  doubles(values: Float64Array): this {
    const size = values.length * 8;
    this.#reserve(size);
    // state is written and read on machines of one byte order
    Buffer.from(values.buffer, values.byteOffset, size).copy(this.#buffer, this.#length);
    this.#length += size;
    return this;
  }

  bool(value: boolean): this {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value ? 1 : 0, this.#length);
    return this;
  }

  bytes(value: Buffer): this {
    this.uint32(value.length);
    this.#reserve(value.length);
    this.#length = copyBytes(value, 0, value.length, this.#buffer, this.#length);
    return this;
  }

  text(value: string): this {
    const size = Buffer.byteLength(value);
    this.uint32(size);
    this.#reserve(size);
    this.#length += this.#buffer.write(value, this.#length);
    return this;
  }

  /** A copy of what was written; the writer is empty again. */
  finish(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    return bytes;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + size));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Reads what a `StateWriter` wrote. Throws where there is less than is asked for. */
export class StateReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#buffer.length;
  }

  uint32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  uint64(): bigint {
    return this.#buffer.readBigUInt64LE(this.#take(8));
  }

  double(): number {
    return this.#buffer.readDoubleLE(this.#take(8));
  }

  /** So many numbers. */
  doubles(count: number): Float64Array {
    const at = this.#take(count * 8);
    const values = new Float64Array(count);
    this.#buffer.copy(Buffer.from(values.buffer), 0, at, at + count * 8);
    return values;
  }

  bool(): boolean {
    return this.#buffer.readUInt8(this.#take(1)) !== 0;
  }

  /** In memory of its own. */
  bytes(): Buffer {
    const size = this.uint32();
    const at = this.#take(size);
    return Buffer.from(this.#buffer.subarray(at, at + size));
  }

  text(): string {
    const size = this.uint32();
    const at = this.#take(size);
    return this.#buffer.toString('utf8', at, at + size);
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#buffer.length) throw damaged('it ends too early');
    this.#at = at + size;
    return at;
  }
}
