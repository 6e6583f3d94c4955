import { LONGEST_PREFIX, Writer } from '../otlp/edit/writer.ts';
import { tagOf, WireType, writeVarint, writeVarint64 } from '../otlp/wire.ts';

/** A text of so many UTF-16 units takes less than 128 bytes, so its length is one byte, and it is written in place. */
const SHORT_TEXT = 42;
/** The bits by which Prometheus tells "the series has ended" from other values that are not a number. */
const STALE_NAN = 0x7ff0_0000_0000_0002n;

/** Fields of protobuf by number, over a growing buffer. Zeros are written; who wants them left out leaves them out. */
export class Output {
  readonly writer = new Writer();

  text(field: number, value: string): void {
    const { writer } = this;
    const tag = tagOf(field, WireType.BYTES);
    if (value.length > SHORT_TEXT) {
      writer.field(tag, Buffer.from(value));
      return;
    }
    writer.reserve(LONGEST_PREFIX + 3 * value.length);
    const at = writeVarint(writer.buffer, writer.length, tag);
    const size = writer.buffer.write(value, at + 1);
    writer.buffer[at] = size;
    writer.length = at + 1 + size;
  }

  /** `expected`: about how many bytes it will have. */
  message(field: number, write: () => void, expected = 0): void {
    this.writer.open(tagOf(field, WireType.BYTES), expected);
    write();
    this.writer.close();
  }

  uint(field: number, value: bigint): void {
    this.writer.varint(tagOf(field, WireType.VARINT));
    this.raw(value);
  }

  /** A whole number, exact up to 2^53. */
  int(field: number, value: number): void {
    if (value < 0) {
      this.uint(field, BigInt(value));
      return;
    }
    this.writer.varint(tagOf(field, WireType.VARINT));
    this.writer.varint(value);
  }

  sint(field: number, value: bigint): void {
    this.uint(field, BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }

  /** As text of the same content, which is there as bytes. */
  bytes(field: number, value: Buffer): void {
    this.writer.field(tagOf(field, WireType.BYTES), value);
  }

  double(field: number, value: number): void {
    this.writer.varint(tagOf(field, WireType.FIXED64));
    this.writer.reserve(LONGEST_PREFIX);
    this.writer.length = this.writer.buffer.writeDoubleLE(value, this.writer.length);
  }

  /** The end of a series in the place of a double. A number of JavaScript does not keep these bits. */
  stale(field: number): void {
    this.writer.varint(tagOf(field, WireType.FIXED64));
    this.writer.reserve(LONGEST_PREFIX);
    this.writer.length = this.writer.buffer.writeBigUInt64LE(STALE_NAN, this.writer.length);
  }

  /** A varint without a tag, for packed fields. */
  raw(value: bigint): void {
    this.writer.reserve(LONGEST_PREFIX);
    this.writer.length = writeVarint64(this.writer.buffer, this.writer.length, BigInt.asUintN(64, value));
  }
}
