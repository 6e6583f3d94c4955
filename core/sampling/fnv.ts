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

/** The prime of FNV-1a with 64 bits is 2^40 + this. */
const FNV64_PRIME_LOW = 0x1b3;

/** Sets `hash` to the hash of nothing; see `fnv1a64`. */
export function startFnv1a64(hash: Int32Array): void {
  hash[0] = 0xcbf29ce4;
  hash[1] = 0x84222325;
}

/**
 * FNV-1a with 64 bits of `buffer[start, end)`. `hash` has the upper and the lower half, and on entry the hash of what
 * stands before. In 32-bit integers only, which cost no memory.
 */
export function fnv1a64(buffer: Uint8Array, start: number, end: number, hash: Int32Array): void {
  let high = hash[0] as number;
  let low = hash[1] as number;
  for (let i = start; i < end; i++) {
    low ^= buffer[i] as number;
    // low times the prime in 16-bit steps, as its upper half is wanted too; the bit 2^40 of the prime shifts by 8
    const lower = (low & 0xffff) * FNV64_PRIME_LOW;
    const upper = (low >>> 16) * FNV64_PRIME_LOW + (lower >>> 16);
    high = (Math.imul(high, FNV64_PRIME_LOW) + (upper >>> 16) + (low << 8)) | 0;
    low = (upper << 16) | (lower & 0xffff);
  }
  hash[0] = high;
  hash[1] = low;
}
