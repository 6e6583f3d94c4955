import { LONGEST_PREFIX, Writer } from '../otlp/edit/writer.ts';
import { tagOf, WireType, writeVarint64 } from '../otlp/wire.ts';

/** The bits by which Prometheus tells "the series has ended" from other values that are not a number. */
const STALE_NAN = 0x7ff0_0000_0000_0002n;

/** Fields of protobuf by number, over a growing buffer. Zeros are written; who wants them left out leaves them out. */
export class Output {
  readonly writer = new Writer();

  text(field: number, value: string): void {
    this.writer.field(tagOf(field, WireType.BYTES), Buffer.from(value));
  }

  message(field: number, write: () => void): void {
    this.writer.open(tagOf(field, WireType.BYTES), 0);
    write();
    this.writer.close();
  }

  uint(field: number, value: bigint): void {
    this.writer.varint(tagOf(field, WireType.VARINT));
    this.raw(value);
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
