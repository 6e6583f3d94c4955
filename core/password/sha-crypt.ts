import { hash } from 'node:crypto';
import { crypt64 } from './crypt-base64.ts';

const MIN_ROUNDS = 1000;
const MAX_ROUNDS = 999_999_999;
export const DEFAULT_ROUNDS = 5000;
const MAX_SALT = 16;

type Algorithm = 'sha256' | 'sha512';

/**
 * The SHA schemes of crypt(3) (`$5$`, `$6$`): the characters after the salt, 43 or 86.
 * Source: https://www.akkadia.org/drepper/SHA-crypt.txt, whose steps are in the comments.
 */
export function shaCrypt(algorithm: Algorithm, password: Buffer, saltText: string, rounds: number): string {
  const salt = Buffer.from(saltText, 'latin1').subarray(0, MAX_SALT);
  const sha = (parts: readonly Buffer[]): Buffer => hash(algorithm, Buffer.concat(parts), 'buffer');
  // 4 to 8
  const alternate = sha([password, salt, password]);
  // 1 to 3, 9 to 12
  const first = [password, salt, repeated(alternate, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) first.push((bits & 1) === 1 ? alternate : password);
  let sum = sha(first);
  // 13 to 20
  const p = repeated(sha(Array.from({ length: password.length }, () => password)), password.length);
  const s = repeated(sha(Array.from({ length: 16 + (sum[0] as number) }, () => salt)), salt.length);
  // 21
  const count = Math.min(Math.max(rounds, MIN_ROUNDS), MAX_ROUNDS);
  for (let round = 0; round < count; round++) {
    const odd = (round & 1) === 1;
    const parts = [odd ? p : sum];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(odd ? sum : p);
    sum = sha(parts);
  }
  return algorithm === 'sha256' ? encode256(sum) : encode512(sum);
}

/** `length` bytes of `block` written one after another. */
function repeated(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, length === 0 ? undefined : block);
}

/** Step 22: three columns of bytes that change places from group to group. */
function encode512(sum: Buffer): string {
  let text = '';
  for (let i = 0; i < 21; i++) {
    const columns = [i, i + 21, i + 42];
    const [high, middle, low] = [0, 1, 2].map((k) => sum[columns[(k + i) % 3] as number] as number);
    text += crypt64(high as number, middle as number, low as number);
  }
  return text + crypt64(0, 0, sum[63] as number, 2);
}

function encode256(sum: Buffer): string {
  let text = '';
  for (let i = 0; i < 10; i++) {
    const columns = [i, i + 10, i + 20];
    const [high, middle, low] = [0, 1, 2].map((k) => sum[columns[(k + 3 - (i % 3)) % 3] as number] as number);
    text += crypt64(high as number, middle as number, low as number);
  }
  return text + crypt64(0, sum[31] as number, sum[30] as number, 3);
}
