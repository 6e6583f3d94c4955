import { isUtf8 } from 'node:buffer';
import { compareSync } from 'bcryptjs';
import { Comparable } from '../constant-time.ts';
import { md5Crypt } from './md5-crypt.ts';
import { DEFAULT_ROUNDS, shaCrypt } from './sha-crypt.ts';

const MD5 = /^(\$(?:apr1|1)\$)([^$]*)\$(.*)$/s;
const SHA = /^\$([56])\$(?:rounds=(\d+)\$)?([^$]*)\$(.*)$/s;

/** Whether the password has this hash, which is one of those made to take long. A hash that is none has no password. */
export function matchesSlowly(encoded: string, password: Buffer): boolean {
  const md5 = MD5.exec(encoded);
  if (md5 !== null) {
    const [, magic, salt, expected] = md5 as unknown as readonly string[];
    return equal(md5Crypt(password, salt as string, magic as string), expected as string);
  }
  const sha = SHA.exec(encoded);
  if (sha !== null) {
    const [, kind, rounds, salt, expected] = sha as unknown as readonly string[];
    const algorithm = kind === '5' ? 'sha256' : 'sha512';
    const count = rounds === undefined ? DEFAULT_ROUNDS : Number(rounds);
    return equal(shaCrypt(algorithm, password, salt as string, count), expected as string);
  }
  // the letters name bugs of old programs that none of today's has; the library takes passwords as text
  return isUtf8(password) && compareSync(password.toString(), encoded.replace(/^\$2.\$/, '$2b$'));
}

const equal = (text: string, expected: string): boolean => new Comparable(text).equals(new Comparable(expected));
