import { Char, isDigit } from './chars.ts';
import type { Scanner } from './scanner.ts';

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
