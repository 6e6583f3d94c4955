const INT = /^[+-]?[0-9]+$/;
const FLOAT = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i;
const HEX_FLOAT = /^([+-]?)0x(?=\.?[0-9a-f])([0-9a-f]*)\.?([0-9a-f]*)p([+-]?[0-9]+)$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** strconv.ParseInt(text, 10, 64): undefined for what is no integer or has no place in 64 bits. */
export function goParseInt(text: string): bigint | undefined {
  if (!INT.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/**
 * strconv.ParseFloat(text, 64): decimal and hexadecimal floating-point numbers of Go, `inf` and `nan` in any case;
 * undefined for anything else, and for what is too large.
 */
export function goParseFloat(text: string): number | undefined {
  if (/^nan$/i.test(text)) return Number.NaN;
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const digits = withoutUnderscores(text);
  if (digits === undefined) return undefined;
  const value = FLOAT.test(digits) ? Number(digits) : hexFloat(digits);
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** Underscores may stand between digits, and behind the prefix of a hexadecimal number. */
function withoutUnderscores(text: string): string | undefined {
  if (!text.includes('_')) return text;
  const allowed = /^[+-]?0x/i.test(text) ? /(?<=[0-9a-fx])_(?=[0-9a-f])/gi : /(?<=[0-9])_(?=[0-9])/g;
  const digits = text.replace(allowed, '');
  return digits.includes('_') ? undefined : digits;
}

/** Digits beyond the 53 bits of a double are rounded to even by way of a quotient of integers. */
function hexFloat(text: string): number | undefined {
  const [found, sign, whole = '', fraction = '', exponent = ''] = HEX_FLOAT.exec(text) ?? [];
  if (found === undefined) return undefined;
  const mantissa = BigInt(`0x0${whole}${fraction}`);
  const value = scaled(mantissa, Number(exponent) - 4 * fraction.length);
  return sign === '-' ? -value : value;
}

function scaled(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0;
  const bits = mantissa.toString(2).length;
  // the lowest bit a double of this size has
  const lowest = Math.max(bits + exponent - 53, -1074);
  const shift = lowest - exponent;
  if (shift <= 0) return Number(mantissa) * 2 ** exponent;
  if (shift > bits + 1) return 0;
  const dropped = BigInt(shift);
  const rest = BigInt.asUintN(shift, mantissa);
  const half = 1n << (dropped - 1n);
  let kept = mantissa >> dropped;
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  return Number(kept) * 2 ** lowest;
}
