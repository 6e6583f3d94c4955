import { compileRegexp, RegexpError } from './regexp.ts';

/** A pattern that could not be read. */
export class GlobError extends Error {
  override readonly name = 'GlobError';
}

const SPECIAL = /[\\^$.*+?()[\]{}|]/g;
const quote = (text: string): string => text.replace(SPECIAL, '\\$&');

/**
 * A matcher of whole texts, in linear time:
 *
 *   `*`      any run of characters other than `separator`      `[abc]` `[a-z]` `[!a-z]`   one character
 *   `**`     any run of characters                             `{a,b*}`                   one of several patterns
 *   `?`      one character other than `separator`              `\x`                       x itself
 *
 * Throws a GlobError.
 */
export function compileGlob(pattern: string, separator: string): (text: string) => boolean {
  const source = new GlobReader(pattern, `[^${quote(separator)}]`).read();
  try {
    const regexp = compileRegexp(`(?s)^(?:${source})$`);
    return (text) => regexp.test(text);
  } catch (error) {
    if (error instanceof RegexpError) throw new GlobError(`cannot compile ${JSON.stringify(pattern)}`);
    throw error;
  }
}

class GlobReader {
  readonly #chars: readonly string[];
  readonly #one: string;
  #at = 0;

  constructor(pattern: string, one: string) {
    this.#chars = [...pattern];
    this.#one = one;
  }

  read(): string {
    const source = this.#alternatives(false);
    if (this.#at < this.#chars.length) throw new GlobError(`unexpected "}" at position ${this.#at + 1}`);
    return source;
  }

  /** A pattern up to the end, or inside of braces up to the closing one. */
  #alternatives(inBraces: boolean): string {
    let source = '';
    while (this.#at < this.#chars.length) {
      const char = this.#chars[this.#at] as string;
      if (char === '}') return source;
      this.#at++;
      if (char === ',' && inBraces) source += '|';
      else source += this.#term(char);
    }
    if (inBraces) throw new GlobError('"{" without "}"');
    return source;
  }

  #term(char: string): string {
    switch (char) {
      case '*':
        if (this.#chars[this.#at] !== '*') return `${this.#one}*`;
        while (this.#chars[this.#at] === '*') this.#at++;
        return '.*';
      case '?':
        return this.#one;
      case '[':
        return this.#class();
      case '{': {
        const source = this.#alternatives(true);
        this.#at++;
        return `(?:${source})`;
      }
      case '\\':
        return quote(this.#escaped());
      default:
        return quote(char);
    }
  }

  #class(): string {
    const negated = this.#chars[this.#at] === '!';
    if (negated) this.#at++;
    let members = '';
    for (let char = this.#chars[this.#at++]; char !== ']'; char = this.#chars[this.#at++]) {
      if (char === undefined) throw new GlobError('"[" without "]"');
      if (char === '-') members += '-';
      else members += quote(char === '\\' ? this.#escaped() : char);
    }
    if (members === '') throw new GlobError('"[]" matches nothing');
    return `[${negated ? '^' : ''}${members}]`;
  }

  #escaped(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new GlobError('"\\" at the end');
    return char;
  }
}
