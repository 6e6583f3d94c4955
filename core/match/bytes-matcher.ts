/** Texts whose verdict is kept; names of spans, services and attributes are rarely more. A power of two. */
const SLOTS = 512;
/** Longer texts are rarely names and rarely come again. */
const LONGEST_KEPT = 64;

/**
 * A test of a text, asked with its UTF-8 bytes. Verdicts are kept, so that a text that comes again, as names do, costs
 * a comparison of bytes: no string is made and no expression runs. The memory is bounded: a text displaces another.
 */
export class BytesMatcher {
  readonly #test: (text: string) => boolean;
  readonly #texts: Buffer;
  /** By slot: the hash of the text in it; its length and, in the lowest bit, the verdict; 0 for a slot in no use. */
  readonly #hashes = new Int32Array(SLOTS);
  readonly #verdicts = new Uint8Array(SLOTS);

  constructor(test: (text: string) => boolean) {
    this.#test = test;
    this.#texts = Buffer.allocUnsafeSlow(SLOTS * LONGEST_KEPT);
  }

  test(buffer: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (length > LONGEST_KEPT || length === 0) return this.#test(buffer.toString('utf8', start, end));
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (buffer[i] as number), 0x0100_0193);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const verdict = this.#verdicts[slot] as number;
    if (this.#hashes[slot] === hash && verdict >> 1 === length && this.#holds(slot, buffer, start, length)) {
      return (verdict & 1) === 1;
    }
    const matches = this.#test(buffer.toString('utf8', start, end));
    buffer.copy(this.#texts, slot * LONGEST_KEPT, start, end);
    this.#hashes[slot] = hash;
    this.#verdicts[slot] = (length << 1) | Number(matches);
    return matches;
  }

  testText(text: string): boolean {
    return this.#test(text);
  }

  #holds(slot: number, buffer: Buffer, start: number, length: number): boolean {
    const texts = this.#texts;
    const at = slot * LONGEST_KEPT;
    for (let i = 0; i < length; i++) if (texts[at + i] !== buffer[start + i]) return false;
    return true;
  }
}

/** Whether the bytes are those in `buffer[start, end)`. */
export function bytesAre(bytes: Buffer, buffer: Buffer, start: number, end: number): boolean {
  const { length } = bytes;
  if (end - start !== length) return false;
  for (let i = length - 1; i >= 0; i--) if (bytes[i] !== buffer[start + i]) return false;
  return true;
}
