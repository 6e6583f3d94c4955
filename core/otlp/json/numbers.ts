import { Char, isDigit } from './chars.ts';
import type { Scanner } from './scanner.ts';

/**
 * JSON numbers, and the strings that stand for them, as the collector reads them. 64-bit integers do not fit a
 * JavaScript number, so what was read is left in `low` and `high`, 32 unsigned bits each; signed ones as two's
 * complement.
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

/** Most fractions have so few digits that both numerator and power of ten are exact, and so is rounding once. */
const EXACT_DIGITS = 15;
const POWERS_OF_TEN = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);

/** A double: a number, or a string with one, NaN or an infinity. */
export function readDouble(scanner: Scanner): number {
  const char = scanner.peek();
  if (char === Char.QUOTE) return parseDouble(scanner, scanner.string());
  const negative = char === Char.MINUS;
  if (negative) scanner.position++;
  else if (!isDigit(char)) {
    scanner.position++;
    throw scanner.unexpected('a number');
  }
  const value = readSimpleDouble(scanner) ?? readAnyDouble(scanner, negative);
  return negative ? -value : value;
}

/** Digits and perhaps a fraction; undefined, and nothing read, where it takes more. */
function readSimpleDouble(scanner: Scanner): number | undefined {
  const { bytes, position: start } = scanner;
  let i = start;
  let value = 0;
  for (; isDigit(bytes[i] as number); i++) value = value * 10 + ((bytes[i] as number) - Char.ZERO);
  const whole = i - start;
  let digits = whole;
  if (bytes[i] === Char.DOT) {
    for (i++; isDigit(bytes[i] as number); i++) value = value * 10 + ((bytes[i] as number) - Char.ZERO);
    digits = i - start - 1;
    if (digits === whole) return undefined;
  }
  if (digits > EXACT_DIGITS || whole === 0 || (whole > 1 && bytes[start] === Char.ZERO)) return undefined;
  if (!endsNumber(bytes[i])) return undefined;
  scanner.position = i;
  return digits === whole ? value : value / (POWERS_OF_TEN[digits - whole] as number);
}

const endsNumber = (char: number | undefined): boolean =>
  char === Char.COMMA ||
  char === Char.CLOSE_BRACE ||
  char === Char.CLOSE_BRACKET ||
  char === Char.SPACE ||
  char === Char.NEWLINE;

/** After a minus the collector takes a plus, and then leading zeros and a leading dot. */
const DOUBLE = /^(?:(?!0\d)\d+(?:\.\d+)?|\+(?:\d+(?:\.\d+)?|\.\d+))(?:[eE][+-]?\d+)?$/;

function readAnyDouble(scanner: Scanner, negative: boolean): number {
  const start = scanner.position;
  const text = scanner.numberText();
  const value = DOUBLE.test(text) && (negative || text[0] !== '+') ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw scanner.failure(Number.isNaN(value) ? 'malformed number' : 'number does not fit double', start);
}

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL = /^(?:nan|[+-]?inf(?:inity)?)$/i;

/** The collector also takes what Go does: `inf`, a leading plus or dot, digits set apart by underscores. */
function parseDouble(scanner: Scanner, text: string): number {
  if (SPECIAL.test(text)) {
    if (/n$/i.test(text)) return Number.NaN;
    return text[0] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (text.length > MAX_DOUBLE_TEXT) throw notANumber(scanner);
  const plain = text.includes('_') ? text.replace(/(?<=\d)_(?=\d)/g, '') : text;
  const value = DECIMAL.test(plain) ? Number(plain) : Number.NaN;
  if (Number.isNaN(value)) throw notANumber(scanner);
  if (!Number.isFinite(value)) throw scanner.failure('number does not fit double', scanner.position - 1);
  return value;
}

/** No double has more digits than about 1100 when it is written out. */
const MAX_DOUBLE_TEXT = 2048;

const notANumber = (scanner: Scanner): Error =>
  scanner.failure('expected a number in the string', scanner.position - 1);

const PLAIN = /^(?:\d+(?:\.\d+)?|\.\d+)$/;
const LENIENT = /^(?:0\d+(?:\.\d+)?|\.\d+)[eE][+-]?\d+$/;

/**
 * Passes over the number of an unknown field, `first` being its first character, which was read. The collector is more
 * tolerant here than with numbers it uses: after a minus a leading dot and leading zeros are fine, and so is any number
 * of digits; what begins with 0 must fit a float.
 */
export function skipNumber(scanner: Scanner, first: number): void {
  const start = scanner.position - 1;
  if (first !== Char.MINUS) scanner.position--;
  const text = scanner.numberText();
  if (!skippable(text, first)) throw scanner.failure('malformed number', start);
}

function skippable(text: string, first: number): boolean {
  if (first === Char.ZERO) return DOUBLE.test(text) && Number.isFinite(Math.fround(Number(text)));
  if (PLAIN.test(text) || (first === Char.MINUS && LENIENT.test(text))) return true;
  return DOUBLE.test(text) && Number.isFinite(Number(text));
}
