import { Char, isDigit } from './chars.ts';
import { skipNumber } from './doubles.ts';
import type { Scanner } from './scanner.ts';

/** Objects and lists inside one another, as many as the collector passes over. */
const MAX_DEPTH = 10_000;

/** Passes over the value of an unknown field, which must be well-formed. */
export function skipValue(scanner: Scanner): void {
  const open: number[] = [];
  do {
    if (skipScalarOrOpen(scanner, open)) continue;
    closeEnded(scanner, open);
  } while (open.length > 0);
}

/** Returns whether a value inside must be read next. */
function skipScalarOrOpen(scanner: Scanner, open: number[]): boolean {
  const char = scanner.token();
  if (char === Char.OPEN_BRACE || char === Char.OPEN_BRACKET) return openBracket(scanner, open, char);
  if (char === Char.QUOTE) scanner.skipString();
  else if (char === Char.LOWER_N) scanner.literal('ull');
  else if (char === Char.LOWER_T) scanner.literal('rue');
  else if (char === Char.LOWER_F) scanner.literal('alse');
  else if (char === Char.MINUS || isDigit(char)) skipNumber(scanner, char);
  else throw scanner.unexpected('a value');
  return false;
}

function openBracket(scanner: Scanner, open: number[], bracket: number): boolean {
  if (open.length >= MAX_DEPTH) throw scanner.failure(`more than ${MAX_DEPTH} levels`);
  const isObject = bracket === Char.OPEN_BRACE;
  const char = scanner.token();
  if (char === (isObject ? Char.CLOSE_BRACE : Char.CLOSE_BRACKET)) return false;
  if (isObject && char !== Char.QUOTE) throw scanner.unexpected('the name of a field');
  scanner.position--;
  open.push(bracket);
  if (isObject) skipName(scanner);
  return true;
}

/** After a value: ends what ends here and goes on to the next value, if there is one. */
function closeEnded(scanner: Scanner, open: number[]): void {
  while (open.length > 0) {
    const isObject = open.at(-1) === Char.OPEN_BRACE;
    const char = scanner.token();
    if (char === Char.COMMA) {
      if (isObject) skipName(scanner);
      return;
    }
    if (char !== (isObject ? Char.CLOSE_BRACE : Char.CLOSE_BRACKET)) {
      throw scanner.unexpected(isObject ? 'a comma or }' : 'a comma or ]');
    }
    open.pop();
  }
}

/** After a comma, null is a name to the collector. */
function skipName(scanner: Scanner): void {
  const char = scanner.token();
  if (char === Char.QUOTE) scanner.skipString();
  else if (char === Char.LOWER_N) scanner.literal('ull');
  else throw scanner.unexpected('the name of a field');
  if (scanner.token() !== Char.COLON) throw scanner.unexpected('a colon');
}
