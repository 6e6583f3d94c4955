import { isIPv4, isIPv6 } from 'node:net';

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

/** 16 bytes, those of IPv4 mapped; undefined where the text is no address. */
export function parseIp(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.concat([MAPPED, Buffer.from(text.split('.').map(Number))]);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [left = '', right] = text.split('::');
  const [head, tail] = [groups(left), groups(right ?? '')];
  return Buffer.concat([head, Buffer.alloc(16 - head.length - tail.length), tail]);
}

function groups(text: string): Buffer {
  if (text === '') return Buffer.alloc(0);
  const bytes = text.split(':').map((group) => {
    if (group.includes('.')) return Buffer.from(group.split('.').map(Number));
    return Buffer.from(group.padStart(4, '0'), 'hex');
  });
  return Buffer.concat(bytes);
}

/** `10.0.0.1`, `2001:db8::1`; bytes that are no address are `?` and their digits. */
export function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return `?${bytes.toString('hex')}`;
  if (bytes.subarray(0, 12).equals(MAPPED)) return bytes.subarray(12).join('.');
  const hex = bytes.toString('hex').match(/.{4}/g) as string[];
  return new URL(`http://[${hex.join(':')}]`).hostname.slice(1, -1);
}
