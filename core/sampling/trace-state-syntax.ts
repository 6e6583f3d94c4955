/** Bytes that mean something in a tracestate. */
export const Code = {
  TAB: 0x09,
  SPACE: 0x20,
  COMMA: 0x2c,
  COLON: 0x3a,
  SEMICOLON: 0x3b,
  EQUALS: 0x3d,
  AT: 0x40,
} as const;

/** The longest value of a member. */
const MAX_VALUE = 256;

/** What a byte may stand for, one bit each. */
const LETTER = 1;
const LETTER_OR_DIGIT = 2;
const KEY = 4;
const VALUE = 8;
const OT_VALUE = 16;
const CLASSES = new Uint8Array(256);
for (let code = 0x20; code < 0x7f; code++) {
  const text = String.fromCharCode(code);
  let found = code === Code.COMMA || code === Code.EQUALS ? 0 : VALUE;
  if (/[a-z]/.test(text)) found |= LETTER;
  if (/[a-z0-9]/.test(text)) found |= LETTER_OR_DIGIT;
  if (/[a-z0-9_*/-]/.test(text)) found |= KEY;
  if (/[a-zA-Z0-9._-]/.test(text)) found |= OT_VALUE;
  CLASSES[code] = found;
}

/** Where the byte is, or `end`. */
export function indexOf(buffer: Buffer, code: number, start: number, end: number): number {
  let position = start;
  while (position < end && buffer[position] !== code) position++;
  return position;
}

/** What may stand around a member. */
export function isBlank(code: number): boolean {
  return code === Code.SPACE || code === Code.TAB;
}

function isIn(buffer: Buffer, at: number, group: number): boolean {
  return ((CLASSES[buffer[at] as number] as number) & group) !== 0;
}

function areIn(buffer: Buffer, start: number, end: number, group: number): boolean {
  for (let i = start; i < end; i++) if (!isIn(buffer, i, group)) return false;
  return true;
}

/** `key` or `tenant@system`. */
export function isKey(buffer: Buffer, start: number, end: number): boolean {
  const at = indexOf(buffer, Code.AT, start, end);
  if (start === end) return false;
  if (at === end) return isIn(buffer, start, LETTER) && areIn(buffer, start + 1, end, KEY);
  if (at === start || at + 1 === end) return false;
  const tenant = isIn(buffer, start, LETTER_OR_DIGIT) && areIn(buffer, start + 1, at, KEY);
  return tenant && isIn(buffer, at + 1, LETTER) && areIn(buffer, at + 2, end, KEY);
}

/** Blanks at the end are gone already. */
export function isValue(buffer: Buffer, start: number, end: number): boolean {
  return end > start && end - start <= MAX_VALUE && areIn(buffer, start, end, VALUE);
}

/** `key:value` with `;` between, none of them empty; a value may be. */
export function isOwn(buffer: Buffer, start: number, end: number): boolean {
  if (start === end || buffer[end - 1] === Code.SEMICOLON) return false;
  for (let from = start; from < end; ) {
    const to = indexOf(buffer, Code.SEMICOLON, from, end);
    const colon = indexOf(buffer, Code.COLON, from, to);
    if (colon === from || colon === to || !isIn(buffer, from, LETTER)) return false;
    if (!areIn(buffer, from + 1, colon, LETTER_OR_DIGIT) || !areIn(buffer, colon + 1, to, OT_VALUE)) return false;
    from = to + 1;
  }
  return true;
}
