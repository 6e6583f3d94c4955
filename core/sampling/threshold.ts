/**
 * Arithmetic of consistent probability sampling: randomness is 56 bits, and a threshold says how much of it is
 * rejected: an item is kept where its randomness is not below the threshold. 56 bits are more than a number holds
 * exactly, so they are kept as two halves of 28 bits, which are seven hex digits each.
 * Source: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */
export interface Bits56 {
  high: number;
  low: number;
}

const HALF = 2 ** 28;
const ALL = 2 ** 56;
/** Hex digits of 56 bits. */
export const MAX_DIGITS = 14;
/** The smallest probability that a threshold can express. */
export const MIN_PROBABILITY = 1 / ALL;

/** Keeps everything. */
export const ALWAYS: Readonly<Bits56> = { high: 0, low: 0 };
/** One above all randomness: keeps nothing. It has no text. */
export const NEVER: Readonly<Bits56> = { high: HALF, low: 0 };
/** The largest randomness: below no threshold but NEVER. */
export const MAX_RANDOMNESS: Readonly<Bits56> = { high: HALF - 1, low: HALF - 1 };

export function isBelow(a: Readonly<Bits56>, b: Readonly<Bits56>): boolean {
  return a.high < b.high || (a.high === b.high && a.low < b.low);
}

/** The last 56 bits of a trace id. */
export function traceIdRandomness(buffer: Uint8Array, traceIdAt: number, into: Bits56): void {
  const at = traceIdAt + 9;
  const byte = (index: number) => buffer[at + index] as number;
  into.high = byte(0) * 2 ** 20 + (byte(1) << 12) + (byte(2) << 4) + (byte(3) >> 4);
  into.low = (byte(3) & 15) * 2 ** 24 + (byte(4) << 16) + (byte(5) << 8) + byte(6);
}

/**
 * The threshold for a probability, rounded to so many hex digits; more where the probability is so near to 0 or 1 that
 * the first digits are all 0 or f. Undefined for what is not between `MIN_PROBABILITY` and 1.
 */
export function probabilityToThreshold(probability: number, digits: number): Bits56 | undefined {
  if (!(probability >= MIN_PROBABILITY && probability <= 1)) return undefined;
  if (probability === 1) return { ...ALWAYS };
  const wanted = digits === 0 ? MAX_DIGITS : digits;
  const extra = Math.max(leadingDigits(probability), leadingDigits(1 - probability));
  const kept = Math.round(probability * ALL);
  const keptHigh = Math.floor(kept / HALF);
  const keptLow = kept - keptHigh * HALF;
  const threshold = { high: HALF - keptHigh - (keptLow > 0 ? 1 : 0), low: keptLow > 0 ? HALF - keptLow : 0 };
  return rounded(threshold, Math.min(MAX_DIGITS, wanted + extra));
}

/** What share of the randomness is kept. */
export function thresholdToProbability({ high, low }: Readonly<Bits56>): number {
  return ((HALF - high) * HALF - low) / ALL;
}

/** How many hex digits after the point are 0 before the first that is not, for a number below 1. */
function leadingDigits(value: number): number {
  bits.setFloat64(0, value);
  const exponent = ((bits.getUint32(0) >>> 20) & 0x7ff) - 1022;
  return Math.trunc(exponent / -4);
}

const bits = new DataView(new ArrayBuffer(8));

function rounded({ high, low }: Bits56, digits: number): Bits56 {
  const dropped = 4 * (MAX_DIGITS - digits);
  if (dropped === 0) return { high, low };
  if (dropped > 28) {
    const unit = 2 ** (dropped - 28);
    return { high: Math.floor((high + unit / 2) / unit) * unit, low: 0 };
  }
  const unit = 2 ** dropped;
  const sum = Math.floor((low + unit / 2) / unit) * unit;
  return sum < HALF ? { high, low: sum } : { high: high + 1, low: 0 };
}

/** Reads 1 to 14 hex digits as the first digits of 14; false where there are others. */
export function readThreshold(buffer: Uint8Array, start: number, end: number, into: Bits56): boolean {
  if (end === start || end - start > MAX_DIGITS) return false;
  into.high = 0;
  into.low = 0;
  for (let i = 0; i < MAX_DIGITS; i++) {
    const digit = start + i < end ? hexDigit(buffer[start + i] as number) : 0;
    if (digit < 0) return false;
    if (i < 7) into.high = into.high * 16 + digit;
    else into.low = into.low * 16 + digit;
  }
  return true;
}

/** Reads exactly 14 hex digits. */
export function readRandomness(buffer: Uint8Array, start: number, end: number, into: Bits56): boolean {
  return end - start === MAX_DIGITS && readThreshold(buffer, start, end, into);
}

/** Writes 14 hex digits; returns the position after them. */
export function writeRandomness(value: Readonly<Bits56>, buffer: Uint8Array, at: number): number {
  for (let i = 6, high = value.high, low = value.low; i >= 0; i--, high >>>= 4, low >>>= 4) {
    buffer[at + i] = hexCode(high & 15);
    buffer[at + 7 + i] = hexCode(low & 15);
  }
  return at + MAX_DIGITS;
}

/** Writes a threshold without the zeros at its end, `0` for ALWAYS; nothing for NEVER. */
export function writeThreshold(value: Readonly<Bits56>, buffer: Uint8Array, at: number): number {
  if (value.high >= HALF) return at;
  let end = writeRandomness(value, buffer, at);
  while (end > at + 1 && buffer[end - 1] === ZERO) end--;
  return end;
}

const ZERO = 0x30;

function hexCode(digit: number): number {
  return digit < 10 ? ZERO + digit : 0x57 + digit;
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= 0x39) return code - ZERO;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
