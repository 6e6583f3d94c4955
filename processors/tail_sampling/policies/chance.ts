import type { PolicyConfig } from '../config.ts';
import { type Policy, sampledIf } from './policy.ts';

/** Where there is no salt, so that the same traces are chosen as by the collector. */
const DEFAULT_SALT = 'default-hash-seed';
/** FNV-1a of 64 bits, in halves: offset basis and prime (2^40 + 0x1b3). */
const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
const PRIME_LOW = 0x1b3;
const TWO_32 = 0x1_0000_0000;
const MAX_UINT64 = 2n ** 64n - 1n;
const ID_LENGTH = 16;

let high = 0;
let low = 0;

function fnv(byte: number): void {
  low = (low ^ byte) >>> 0;
  const product = low * PRIME_LOW;
  // the bit 2^40 of the prime shifts the low half by 8 into the high one
  high = (high * PRIME_LOW + low * 0x100 + Math.floor(product / TWO_32)) % TWO_32;
  low = product % TWO_32;
}

/** Samples a share of the traces, chosen by a hash of salt and trace id. */
export function probabilistic(config: PolicyConfig['probabilistic']): Policy {
  high = OFFSET_HIGH;
  low = OFFSET_LOW;
  for (const byte of Buffer.from(config.hash_salt === '' ? DEFAULT_SALT : config.hash_salt)) fnv(byte);
  const [saltHigh, saltLow] = [high, low];
  const threshold = thresholdOf(config.sampling_percentage / 100);
  const thresholdHigh = Number(threshold >> 32n);
  const thresholdLow = Number(threshold & 0xffff_ffffn);
  return {
    stateful: false,
    sticky: true,
    evaluate({ idBuffer, idAt }) {
      high = saltHigh;
      low = saltLow;
      for (let i = 0; i < ID_LENGTH; i++) fnv(idBuffer[idAt + i] as number);
      return sampledIf(high < thresholdHigh || (high === thresholdHigh && low <= thresholdLow));
    },
  };
}

/**
 * The largest uint64 times `ratio`, computed exactly, rounded to 64 significant bits (half to even) and then cut to an
 * integer, which is what the collector's arithmetic gives.
 */
export function thresholdOf(ratio: number): bigint {
  if (!(ratio > 0)) return 0n;
  if (ratio >= 1) return MAX_UINT64;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, ratio);
  const raw = bits.getBigUint64(0);
  const exponent = Number(raw >> 52n);
  const mantissa = exponent === 0 ? raw & (2n ** 52n - 1n) : (raw & (2n ** 52n - 1n)) | (2n ** 52n);
  // the product is `product` divided by 2^shift
  const product = mantissa * MAX_UINT64;
  const shift = BigInt(1075 - Math.max(exponent, 1));
  const excess = BigInt(Math.max(product.toString(2).length - 64, 0));
  const rounded = roundEven(product, excess);
  return shift >= excess ? rounded >> (shift - excess) : rounded << (excess - shift);
}

/** `value` divided by 2^bits, to the nearest, half to even. */
function roundEven(value: bigint, bits: bigint): bigint {
  if (bits === 0n) return value;
  const quotient = value >> bits;
  const rest = value - (quotient << bits);
  const half = 1n << (bits - 1n);
  return rest > half || (rest === half && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}
