/**
 * Copies `length` bytes from `distance` bytes back to `at`, as LZ77 means it: where the two overlap, the copied bytes
 * repeat. Returns the new end. The caller has checked both ends.
 */
export function copyMatch(out: Buffer, at: number, distance: number, length: number): number {
  const from = at - distance;
  // a native copy pays from about this length on, and only where source and target do not overlap
  if (distance >= length && length >= 64) {
    out.copyWithin(at, from, from + length);
    return at + length;
  }
  for (let i = 0; i < length; i++) out[at + i] = out[from + i] as number;
  return at + length;
}
