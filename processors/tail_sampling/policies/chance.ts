import { fnv1a64, startFnv1a64 } from '../../../core/sampling/fnv.ts';
import { ID_LENGTH } from '../../../core/sampling/trace-id.ts';
import type { PolicyConfig } from '../config.ts';
import { type Policy, sampledIf } from './policy.ts';

/** Where there is no salt, so that the same traces are chosen as by the collector. */
const DEFAULT_SALT = 'default-hash-seed';
const MAX_UINT64 = 2n ** 64n - 1n;
/** The hash in the making. */
const hash = new Int32Array(2);

/** Samples a share of the traces, chosen by a hash of salt and trace id. */
export function probabilistic(config: PolicyConfig['probabilistic']): Policy {
  const salt = Buffer.from(config.hash_salt === '' ? DEFAULT_SALT : config.hash_salt);
  startFnv1a64(hash);
  fnv1a64(salt, 0, salt.length, hash);
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
      fnv1a64(idBuffer, idAt, idAt + ID_LENGTH, hash);
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
