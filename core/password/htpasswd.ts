import { hash } from 'node:crypto';
import { Comparable } from '../constant-time.ts';

/** Answers at once, or costs milliseconds on purpose: then `encoded` is for `matchesSlowly`. */
export type StoredPassword =
  | { readonly matches: (password: Buffer) => boolean }
  | { readonly encoded: string; readonly matches?: undefined };

/** By user name. Names and encodings hold one byte a character, whatever the encoding of the text. */
export type Passwords = ReadonlyMap<string, StoredPassword>;

const SHA1_SIZE = 20;
const SLOW = /^\$(?:apr1|1|5|6|2[abxy])\$/;

/**
 * Reads lines `user:password` as Apache's htpasswd writes them: bcrypt, apr1 and crypt MD5, crypt SHA-256 and SHA-512,
 * `{SHA}`, `{SSHA}`, and plain text. The last line of a user counts. Lines that mean nothing are passed over, and
 * `onSkip` hears their number, from 1, and why.
 */
export function parseHtpasswd(text: Buffer, onSkip: (line: number, reason: string) => void): Passwords {
  const passwords = new Map<string, StoredPassword>();
  text
    .toString('latin1')
    .split('\n')
    .forEach((raw, i) => {
      // only ASCII: other white space may be a part of a character
      const line = raw.replace(/^[ \t\r\v\f]+|[ \t\r\v\f]+$/g, '');
      if (line === '') return;
      const colon = line.indexOf(':');
      const stored = colon < 0 ? 'no colon' : readEncoding(line.slice(colon + 1));
      if (typeof stored === 'string') onSkip(i + 1, stored);
      else passwords.set(line.slice(0, colon), stored);
    });
  return passwords;
}

/** The way to compare with what stands behind the colon, or why there is none. */
function readEncoding(encoding: string): StoredPassword | string {
  if (SLOW.test(encoding)) return { encoded: encoding };
  const sha = /^\{(S?)SHA\}(.*)$/s.exec(encoding);
  if (sha !== null) return digested(sha[2] as string, sha[1] === 'S');
  // nginx marks plain text
  const plain = [encoding, ...(encoding.startsWith('{PLAIN}') ? [encoding.slice('{PLAIN}'.length)] : [])];
  const expected = plain.map((one) => new Comparable(Buffer.from(one, 'latin1')));
  return {
    matches: (password) => {
      const given = new Comparable(password);
      return expected.some((one) => one.equals(given));
    },
  };
}

function digested(base64: string, salted: boolean): StoredPassword | string {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return 'malformed base64';
  if (salted ? bytes.length < SHA1_SIZE : bytes.length !== SHA1_SIZE) return 'wrong length of the hash';
  const expected = new Comparable(bytes.subarray(0, SHA1_SIZE));
  const salt = bytes.subarray(SHA1_SIZE);
  return {
    matches: (password) => new Comparable(hash('sha1', Buffer.concat([password, salt]), 'buffer')).equals(expected),
  };
}
