import { Char } from './chars.ts';
import { hashName } from './plan.ts';
import type { Scanner } from './scanner.ts';

/** What is missing where something else is found. */
export const OBJECT = 'an object';
export const OBJECT_GOES_ON = 'a comma or }';
export const LIST = 'a list';
export const LIST_GOES_ON = 'a comma or ]';

/**
 * Walks objects and lists. The collector's reader keeps no state between fields and elements, hence a comma may come
 * first and a brace between, and an empty name ends the object.
 */
export class Structure {
  readonly scanner: Scanner;
  /** The name of the field before whose value we are: `name[nameStart, nameEnd)`, and its hashName. */
  name: Buffer;
  nameStart = 0;
  nameEnd = 0;
  nameHash = 0;

  constructor(scanner: Scanner) {
    this.scanner = scanner;
    this.name = scanner.bytes;
  }

  /** Reads on to the value of the next field; false when the object is over. */
  nextField(expected: string): boolean {
    const input = this.scanner;
    let char = input.token();
    if (char === Char.COMMA || char === Char.OPEN_BRACE) {
      const first = char === Char.OPEN_BRACE;
      char = input.token();
      if (first && char === Char.CLOSE_BRACE) return false;
      if (char === Char.QUOTE) this.#readName();
      else if (first || char !== Char.LOWER_N) throw input.unexpected('the name of a field');
      else this.#emptyName();
      if (input.token() !== Char.COLON) throw input.unexpected('a colon');
      return this.nameEnd > this.nameStart;
    }
    if (char === Char.LOWER_N) input.literal('ull');
    else if (char !== Char.CLOSE_BRACE) throw input.unexpected(expected);
    return false;
  }

  #emptyName(): void {
    this.scanner.literal('ull');
    this.nameEnd = this.nameStart;
  }

  #readName(): void {
    const input = this.scanner;
    const { bytes, position: start, end } = input;
    let hash = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === Char.QUOTE) {
        this.name = bytes;
        this.nameStart = start;
        this.nameEnd = i;
        this.nameHash = hash;
        input.position = i + 1;
        return;
      }
      if (byte === Char.BACKSLASH || byte < Char.SPACE) break;
      hash = hashName(hash, byte);
    }
    input.position = start - 1;
    this.name = Buffer.from(input.string());
    this.nameStart = 0;
    this.nameEnd = this.name.length;
    this.nameHash = this.name.reduce(hashName, 0);
  }

  /** Reads on to the next element of a list; false when the list is over. */
  nextElement(expected: string): boolean {
    const input = this.scanner;
    const char = input.token();
    if (char === Char.COMMA) return true;
    if (char === Char.OPEN_BRACKET) {
      if (input.token() === Char.CLOSE_BRACKET) return false;
      input.position--;
      return true;
    }
    if (char === Char.LOWER_N) input.literal('ull');
    else if (char !== Char.CLOSE_BRACKET) throw input.unexpected(expected);
    return false;
  }
}
