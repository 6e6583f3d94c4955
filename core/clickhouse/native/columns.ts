import { ValueReader, ValueType, valueText } from '../../otlp/value.ts';
import { next, readVarint } from '../../otlp/wire.ts';
import { Growing } from './growing.ts';

/**
 * Columns as the Native format has them (https://clickhouse.com/docs/interfaces/formats/Native): the values of a
 * column one after another, numbers little-endian, a String with its length before it, an Array as the running count
 * of elements after each row and then all elements, a Map as an array of keys and values, a Tuple as its parts.
 *
 * Each append is one value. What is the same in many rows is written once between `mark` and `repeat`.
 */
export abstract class NativeColumn {
  /** The type that the column is sent with; the server converts it to that of the table. */
  readonly type: string;

  constructor(type: string) {
    this.type = type;
  }

  abstract clear(): void;
  /** What is appended from here on is repeated by `repeat`. */
  abstract mark(): void;
  /** What was appended since `mark`, `times` times more. */
  abstract repeat(times: number): void;
  /** The bytes of the values, in order. */
  abstract pieces(into: Buffer[]): void;
}

/** A column whose values are bytes one after another. */
abstract class FlatColumn extends NativeColumn {
  protected readonly data = new Growing();
  #mark = 0;

  clear(): void {
    this.data.clear();
  }
  mark(): void {
    this.#mark = this.data.length;
  }
  repeat(times: number): void {
    this.data.repeat(this.#mark, times);
  }
  pieces(into: Buffer[]): void {
    into.push(this.data.bytes());
  }
}

const HEX = Buffer.from('0123456789abcdef');
const STRING_VALUE = (ValueType.STRING << 3) | 2;
const INT_VALUE = ValueType.INT << 3;
/** A tag and a varint of up to seven bytes, which a number holds. */
const SMALL_INT = 8;

export class StringColumn extends FlatColumn {
  readonly #value = new ValueReader();

  constructor() {
    super('String');
  }

  empty(): void {
    this.data.byte(0);
  }

  range(from: Buffer, start: number, end: number): void {
    this.data.text(from, start, end);
  }

  bytes(text: Buffer): void {
    this.data.text(text, 0, text.length);
  }

  text(text: string): void {
    this.bytes(Buffer.from(text));
  }

  /** An id in hex; nothing where it is absent (-1) or all zeros. */
  id(from: Buffer, at: number, size: number): void {
    if (at < 0 || isZero(from, at, size)) this.empty();
    else this.hex(from, at, size);
  }

  hex(from: Buffer, at: number, size: number): void {
    const { data } = this;
    data.reserve(2 * size + 1);
    const { buffer } = data;
    let { length } = data;
    buffer[length++] = 2 * size;
    for (let i = at; i < at + size; i++) {
      const byte = from[i] as number;
      buffer[length++] = HEX[byte >>> 4] as number;
      buffer[length++] = HEX[byte & 15] as number;
    }
    data.length = length;
  }

  /** An AnyValue as text, as the collector writes it. */
  value(from: Buffer, start: number, end: number): void {
    // nearly all values are strings or small numbers in one field
    if (from[start] === STRING_VALUE) {
      const length = readVarint(from, start + 1);
      if (next + length === end) {
        this.data.text(from, next, end);
        return;
      }
    } else if (from[start] === INT_VALUE && end - start <= SMALL_INT) {
      const int = readVarint(from, start + 1);
      if (next === end) {
        this.data.ascii(String(int));
        return;
      }
    }
    const value = this.#value.read(from, start, end);
    if (value.type === ValueType.EMPTY) this.empty();
    else if (value.type === ValueType.STRING) this.range(from, value.start, value.end);
    else if (value.type === ValueType.ARRAY || value.type === ValueType.MAP) this.text(valueText(from, start, end));
    else this.data.ascii(valueText(from, start, end));
  }
}

function isZero(from: Buffer, at: number, size: number): boolean {
  for (let i = at; i < at + size; i++) if (from[i] !== 0) return false;
  return true;
}

/** Numbers of 1, 4 or 8 bytes; how they are to be understood says the type. */
export class NumberColumn extends FlatColumn {
  byte(value: number): void {
    this.data.byte(value & 0xff);
  }

  /** 32 bits, signed or not. */
  int32(value: number): void {
    this.data.uint32(value >>> 0);
  }

  double(value: number): void {
    this.data.double(value);
  }

  bigint(value: bigint): void {
    this.data.bigint(value);
  }

  /** 64 bits as they are in `from`; 0 where `at` is -1. */
  bits64(from: Buffer, at: number): void {
    if (at < 0) this.data.uint64(0);
    else this.data.copy(from, at, at + 8);
  }

  /** The difference of two unsigned numbers of 64 bits, as 64 bits; -1 for what is absent and so 0. */
  difference64(from: Buffer, minuend: number, subtrahend: number): void {
    const low = word(from, minuend) - word(from, subtrahend);
    const borrow = low < 0 ? 1 : 0;
    this.data.uint32(low >>> 0);
    this.data.uint32((word(from, minuend, 4) - word(from, subtrahend, 4) - borrow) >>> 0);
  }
}

function word(from: Buffer, at: number, offset = 0): number {
  return at < 0 ? 0 : from.readUInt32LE(at + offset);
}
