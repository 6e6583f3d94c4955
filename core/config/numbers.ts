import { formatDuration, parseDuration } from './duration.ts';
import { type ConfigNode, foundText, isNull } from './node.ts';
import { EXPANSION, mismatch } from './scalars.ts';
import { type Decoder, type JsonSchema, Schema } from './schema.ts';

export type NumberType = 'int' | 'int32' | 'int64' | 'uint' | 'uint32' | 'uint64' | 'float64';

const BITS: Readonly<Record<NumberType, number>> = {
  int: 64,
  int32: 32,
  int64: 64,
  uint: 64,
  uint32: 32,
  uint64: 64,
  float64: 64,
};

/** Numbers convert among each other as in Go: fractions are cut, integers wrap at the width of the field. */
class NumberSchema extends Schema<number> {
  readonly typeName: NumberType;
  readonly #def: number;

  constructor(doc: string, def: number, typeName: NumberType) {
    super(doc);
    this.#def = def;
    this.typeName = typeName;
  }

  absent(): number {
    return this.#def;
  }
  zero(): number {
    return 0;
  }
  decode(node: ConfigNode, decoder: Decoder): number {
    if (isNull(node)) return 0;
    if (node.kind !== 'scalar' || (typeof node.value !== 'number' && typeof node.value !== 'bigint')) {
      mismatch(node, this.typeName, decoder);
      return 0;
    }
    if (this.typeName === 'float64') return Number(node.value);
    const unsigned = this.typeName.startsWith('u');
    if (unsigned && node.value < 0) {
      const shown = node.float === true ? Number(node.value).toFixed(6) : String(node.value);
      decoder.fault(node.at, `cannot parse value as '${this.typeName}': ${shown} overflows uint`);
      return 0;
    }
    return wrap(node.value, BITS[this.typeName], unsigned);
  }
  jsonSchema(): JsonSchema {
    const least = this.typeName.startsWith('u') ? { minimum: 0 } : {};
    return { anyOf: [{ type: ['number', 'null'], ...least }, EXPANSION] };
  }
}

function wrap(value: number | bigint, bits: number, unsigned: boolean): number {
  // what is too large for 64 bits, or no number, becomes this in Go
  const fits = Math.abs(Number(value)) < 2 ** (unsigned ? 64 : 63);
  const whole = typeof value === 'bigint' ? value : fits ? BigInt(Math.trunc(value)) : -(2n ** 63n);
  return Number(unsigned ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole));
}

const NANOS_PER_MS = 1e6;
const DURATION_PATTERN = '^[+-]?(0|([0-9]*\\.?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$';

class DurationSchema extends Schema<number> {
  readonly typeName = 'time.Duration';
  readonly #def: number;

  constructor(doc: string, def: string) {
    super(doc);
    const parsed = parseDuration(def);
    if ('error' in parsed) throw new Error(`${def}: ${parsed.error}`);
    this.#def = parsed.ms;
  }

  absent(): number {
    return this.#def;
  }
  zero(): number {
    return 0;
  }
  /** A bare number is nanoseconds, as in the collector. */
  decode(node: ConfigNode, decoder: Decoder): number {
    if (isNull(node)) return 0;
    if (node.kind === 'scalar' && (typeof node.value === 'number' || typeof node.value === 'bigint')) {
      return wrap(node.value, 64, false) / NANOS_PER_MS;
    }
    if (node.kind !== 'scalar' || typeof node.value !== 'string') {
      mismatch(node, this.typeName, decoder);
      return 0;
    }
    const parsed = parseDuration(node.value);
    if (!('error' in parsed)) return parsed.ms;
    const found = foundText(node);
    const hint = 'write a number with a unit: ns, us, ms, s, m or h, as in 1m30s';
    decoder.fault(node.at, parsed.error, found === undefined ? { hint } : { found, hint });
    return 0;
  }
  override toPlain(value: number): unknown {
    return formatDuration(value);
  }
  jsonSchema(): JsonSchema {
    return {
      anyOf: [{ type: 'string', pattern: DURATION_PATTERN }, { type: ['number', 'null'] }, EXPANSION],
    };
  }
}

/** A signed integer; `type` is the width that Go gives it, which its messages name. */
export const int = (doc: string, def = 0, type: 'int' | 'int32' | 'int64' = 'int64'): Schema<number> =>
  new NumberSchema(doc, def, type);
export const uint32 = (doc: string, def = 0): Schema<number> => new NumberSchema(doc, def, 'uint32');
export const uint64 = (doc: string, def = 0): Schema<number> => new NumberSchema(doc, def, 'uint64');
export const float = (doc: string, def = 0): Schema<number> => new NumberSchema(doc, def, 'float64');
/** Milliseconds in code; fractions down to a nanosecond. The default is written as a user would, `200ms`. */
export const duration = (doc: string, def = '0s'): Schema<number> => new DurationSchema(doc, def);
