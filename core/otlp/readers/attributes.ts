import { next, readVarint, skipField, skipValue } from '../wire.ts';

const NOTHING = Buffer.alloc(0);
const KEY = (1 << 3) | 2;
const VALUE = (2 << 3) | 2;

/**
 * A list of attributes: the fields with one tag (`KeyValue`s) of the message in `buffer[start, end)`.
 *
 *   attributes.rewind();
 *   while (attributes.next()) …            // in the order of the wire
 *   if (attributes.find(key)) …            // key: the UTF-8 bytes; of several with one key the first
 *
 * After either, the key lies in `buffer[keyStart, keyEnd)` and its AnyValue in `buffer[valueStart, valueEnd)`, which
 * is empty for the empty value. Nothing is allocated, so one instance serves many lists.
 */
export class Attributes {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** The tag of the fields that are attributes. */
  tag = 0;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** Where the field of the current attribute begins (at its tag); it ends where the next one is looked for. */
  fieldStart = 0;
  fieldEnd = 0;

  set(buffer: Buffer, start: number, end: number, tag: number): this {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.tag = tag;
    this.fieldEnd = start;
    return this;
  }

  rewind(): void {
    this.fieldEnd = this.start;
  }

  next(): boolean {
    const { buffer, end, tag } = this;
    let position = this.fieldEnd;
    while (position < end) {
      const at = position;
      let found = buffer[position++] as number;
      if (found > 0x7f) {
        found = readVarint(buffer, at);
        position = next;
      }
      if (found !== tag) {
        position = skipValue(buffer, position, found);
        continue;
      }
      let length = buffer[position++] as number;
      if (length > 0x7f) {
        length = readVarint(buffer, position - 1);
        position = next;
      }
      this.fieldStart = at;
      this.fieldEnd = position + length;
      this.#read(position, position + length);
      return true;
    }
    this.fieldEnd = end;
    return false;
  }

  /** Reads one attribute outside of a list: the KeyValue of the field whose value, from its length on, is here. */
  readAt(buffer: Buffer, value: number, end: number): this {
    this.buffer = buffer;
    if ((buffer[value] as number) < 0x80) this.#read(value + 1, end);
    else {
      readVarint(buffer, value);
      this.#read(next, end);
    }
    return this;
  }

  find(key: Buffer): boolean {
    this.rewind();
    while (this.next()) if (this.keyIs(key)) return true;
    return false;
  }

  keyIs(key: Buffer): boolean {
    const length = key.length;
    const { buffer, keyStart } = this;
    if (this.keyEnd - keyStart !== length) return false;
    // keys of one length often begin alike (http.…), so they are compared from the end
    for (let i = length - 1; i >= 0; i--) if (buffer[keyStart + i] !== key[i]) return false;
    return true;
  }

  key(): string {
    return this.buffer.toString('utf8', this.keyStart, this.keyEnd);
  }

  count(): number {
    let count = 0;
    this.rewind();
    while (this.next()) count++;
    return count;
  }

  /** The parts of a KeyValue; nearly always a short key and then the value. */
  #read(start: number, end: number): void {
    const { buffer } = this;
    const keyLength = buffer[start + 1] as number;
    const at = start + 2 + keyLength;
    if (buffer[start] === KEY && keyLength < 0x80 && at + 2 <= end && buffer[at] === VALUE) {
      const valueLength = buffer[at + 1] as number;
      if (valueLength < 0x80 && at + 2 + valueLength === end) {
        this.keyStart = start + 2;
        this.keyEnd = at;
        this.valueStart = at + 2;
        this.valueEnd = end;
        return;
      }
    }
    this.#readAny(start, end);
  }

  /** Fields in any order. Of a key that occurs twice the last one stands, and of a value as well. */
  #readAny(start: number, end: number): void {
    const { buffer } = this;
    this.keyStart = this.keyEnd = this.valueStart = this.valueEnd = end;
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      if (tag !== KEY && tag !== VALUE) {
        position = skipField(buffer, position);
        continue;
      }
      const length = readVarint(buffer, next);
      position = next + length;
      if (tag === KEY) {
        this.keyStart = next;
        this.keyEnd = position;
      } else {
        this.valueStart = next;
        this.valueEnd = position;
      }
    }
  }
}
