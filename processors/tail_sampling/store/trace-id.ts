export const ID_LENGTH = 16;

/** Mixes the words of a trace id. The seed keeps senders from choosing ids that fall together in a table. */
export function hashOfWords(a: number, b: number, c: number, d: number, seed: number): number {
  let h = Math.imul(a ^ seed, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ b, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ c, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16) ^ d, 0x27d4eb2f);
  return h ^ (h >>> 15);
}

export function hashOfId(buffer: Buffer, at: number, seed: number): number {
  const a = buffer.readInt32LE(at);
  const b = buffer.readInt32LE(at + 4);
  return hashOfWords(a, b, buffer.readInt32LE(at + 8), buffer.readInt32LE(at + 12), seed);
}

export function sameId(a: Buffer, at: number, b: Buffer, bt: number): boolean {
  for (let i = ID_LENGTH - 1; i >= 0; i--) if (a[at + i] !== b[bt + i]) return false;
  return true;
}
