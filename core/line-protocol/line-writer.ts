/** Room at the beginning: some hundred lines. */
const INITIAL_SIZE = 1 << 16;
/** What a writer keeps for its next use; after an unusually large batch the rest is given back. */
const LARGEST_KEPT = 4 << 20;

/** The body of one request, and where in it each line ends: line breaks may also be inside of texts. */
export interface Payload {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
}

/** Gathers lines into payloads of at most `maxLines` and `maxBytes`; a longer line is a payload of its own. */
export class LineWriter {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  #buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  #length = 0;
  #ends: number[] = [];
  #payloads: Payload[] = [];

  constructor(maxLines: number, maxBytes: number) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
  }

  /** `line` has one character for each byte, and no line break at its end. */
  write(line: string): void {
    const size = line.length + 1;
    if (this.#ends.length >= this.#maxLines || this.#length + size > this.#maxBytes) this.#cut();
    if (this.#length + size > this.#buffer.length) this.#grow(size);
    this.#length += this.#buffer.write(line, this.#length, 'latin1');
    this.#buffer[this.#length++] = 0x0a;
    this.#ends.push(this.#length);
  }

  /** What was written since the last call. */
  payloads(): Payload[] {
    this.#cut();
    const payloads = this.#payloads;
    this.#payloads = [];
    if (this.#buffer.length > LARGEST_KEPT) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
    return payloads;
  }

  #cut(): void {
    if (this.#length === 0) return;
    this.#payloads.push({ bytes: Buffer.from(this.#buffer.subarray(0, this.#length)), ends: this.#ends });
    this.#length = 0;
    this.#ends = [];
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + size));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** The payload in two with half of the lines each; undefined where it has one line only. */
export function halve({ bytes, ends }: Payload): readonly [Payload, Payload] | undefined {
  if (ends.length < 2) return undefined;
  const half = ends.length >>> 1;
  const at = ends[half - 1] as number;
  return [
    { bytes: bytes.subarray(0, at), ends: ends.slice(0, half) },
    { bytes: bytes.subarray(at), ends: ends.slice(half).map((end) => end - at) },
  ];
}
