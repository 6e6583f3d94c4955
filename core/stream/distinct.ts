import { hash } from 'node:crypto';
import type { StateReader, StateWriter } from './codec.ts';

/** 2^PRECISION registers of a byte each; the standard error is 1.04 / sqrt(2^PRECISION) = 1.6 %. */
const PRECISION = 12;
const REGISTERS = 1 << PRECISION;
/** Up to here the values themselves are counted. */
const EXACT_VALUES = 128;
/** A text of 16 characters in a Set, as measured. */
const HASH_BYTES = 70;
/** Bias correction for this many registers. Source: Flajolet et al., "HyperLogLog", 2007, figure 3. */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

/** How many different texts came: exactly as long as they are few, then by HyperLogLog. */
export class Distinct {
  #hashes: Set<string> | undefined = new Set();
  #registers: Uint8Array | undefined;

  add(text: string): void {
    // 64 bits are enough to tell apart what 1.6 % cannot
    this.#addHash(hash('sha256', text, 'hex').slice(0, 16));
  }

  /** Of memory, about. */
  get bytes(): number {
    return this.#registers?.length ?? (this.#hashes?.size ?? 0) * HASH_BYTES;
  }

  /** `from` stays as it is. */
  merge(from: Distinct): void {
    for (const one of from.#hashes ?? []) this.#addHash(one);
    if (from.#registers === undefined) return;
    const registers = this.#approximate();
    for (const [i, rank] of from.#registers.entries()) if (rank > (registers[i] as number)) registers[i] = rank;
  }

  get estimate(): number {
    if (this.#registers === undefined) return this.#hashes?.size ?? 0;
    let sum = 0;
    let empty = 0;
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty++;
    }
    const raw = (ALPHA * REGISTERS * REGISTERS) / sum;
    // few values: linear counting is nearer
    return Math.round(raw <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw);
  }

  encode(to: StateWriter): void {
    to.bool(this.#registers === undefined);
    if (this.#registers !== undefined) {
      to.bytes(Buffer.from(this.#registers));
      return;
    }
    to.uint32(this.#hashes?.size ?? 0);
    for (const one of this.#hashes ?? []) to.text(one);
  }

  static decode(from: StateReader): Distinct {
    const distinct = new Distinct();
    if (from.bool()) for (let left = from.uint32(); left > 0; left--) distinct.#hashes?.add(from.text());
    else distinct.#approximate().set(from.bytes().subarray(0, REGISTERS));
    return distinct;
  }

  #addHash(one: string): void {
    if (this.#registers !== undefined) put(this.#registers, one);
    else {
      this.#hashes?.add(one);
      if ((this.#hashes?.size ?? 0) > EXACT_VALUES) this.#approximate();
    }
  }

  #approximate(): Uint8Array {
    const registers = this.#registers ?? new Uint8Array(REGISTERS);
    this.#registers = registers;
    for (const one of this.#hashes ?? []) put(registers, one);
    this.#hashes = undefined;
    return registers;
  }
}

/** The first bits choose the register, which keeps the longest run of zeros of the others. */
function put(registers: Uint8Array, hex: string): void {
  const high = Number.parseInt(hex.slice(0, 8), 16);
  const low = Number.parseInt(hex.slice(8), 16);
  const register = high >>> (32 - PRECISION);
  const rest = (high << PRECISION) >>> 0;
  const zeros = rest === 0 ? 32 - PRECISION + Math.clz32(low) : Math.clz32(rest);
  if (zeros + 1 > (registers[register] as number)) registers[register] = zeros + 1;
}
