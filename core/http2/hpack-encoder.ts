import { STATIC_TABLE } from './hpack-table.ts';

const NAME_INDEX = new Map<string, number>();
const FIELD_INDEX = new Map<string, number>();
for (const [i, [name, value]] of STATIC_TABLE.entries()) {
  if (!NAME_INDEX.has(name)) NAME_INDEX.set(name, i + 1);
  FIELD_INDEX.set(`${name}\n${value}`, i + 1);
}

/** No intermediary may put these into a table (RFC 7541 section 7.1.3). */
const NEVER_INDEXED = new Set(['authorization', 'cookie', 'proxy-authorization']);

const INDEXED = 0x80;
const LITERAL_NEVER_INDEXED = 0x10;
const LITERAL_WITHOUT_INDEXING = 0x00;

/**
 * A header block that leaves the peer's dynamic table alone and uses the static one only. It means the same on every
 * connection at any time, so blocks are encoded once and sent many times.
 */
export function encodeHeaders(fields: Iterable<readonly [name: string, value: string]>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    const whole = FIELD_INDEX.get(`${name}\n${value}`);
    if (whole !== undefined && value !== '') {
      parts.push(integer(INDEXED, 7, whole));
      continue;
    }
    const index = NAME_INDEX.get(name) ?? 0;
    parts.push(integer(NEVER_INDEXED.has(name) ? LITERAL_NEVER_INDEXED : LITERAL_WITHOUT_INDEXING, 4, index));
    if (index === 0) parts.push(string(name));
    parts.push(string(value));
  }
  return Buffer.concat(parts);
}

/** RFC 7541 section 5.1; `flags` are the bits above the prefix of `bits`. */
function integer(flags: number, bits: number, value: number): Buffer {
  const mask = (1 << bits) - 1;
  if (value < mask) return Buffer.from([flags | value]);
  const octets = [flags | mask];
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) octets.push((rest & 0x7f) | 0x80);
  octets.push(rest);
  return Buffer.from(octets);
}

/** RFC 7541 section 5.2, never Huffman coded: what is sent often is short, and decoding costs the peer. */
function string(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1');
  return Buffer.concat([integer(0, 7, octets.length), octets]);
}
