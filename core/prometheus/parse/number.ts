import { PageError } from './page.ts';

const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
/** Up to so many digits are a whole number that a double holds. */
const EXACT_DIGITS = 15;
/** Powers of ten that doubles hold: one multiplication or division of exact numbers is rounded correctly. */
const EXACT_POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** Reads a number as Go's strconv does, from bytes. */
export function readNumber(buffer: Buffer, start: number, end: number): number {
  let at = start;
  const negative = buffer[at] === MINUS;
  if (negative || buffer[at] === PLUS) at++;
  let mantissa = 0;
  let digits = 0;
  let decimals = 0;
  for (; at < end; at++) {
    const byte = buffer[at] as number;
    if (byte >= ZERO && byte <= NINE) {
      mantissa = mantissa * 10 + (byte - ZERO);
      digits++;
      if (decimals > 0) decimals++;
    } else if (byte === DOT && decimals === 0) decimals = 1;
    else return readSlowly(buffer.toString('latin1', start, end));
  }
  if (digits === 0 || digits > EXACT_DIGITS) return readSlowly(buffer.toString('latin1', start, end));
  const value = decimals > 1 ? mantissa / (EXACT_POWERS[decimals - 1] as number) : mantissa;
  return negative ? -value : value;
}

/** A number in any form that Go takes; hexadecimal ones and underscores are refused. */
function readSlowly(text: string): number {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) throw syntaxError(text, 'value out of range');
    return value;
  }
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return NaN;
  throw syntaxError(text, 'invalid syntax');
}

function syntaxError(text: string, reason: string): PageError {
  return new PageError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: ${reason}`);
}

/** The same of text; undefined where it is no number. */
export function numberOf(text: string): number | undefined {
  try {
    return readSlowly(text);
  } catch (error) {
    if (error instanceof PageError) return undefined;
    throw error;
  }
}
