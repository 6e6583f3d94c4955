/** Types of values. */
const ThriftType = { BOOL: 2, BYTE: 3, DOUBLE: 4, I16: 6, I32: 8, I64: 10, STRING: 11, STRUCT: 12 } as const;
const MAP = 13;
const SET = 14;
const LIST = 15;

/** Integers of 64 bits are bigints, text is bytes, lists are arrays. */
export type ThriftValue = boolean | number | bigint | Buffer | ThriftStruct | readonly ThriftValue[];
type Field = readonly [type: number, value: ThriftValue];

/** The fields by number; one of another type than is asked for is not there. */
export class ThriftStruct {
  readonly #fields: ReadonlyMap<number, Field>;

  constructor(fields: ReadonlyMap<number, Field>) {
    this.#fields = fields;
  }

  i16 = (id: number) => (this.#value(id, ThriftType.I16) ?? 0) as number;
  i32 = (id: number) => (this.#value(id, ThriftType.I32) ?? 0) as number;
  i64 = (id: number) => this.#value(id, ThriftType.I64) as bigint | undefined;
  binary = (id: number) => (this.#value(id, ThriftType.STRING) ?? Buffer.alloc(0)) as Buffer;
  text = (id: number) => this.binary(id).toString();
  struct = (id: number) => this.#value(id, ThriftType.STRUCT) as ThriftStruct | undefined;
  structs = (id: number) =>
    ((this.#value(id, LIST) ?? []) as ThriftValue[]).filter((one) => one instanceof ThriftStruct);

  #value(id: number, type: number): ThriftValue | undefined {
    const field = this.#fields.get(id);
    return field?.[0] === type ? field[1] : undefined;
  }
}

/** Structs of Zipkin are at most three deep; this ends what was made to exhaust the stack. */
const MAX_DEPTH = 16;
/** Throws RangeError where the bytes end early. Source: the Apache Thrift binary protocol. */
export class ThriftReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A list with the header in front, as messages of Zipkin are. The type named there is not looked at. */
  structs(): ThriftStruct[] {
    this.#byte();
    const size = this.#size();
    return Array.from({ length: size }, () => this.#struct(0));
  }

  #struct(depth: number): ThriftStruct {
    if (depth > MAX_DEPTH) throw new RangeError('structs are nested too deep');
    const fields = new Map<number, Field>();
    for (let type = this.#byte(); type !== 0; type = this.#byte()) {
      const id = this.#bytes.readInt16BE(this.#step(2));
      fields.set(id, [type, this.#value(type, depth + 1)]);
    }
    return new ThriftStruct(fields);
  }

  #value(type: number, depth: number): ThriftValue {
    const bytes = this.#bytes;
    switch (type) {
      case ThriftType.BOOL:
        return this.#byte() === 1;
      case ThriftType.BYTE:
        return this.#byte();
      case ThriftType.DOUBLE:
        return bytes.readDoubleBE(this.#step(8));
      case ThriftType.I16:
        return bytes.readInt16BE(this.#step(2));
      case ThriftType.I32:
        return bytes.readInt32BE(this.#step(4));
      case ThriftType.I64:
        return bytes.readBigInt64BE(this.#step(8));
      case ThriftType.STRING: {
        const length = this.#size();
        const start = this.#step(length);
        return bytes.subarray(start, start + length);
      }
      case ThriftType.STRUCT:
        return this.#struct(depth);
      default:
        return this.#collection(type, depth);
    }
  }

  #collection(type: number, depth: number): ThriftValue[] {
    if (type !== MAP && type !== SET && type !== LIST) throw new RangeError(`no type of Thrift: ${type}`);
    if (depth > MAX_DEPTH) throw new RangeError('lists are nested too deep');
    const types = type === MAP ? [this.#byte(), this.#byte()] : [this.#byte()];
    const size = this.#size();
    const values: ThriftValue[] = [];
    for (let i = 0; i < size; i++) for (const one of types) values.push(this.#value(one, depth + 1));
    return values;
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.#step(1));
  }

  #size(): number {
    const size = this.#bytes.readInt32BE(this.#step(4));
    // every value takes a byte at least, so there are never more values than bytes
    if (size < 0 || size > this.#bytes.length - this.#at) throw new RangeError(`no size: ${size}`);
    return size;
  }

  #step(size: number): number {
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
