import type { PolicyConfig } from '../config.ts';
import { type Policy, sampledIf } from './policy.ts';

/** Where there is no salt, so that the same traces are chosen as by the collector. */
const DEFAULT_SALT = 'default-hash-seed';
/** FNV-1a of 64 bits, in halves: offset basis and prime (2^40 + 0x1b3). */
const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
const PRIME_LOW = 0x1b3;
const MAX_UINT64 = 2n ** 64n - 1n;
const ID_LENGTH = 16;

/** The hash so far, in halves as signed 32-bit numbers. */
const hash = new Int32Array(2);

/** Hashes `buffer[at, at + length)` on from `hash`; in 32-bit integers only, which cost no memory. */
function fnv(buffer: Buffer, at: number, length: number): void {
  let high = hash[0] as number;
  let low = hash[1] as number;
  for (let i = at; i < at + length; i++) {
    low ^= buffer[i] as number;
    // low * PRIME_LOW in 16-bit steps, as its upper half is wanted too; the bit 2^40 of the prime shifts low by 8
    const lower = (low & 0xffff) * PRIME_LOW;
    const upper = (low >>> 16) * PRIME_LOW + (lower >>> 16);
    high = (Math.imul(high, PRIME_LOW) + (upper >>> 16) + (low << 8)) | 0;
    low = (upper << 16) | (lower & 0xffff);
  }
  hash[0] = high;
  hash[1] = low;
}

/** Samples a share of the traces, chosen by a hash of salt and trace id. */
export function probabilistic(config: PolicyConfig['probabilistic']): Policy {
  const salt = Buffer.from(config.hash_salt === '' ? DEFAULT_SALT : config.hash_salt);
  hash[0] = OFFSET_HIGH;
  hash[1] = OFFSET_LOW;
  fnv(salt, 0, salt.length);
  const [saltHigh, saltLow] = hash as unknown as readonly [number, number];
  const threshold = thresholdOf(config.sampling_percentage / 100);
  const thresholdHigh = Number(threshold >> 32n);
  const thresholdLow = Number(threshold & 0xffff_ffffn);
  return {
    stateful: false,
    sticky: true,
    evaluate({ idBuffer, idAt }) {
      hash[0] = saltHigh;
      hash[1] = saltLow;
      fnv(idBuffer, idAt, ID_LENGTH);
      const high = (hash[0] as number) >>> 0;
      return sampledIf(high < thresholdHigh || (high === thresholdHigh && (hash[1] as number) >>> 0 <= thresholdLow));
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
