import { decimalText } from '../otlp/go-format.ts';
import type { Attributes } from '../otlp/readers/attributes.ts';
import { ValueReader, ValueType } from '../otlp/value.ts';
import { type BytesMatcher, bytesAre } from './bytes-matcher.ts';
import type { AttributeProperty, MatchProperties } from './config.ts';
import { sameValue } from './same-value.ts';
import { textMatcher, unrecognizedMatchType } from './texts.ts';

/** Attributes that must all be there, each with the value that is wanted, if one is. */
export class AttributesMatcher {
  readonly #wanted: readonly WantedAttribute[];

  /** Throws the collector's message. */
  constructor(wanted: readonly AttributeProperty[], properties: MatchProperties) {
    this.#wanted = wanted.map((attribute) => new WantedAttribute(attribute, properties));
  }

  matches(attributes: Attributes): boolean {
    for (const wanted of this.#wanted) if (!wanted.matches(attributes)) return false;
    return true;
  }
}

/** The names that Go has for the types of values. */
const TYPE_NAMES: Readonly<Record<ValueType, string>> = {
  [ValueType.EMPTY]: 'Empty',
  [ValueType.STRING]: 'Str',
  [ValueType.BOOL]: 'Bool',
  [ValueType.INT]: 'Int',
  [ValueType.DOUBLE]: 'Double',
  [ValueType.ARRAY]: 'Slice',
  [ValueType.MAP]: 'Map',
  [ValueType.BYTES]: 'Bytes',
};

class WantedAttribute {
  readonly #key: Buffer;
  readonly #pattern: BytesMatcher | undefined;
  /** The encoded value that is wanted, and what it is. */
  readonly #encoded: Buffer | undefined;
  readonly #wanted = new ValueReader();
  readonly #value = new ValueReader();

  constructor({ key, value }: AttributeProperty, properties: MatchProperties) {
    if (key === '') throw new Error("can't have empty key in the list of attributes");
    this.#key = Buffer.from(key);
    if (value === undefined) return;
    this.#wanted.read(value.encoded, 0, value.encoded.length);
    if (properties.match_type === 'strict') this.#encoded = value.encoded;
    else if (properties.match_type !== 'regexp') throw new Error(unrecognizedMatchType(properties.match_type));
    else if (this.#wanted.type !== ValueType.STRING) {
      const found = TYPE_NAMES[this.#wanted.type];
      throw new Error(`match_type=regexp for ${JSON.stringify(key)} only supports Str, but found ${found}`);
    } else this.#pattern = textMatcher([this.#wanted.string], properties);
  }

  matches(attributes: Attributes): boolean {
    if (!attributes.find(this.#key)) return false;
    const { buffer, valueStart, valueEnd } = attributes;
    if (this.#encoded !== undefined && bytesAre(this.#encoded, buffer, valueStart, valueEnd)) return true;
    if (this.#encoded === undefined && this.#pattern === undefined) return true;
    const value = this.#value.read(buffer, valueStart, valueEnd);
    return this.#pattern === undefined ? sameValue(this.#wanted, value) : matchesPattern(this.#pattern, value);
  }
}

/** Numbers and booleans match by their text, other values not at all. */
function matchesPattern(pattern: BytesMatcher, value: ValueReader): boolean {
  switch (value.type) {
    case ValueType.STRING:
      return pattern.test(value.buffer, value.start, value.end);
    case ValueType.BOOL:
      return pattern.testText(String(value.bool));
    case ValueType.INT:
      return pattern.testText(value.int.toString());
    case ValueType.DOUBLE:
      return pattern.testText(decimalText(value.double));
    default:
      return false;
  }
}
