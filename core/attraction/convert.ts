import type { Logger } from '../logger.ts';
import type { AttributeEditor } from '../otlp/edit/attribute-editor.ts';
import { ValueReader, ValueType, valueText } from '../otlp/value.ts';
import { encodeDouble, encodeInt, encodeString } from '../otlp/value-encode.ts';
import type { AttributeStep } from './actions.ts';
import { goParseFloat, goParseInt } from './go-numbers.ts';

/** The encoded value in the wanted type; undefined where it has that type already or cannot have it. */
type Conversion = (value: ValueReader, start: number, end: number) => Buffer | undefined;

const CONVERSIONS: Readonly<Record<string, Conversion>> = { string: toText, int: toInt, double: toDouble };
const KINDS: Readonly<Record<string, ValueType>> = {
  string: ValueType.STRING,
  int: ValueType.INT,
  double: ValueType.DOUBLE,
};

/** The conversion to `string`, `int` or `double`. */
export function conversionTo(target: string): Conversion | undefined {
  return Object.hasOwn(CONVERSIONS, target) ? CONVERSIONS[target] : undefined;
}

/** Gives a value another type; one that cannot be converted stays. */
export class Convert implements AttributeStep {
  readonly #key: Buffer;
  readonly #target: string;
  readonly #conversion: Conversion;
  readonly #logger: Logger;
  readonly #value = new ValueReader();

  constructor(key: string, target: string, conversion: Conversion, logger: Logger) {
    this.#key = Buffer.from(key);
    this.#target = target;
    this.#conversion = conversion;
    this.#logger = logger;
  }

  apply(attributes: AttributeEditor): void {
    const index = attributes.find(this.#key);
    if (index < 0) return;
    const start = attributes.valueStart(index);
    const end = attributes.valueEnd(index);
    const value = this.#value.read(attributes.bufferOf(index), start, end);
    if (value.type === KINDS[this.#target]) return;
    const converted = this.#conversion(value, start, end);
    if (converted !== undefined) attributes.replace(index, this.#key, converted, 0, converted.length);
    else if (this.#logger.debugEnabled) {
      this.#logger.debug('Value could not be converted', { key: this.#key.toString(), to: this.#target });
    }
  }
}

function toText(value: ValueReader, start: number, end: number): Buffer {
  return encodeString(valueText(value.buffer, start, end));
}

function toInt(value: ValueReader): Buffer | undefined {
  switch (value.type) {
    case ValueType.DOUBLE:
      return encodeInt(truncated(value.double));
    case ValueType.BOOL:
      return encodeInt(value.bool ? 1n : 0n);
    case ValueType.STRING: {
      const parsed = goParseInt(value.string);
      return parsed === undefined ? undefined : encodeInt(parsed);
    }
    default:
      return undefined;
  }
}

function toDouble(value: ValueReader): Buffer | undefined {
  switch (value.type) {
    case ValueType.INT:
      return encodeDouble(Number(value.int));
    case ValueType.BOOL:
      return encodeDouble(value.bool ? 1 : 0);
    case ValueType.STRING: {
      const parsed = goParseFloat(value.string);
      return parsed === undefined ? undefined : encodeDouble(parsed);
    }
    default:
      return undefined;
  }
}

const LEAST_INT = -(2n ** 63n);

/** Towards zero; what has no place in 64 bits, NaN included, becomes the least of them, as on the collector's amd64. */
function truncated(value: number): bigint {
  if (!(Math.abs(value) < 2 ** 63)) return LEAST_INT;
  return BigInt(Math.trunc(value));
}
