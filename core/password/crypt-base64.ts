const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The base 64 of crypt(3): three bytes, the first one most significant, as four characters, lowest bits first. */
export function crypt64(high: number, middle: number, low: number, characters = 4): string {
  let bits = (high << 16) | (middle << 8) | low;
  let text = '';
  for (let i = 0; i < characters; i++) {
    text += ALPHABET[bits & 0x3f];
    bits >>= 6;
  }
  return text;
}
