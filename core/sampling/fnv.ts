/** The offset basis of FNV-1a with 32 bits: the hash of nothing. Source: http://www.isthe.com/chongo/tech/comp/fnv/ */
const FNV32_BASIS = 0x811c9dc5;
const FNV32_PRIME = 0x01000193;

/** FNV-1a with 32 bits of `buffer[start, end)`, unsigned; `basis` is the hash of what stands before. */
export function fnv1a32(buffer: Uint8Array, start: number, end: number, basis = FNV32_BASIS): number {
  let hash = basis;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (buffer[i] as number), FNV32_PRIME);
  return hash >>> 0;
}

/** A basis that has taken in `seed` as four bytes, the lowest first. */
export function fnv1a32Seed(seed: number): number {
  const bytes = Uint8Array.of(seed, seed >>> 8, seed >>> 16, seed >>> 24);
  return fnv1a32(bytes, 0, bytes.length);
}

/** A hash of 64 bits in two unsigned halves; the function that computes it fills one that is used again and again. */
export interface Bits64 {
  high: number;
  low: number;
}

/** The offset basis of FNV-1a with 64 bits. */
export const FNV64_BASIS: Readonly<Bits64> = { high: 0xcbf29ce4, low: 0x84222325 };
/** The prime is 2^40 + this. */
const FNV64_PRIME_LOW = 0x1b3;

/** FNV-1a with 64 bits of `buffer[start, end)`: replaces `hash`, the basis or the hash of what stands before. */
export function fnv1a64(buffer: Uint8Array, start: number, end: number, hash: Bits64): void {
  let { high, low } = hash;
  for (let i = start; i < end; i++) {
    low = (low ^ (buffer[i] as number)) >>> 0;
    const product = low * FNV64_PRIME_LOW;
    // the product has 41 bits; what is over 32 goes to the upper half, as does low * 2^40
    const carry = Math.floor(product / 0x1_0000_0000);
    high = (Math.imul(high, FNV64_PRIME_LOW) + carry + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  hash.high = high;
  hash.low = low;
}
