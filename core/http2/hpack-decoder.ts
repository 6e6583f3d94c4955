import { ConnectionError, ErrorCode } from './frames.ts';
import { STATIC_TABLE } from './hpack-table.ts';
import { decodeHuffman } from './huffman.ts';

/** What an entry costs beside its octets (RFC 7541 section 4.1). */
const ENTRY_OVERHEAD = 32;
/** The size of the dynamic table we allow: the protocol's default, so it needs no SETTINGS. */
const TABLE_SIZE_LIMIT = 4096;
/** No length or index of ours is near it; keeps an integer well inside 32 bits. */
const MAX_INTEGER = 2 ** 28;

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;

export class HeaderField {
  readonly name: string;
  readonly value: string;
  readonly size: number;
  /** Breaks RFC 9113 section 8.2.1: upper case or forbidden octets. The message it is in is malformed. */
  readonly malformed: boolean;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + ENTRY_OVERHEAD;
    this.malformed = !NAME.test(name) || BAD_VALUE.test(value);
  }
}

const STATIC_FIELDS = STATIC_TABLE.map(([name, value]) => new HeaderField(name, value));

/**
 * Decodes the header blocks of one direction of a connection (RFC 7541). Every block must pass through, or the two
 * ends' tables differ; so after a ConnectionError the connection is over.
 */
export class HpackDecoder {
  /** Grows with each change of the table: the same bytes mean the same fields as long as it stays the same. */
  generation = 0;
  /** The last block's fields were more than the limit; those beyond it were dropped. */
  oversized = false;
  /** Newest last. */
  readonly #table: HeaderField[] = [];
  #tableSize = 0;
  #tableLimit = TABLE_SIZE_LIMIT;
  readonly #maxListSize: number;
  #buffer: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;

  constructor(maxListSize: number) {
    this.#maxListSize = maxListSize;
  }

  decode(buffer: Buffer, start: number, end: number): HeaderField[] {
    this.#buffer = buffer;
    this.#position = start;
    this.#end = end;
    this.oversized = false;
    const fields: HeaderField[] = [];
    let size = 0;
    let first = true;
    while (this.#position < end) {
      const octet = buffer[this.#position]!;
      if ((octet & 0xe0) === 0x20) {
        if (!first) throw compressionError('a table size update after a header field');
        this.#resize(this.#integer(5));
        continue;
      }
      first = false;
      const field = this.#field(octet);
      size += field.size;
      if (size <= this.#maxListSize) fields.push(field);
      else this.oversized = true;
    }
    return fields;
  }

  /**
   *     indexed field           1 index (7)
   *     with indexing           0 1 index (6) [name] value
   *     without indexing        0 0 0 0 index (4) [name] value
   *     never indexed           0 0 0 1 index (4) [name] value
   */
  #field(octet: number): HeaderField {
    if ((octet & 0x80) !== 0) return this.#at(this.#integer(7));
    const indexing = (octet & 0x40) !== 0;
    const index = this.#integer(indexing ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#at(index).name;
    const field = new HeaderField(name, this.#string());
    if (indexing) this.#insert(field);
    return field;
  }

  #at(index: number): HeaderField {
    const field =
      index <= STATIC_FIELDS.length
        ? STATIC_FIELDS[index - 1]
        : this.#table[this.#table.length - (index - STATIC_FIELDS.length)];
    if (field === undefined) throw compressionError(`no header field at index ${index}`);
    return field;
  }

  #insert(field: HeaderField): void {
    this.generation++;
    this.#table.push(field);
    this.#tableSize += field.size;
    this.#evict();
  }

  #resize(limit: number): void {
    if (limit > TABLE_SIZE_LIMIT) throw compressionError(`a table size of ${limit} is over the limit`);
    this.generation++;
    this.#tableLimit = limit;
    this.#evict();
  }

  /** An entry larger than the table empties it and is not an error (RFC 7541 section 4.4). */
  #evict(): void {
    let oldest = 0;
    while (this.#tableSize > this.#tableLimit) this.#tableSize -= this.#table[oldest++]!.size;
    if (oldest > 0) this.#table.splice(0, oldest);
  }

  /** RFC 7541 section 5.1: a prefix of `bits`, then groups of 7 bits, least significant first. */
  #integer(bits: number): number {
    const mask = (1 << bits) - 1;
    let value = this.#octet() & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const octet = this.#octet();
      value += (octet & 0x7f) * 2 ** shift;
      if (value > MAX_INTEGER || shift > 28) throw compressionError('an integer is too large');
      if ((octet & 0x80) === 0) return value;
    }
  }

  /** RFC 7541 section 5.2: huffman (1) length (7+) octets. */
  #string(): string {
    const huffman = (this.#peek() & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#position;
    this.#position += length;
    if (this.#position > this.#end) throw compressionError('a string ends outside its header block');
    return huffman
      ? decodeHuffman(this.#buffer, start, this.#position)
      : this.#buffer.toString('latin1', start, this.#position);
  }

  #peek(): number {
    if (this.#position >= this.#end) throw compressionError('a header block is cut off');
    return this.#buffer[this.#position]!;
  }

  #octet(): number {
    const octet = this.#peek();
    this.#position++;
    return octet;
  }
}

function compressionError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}
