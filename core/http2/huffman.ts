import { ConnectionError, ErrorCode } from './frames.ts';

/**
 * Lengths in bits of the Huffman codes of the octets 0 to 255, in that order. The code is canonical: codes of one
 * length are consecutive numbers in the order of their symbols, and shorter ones come first. So the lengths say
 * everything.
 * Source: RFC 7541 appendix B.
 */
// biome-ignore format: a table, 16 a line
const CODE_LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
/** Not a valid symbol in a string (RFC 7541 section 5.2); the last, longest code. */
const END_OF_STRING = 256;
const END_OF_STRING_LENGTH = 30;

/**
 * The code as a binary tree: `TREE[2 * node + bit]` is the next node, or -(symbol + 1) where a code ends there. Node 0
 * is the root.
 */
const TREE = buildTree();

function buildTree(): Int16Array {
  const lengths = [...CODE_LENGTHS, END_OF_STRING_LENGTH];
  const symbols = lengths.map((_, symbol) => symbol).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const tree = [0, 0];
  let code = 0;
  let length = lengths[symbols[0]!]!;
  for (const symbol of symbols) {
    code <<= lengths[symbol]! - length;
    length = lengths[symbol]!;
    addLeaf(tree, code, length, symbol);
    code++;
  }
  return Int16Array.from(tree);
}

function addLeaf(tree: number[], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let bit = length - 1; bit > 0; bit--) {
    const branch = 2 * node + ((code >>> bit) & 1);
    if (tree[branch] === 0) {
      tree.push(0, 0);
      tree[branch] = tree.length / 2 - 1;
    }
    node = tree[branch]!;
  }
  tree[2 * node + (code & 1)] = -(symbol + 1);
}

/**
 * Decodes `buffer[start, end)`. A code that is cut off must be padding: fewer than 8 bits, all of them 1. Throws a
 * ConnectionError for anything else.
 */
export function decodeHuffman(buffer: Buffer, start: number, end: number): string {
  let text = '';
  let node = 0;
  let pending = 0;
  let onlyOnes = true;
  for (let i = start; i < end; i++) {
    const octet = buffer[i]!;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (octet >>> shift) & 1;
      node = TREE[2 * node + bit]!;
      if (node < 0) {
        const symbol = -node - 1;
        if (symbol === END_OF_STRING) throw invalid('holds the end-of-string symbol');
        text += String.fromCharCode(symbol);
        node = 0;
        pending = 0;
        onlyOnes = true;
      } else {
        pending++;
        if (bit === 0) onlyOnes = false;
      }
    }
  }
  if (pending > 7 || !onlyOnes) throw invalid('has invalid padding');
  return text;
}

function invalid(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, `a Huffman coded string ${what}`);
}
