import { hash } from 'node:crypto';
import { BytesMatcher } from '../match/bytes-matcher.ts';
import type { AttributeEditor } from '../otlp/edit/attribute-editor.ts';
import { ValueReader, ValueType } from '../otlp/value.ts';
import { encodeString } from '../otlp/value-encode.ts';
import type { Regexp } from '../regexp.ts';
import type { AttributeStep } from './actions.ts';

const NO_TEXT = encodeString('');
/** A SHA-256 in hexadecimal digits. */
const DIGEST_LENGTH = 64;

/**
 * Replaces values by their SHA-256 in lower-case hexadecimal: of the attribute with a key, and of all whose keys match
 * a pattern. Hashed are the UTF-8 of a text, one byte of a boolean, the eight bytes of a number in little-endian
 * order; other values become the empty text. A key that is given and matches the pattern as well is hashed twice.
 */
export class Hash implements AttributeStep {
  readonly #key: Buffer;
  readonly #pattern: BytesMatcher | undefined;
  readonly #value = new ValueReader();
  readonly #number = Buffer.alloc(8);
  /** An encoded text of a digest's length. */
  readonly #digest = encodeString('0'.repeat(DIGEST_LENGTH));

  constructor(key: string, pattern: Regexp | undefined) {
    this.#key = Buffer.from(key);
    this.#pattern = pattern && new BytesMatcher((text) => pattern.test(text));
  }

  apply(attributes: AttributeEditor): void {
    const index = attributes.find(this.#key);
    if (index >= 0) this.#hash(attributes, index);
    if (this.#pattern === undefined) return;
    for (let i = 0; i < attributes.count; i++) {
      if (attributes.has(i) && attributes.keyMatches(i, this.#pattern)) this.#hash(attributes, i);
    }
  }

  #hash(attributes: AttributeEditor, index: number): void {
    const from = attributes.bufferOf(index);
    const value = this.#value.read(from, attributes.valueStart(index), attributes.valueEnd(index));
    const bytes = this.#bytesOf(value);
    if (bytes === undefined) {
      attributes.setValue(index, NO_TEXT, 0, NO_TEXT.length);
      return;
    }
    const digest = this.#digest;
    digest.write(hash('sha256', bytes, 'hex'), digest.length - DIGEST_LENGTH, 'latin1');
    attributes.setValue(index, digest, 0, digest.length);
  }

  #bytesOf(value: ValueReader): Buffer | undefined {
    const number = this.#number;
    switch (value.type) {
      case ValueType.STRING:
        return value.bytes;
      case ValueType.BOOL:
        number[0] = value.bool ? 1 : 0;
        return number.subarray(0, 1);
      case ValueType.INT:
        number.writeBigInt64LE(value.int);
        return number;
      case ValueType.DOUBLE:
        // the bits as they are: the payload of a NaN would not survive being read as a number
        return value.buffer.subarray(value.start, value.start + number.length);
      default:
        return undefined;
    }
  }
}
