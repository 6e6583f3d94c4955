import { hash } from 'node:crypto';
import { crypt64 } from './crypt-base64.ts';

const ROUNDS = 1000;
const SIZE = 16;

/**
 * The MD5 scheme of crypt(3) and of Apache, which differ in `magic` only (`$1$`, `$apr1$`): the 22 characters after the
 * salt. Source: https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
 */
export function md5Crypt(password: Buffer, salt: string, magic: string): string {
  const grains = Buffer.from(salt, 'latin1');
  const inner = md5([password, grains, password]);
  const first: Buffer[] = [password, Buffer.from(magic), grains];
  for (let left = password.length; left > 0; left -= SIZE) first.push(inner.subarray(0, Math.min(left, SIZE)));
  for (let bits = password.length; bits > 0; bits >>= 1) {
    first.push((bits & 1) === 1 ? Buffer.from([0]) : password.subarray(0, 1));
  }
  let sum = md5(first);
  for (let round = 0; round < ROUNDS; round++) {
    const odd = (round & 1) === 1;
    const parts = [odd ? password : sum];
    if (round % 3 !== 0) parts.push(grains);
    if (round % 7 !== 0) parts.push(password);
    parts.push(odd ? sum : password);
    sum = md5(parts);
  }
  const at = (index: number): number => sum[index] as number;
  const groups = [0, 1, 2, 3].map((i) => crypt64(at(i), at(i + 6), at(i + 12)));
  return `${groups.join('')}${crypt64(at(4), at(10), at(5))}${crypt64(0, 0, at(11), 2)}`;
}

const md5 = (parts: readonly Buffer[]): Buffer => hash('md5', Buffer.concat(parts), 'buffer');
