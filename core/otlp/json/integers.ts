import { Char, isDigit } from './chars.ts';
import type { Scanner } from './scanner.ts';

/**
 * Integers, as numbers and as strings of digits, as the collector reads them. 64 bits do not fit a JavaScript number,
 * so they are left in `low` and `high`, 32 unsigned bits each; signed ones as two's complement.
 */
export let low = 0;
export let high = 0;

const MAX_UINT32 = 0xffff_ffff;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

/** int64 and sfixed64. */
export function readInt64(scanner: Scanner): void {
  const quoted = openNumber(scanner);
  const negative = readSign(scanner, quoted);
  readDigits64(scanner, quoted);
  if (high > 0x7fff_ffff && !(negative && high === 0x8000_0000 && low === 0)) throw overflow(scanner, 'int64');
  if (negative) negate();
  closeNumber(scanner, quoted);
}

/** uint64 and fixed64. */
export function readUint64(scanner: Scanner): void {
  const quoted = openNumber(scanner);
  readDigits64(scanner, quoted);
  closeNumber(scanner, quoted);
}

/** int32, sint32 and the number of an enum. */
export function readInt32(scanner: Scanner): number {
  const quoted = openNumber(scanner);
  const negative = readSign(scanner, quoted);
  const value = readDigits32(scanner, quoted);
  if (value > (negative ? 0x8000_0000 : 0x7fff_ffff)) throw overflow(scanner, 'int32');
  closeNumber(scanner, quoted);
  return negative ? -value : value;
}

/** uint32 and fixed32. */
export function readUint32(scanner: Scanner): number {
  const quoted = openNumber(scanner);
  const value = readDigits32(scanner, quoted);
  closeNumber(scanner, quoted);
  return value;
}

/** Whether the number comes as a string; the quote is read. */
function openNumber(scanner: Scanner): boolean {
  const char = scanner.peek();
  if (char === Char.QUOTE) {
    scanner.position++;
    return true;
  }
  if (char === Char.MINUS || isDigit(char)) return false;
  scanner.position++;
  throw scanner.unexpected('a number or a string of digits');
}

function closeNumber(scanner: Scanner, quoted: boolean): void {
  if (quoted) {
    if (scanner.bytes[scanner.position++] !== Char.QUOTE) throw scanner.unexpected('digits only');
  } else if (scanner.bytes[scanner.position] === Char.DOT) {
    throw scanner.failure('expected an integer, found a fraction');
  }
}

/** A plus is allowed in strings. */
function readSign(scanner: Scanner, quoted: boolean): boolean {
  const char = scanner.bytes[scanner.position];
  const negative = char === Char.MINUS;
  if (negative || (quoted && char === Char.PLUS)) scanner.position++;
  return negative;
}

/**
 * Where the digits from `position` on end. A number that begins with 0 is that 0 alone, so what follows is found to be
 * wrong by whoever reads on; in strings leading zeros are fine.
 */
function endOfDigits(scanner: Scanner, quoted: boolean): number {
  const { bytes, position: start } = scanner;
  let i = start;
  while (isDigit(bytes[i] as number)) i++;
  if (i === start) {
    scanner.position++;
    throw scanner.unexpected('a digit');
  }
  return !quoted && bytes[start] === Char.ZERO ? start + 1 : i;
}

function readDigits32(scanner: Scanner, quoted: boolean): number {
  const end = endOfDigits(scanner, quoted);
  let value = 0;
  for (let i = scanner.position; i < end; i++) {
    const before = value;
    value = value * 10 + ((scanner.bytes[i] as number) - Char.ZERO);
    if (value <= MAX_UINT32) continue;
    // the collector's overflow check of plain numbers lets some through, wrapped
    value %= MAX_UINT32 + 1;
    if (quoted || value < before) throw overflow(scanner, 'uint32');
  }
  scanner.position = end;
  return value;
}

/** 18 digits are below 2^63 and two numbers of 9 digits are exact in doubles. */
const HALF_DIGITS = 9;
const SAFE_DIGITS = 19;

function readDigits64(scanner: Scanner, quoted: boolean): void {
  const { bytes, position: start } = scanner;
  const end = endOfDigits(scanner, quoted);
  if (end - start > SAFE_DIGITS) {
    readLongDigits(scanner, end, quoted);
    return;
  }
  const split = Math.max(start, end - HALF_DIGITS);
  let upper = 0;
  let lower = 0;
  let i = start;
  for (; i < split; i++) upper = upper * 10 + ((bytes[i] as number) - Char.ZERO);
  for (; i < end; i++) lower = lower * 10 + ((bytes[i] as number) - Char.ZERO);
  scanner.position = end;
  if (upper === 0) {
    low = lower;
    high = 0;
    return;
  }
  // upper * 10^9 + lower, upper below 2^34, in steps that stay below 2^53
  const upperHigh = Math.floor(upper / 0x10000) * 1e9;
  const rest = (upperHigh % 0x10000) * 0x10000 + (upper % 0x10000) * 1e9 + lower;
  low = rest >>> 0;
  high = Math.floor(upperHigh / 0x10000) + Math.floor(rest / 0x1_0000_0000);
}

/** 20 digits and more: leading zeros in a string, numbers above 10^19, or too large. */
function readLongDigits(scanner: Scanner, end: number, quoted: boolean): void {
  let value = 0n;
  let first = scanner.position;
  while (first < end && scanner.bytes[first] === Char.ZERO) first++;
  for (let i = first; i < end; i++) {
    const before = value;
    value = value * 10n + BigInt((scanner.bytes[i] as number) - Char.ZERO);
    if (value <= MAX_UINT64) continue;
    // as in readDigits32
    value &= MAX_UINT64;
    if (quoted || value < before) throw overflow(scanner, 'uint64');
  }
  scanner.position = end;
  low = Number(value & 0xffff_ffffn);
  high = Number(value >> 32n);
}

function negate(): void {
  low = -low >>> 0;
  high = (low === 0 ? -high : ~high) >>> 0;
}

function overflow(scanner: Scanner, type: string): Error {
  return scanner.failure(`number does not fit ${type}`);
}
