// SHA-256 (FIPS 180-4) of a short text, written as hexadecimal digits. For one block it takes half of what the way
// into native code takes.

import { copyLoosely } from './wire';

const BLOCK: usize = 64;
/** A byte that ends the message, and its length in bits in eight bytes. */
const PADDING: usize = 9;

const K: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const STATE: usize = memory.data(32);
const SCHEDULE: usize = memory.data(256);
/** The last one or two blocks, and room for what is written beyond them. */
const TAIL: usize = memory.data(136);

/** Writes 64 digits to `target`. */
export function writeSha256(start: usize, end: usize, target: usize): void {
  for (let i: usize = 0; i < 32; i += 8) store<u64>(STATE + i, load<u64>(INITIAL + i));
  let position = start;
  for (; position + BLOCK <= end; position += BLOCK) compress(position);
  const rest = end - position;
  const padded = rest + PADDING <= BLOCK ? BLOCK : 2 * BLOCK;
  copyLoosely(TAIL, position, rest);
  for (let i = rest; i < padded; i += 8) store<u64>(TAIL + i, 0);
  store<u8>(TAIL + rest, 0x80);
  store<u64>(TAIL + padded - 8, bswap<u64>((<u64>(end - start)) << 3));
  compress(TAIL);
  if (padded > BLOCK) compress(TAIL + BLOCK);
  for (let word: usize = 0; word < 32; word += 4) {
    const value = load<u32>(STATE + word);
    store<u32>(target + 2 * word, digits(value >> 16));
    store<u32>(target + 2 * word, digits(value & 0xffff), 4);
  }
}

/** The four hexadecimal digits of a number of 16 bits, the first in the lowest byte. */
function digits(value: u32): u32 {
  let spread = ((value << 8) | value) & 0x00ff00ff;
  spread = ((spread << 4) | spread) & 0x0f0f0f0f;
  const letters = ((spread + 0x06060606) >> 4) & 0x01010101;
  return bswap<u32>(spread + 0x30303030 + letters * 0x27);
}

function compress(block: usize): void {
  for (let i: usize = 0; i < 64; i += 4) store<u32>(SCHEDULE + i, bswap<u32>(load<u32>(block + i)));
  for (let i: usize = 64; i < 256; i += 4) {
    const x = load<u32>(SCHEDULE + i - 60);
    const y = load<u32>(SCHEDULE + i - 8);
    const s0 = rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >> 3);
    const s1 = rotr<u32>(y, 17) ^ rotr<u32>(y, 19) ^ (y >> 10);
    store<u32>(SCHEDULE + i, load<u32>(SCHEDULE + i - 64) + s0 + load<u32>(SCHEDULE + i - 28) + s1);
  }
  let a = load<u32>(STATE);
  let b = load<u32>(STATE, 4);
  let c = load<u32>(STATE, 8);
  let d = load<u32>(STATE, 12);
  let e = load<u32>(STATE, 16);
  let f = load<u32>(STATE, 20);
  let g = load<u32>(STATE, 24);
  let h = load<u32>(STATE, 28);
  // eight rounds at a time, so that the variables take turns and need not be moved
  for (let i: usize = 0; i < 256; i += 32) {
    h = first(h, e, f, g, i);
    d += h;
    h += second(a, b, c);
    g = first(g, d, e, f, i + 4);
    c += g;
    g += second(h, a, b);
    f = first(f, c, d, e, i + 8);
    b += f;
    f += second(g, h, a);
    e = first(e, b, c, d, i + 12);
    a += e;
    e += second(f, g, h);
    d = first(d, a, b, c, i + 16);
    h += d;
    d += second(e, f, g);
    c = first(c, h, a, b, i + 20);
    g += c;
    c += second(d, e, f);
    b = first(b, g, h, a, i + 24);
    f += b;
    b += second(c, d, e);
    a = first(a, f, g, h, i + 28);
    e += a;
    a += second(b, c, d);
  }
  add(0, a);
  add(4, b);
  add(8, c);
  add(12, d);
  add(16, e);
  add(20, f);
  add(24, g);
  add(28, h);
}

/** T1 of the standard, in the round whose constant and word are at `i`. */
function first(h: u32, e: u32, f: u32, g: u32, i: usize): u32 {
  const sum = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
  return h + sum + (g ^ (e & (f ^ g))) + load<u32>(K + i) + load<u32>(SCHEDULE + i);
}

/** T2 of the standard. */
function second(a: u32, b: u32, c: u32): u32 {
  const sum = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
  return sum + ((a & b) | (c & (a | b)));
}

function add(word: usize, value: u32): void {
  store<u32>(STATE + word, load<u32>(STATE + word) + value);
}
