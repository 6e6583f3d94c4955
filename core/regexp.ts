import { RE2JS, RE2JSSyntaxException } from 're2js';
import { nativeSource } from './regexp-native.ts';

/** A pattern that Go's regexp package would not compile; the message is Go's. */
export class RegexpError extends Error {
  override readonly name = 'RegexpError';
}

/** A match: for each group, the whole match being the first, where it begins and ends; -1 where it took no part. */
export interface RegexpMatch {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** The text of a group, '' where it took no part. */
  group(index: number): string;
}

/** A regular expression with the syntax, the meaning and the linear time of Go's regexp package (RE2). */
export interface Regexp {
  readonly source: string;
  /** Of each group the name, '' for the whole match and for groups without a name. */
  readonly groupNames: readonly string[];
  /** Whether the text contains a match. */
  test(text: string): boolean;
  /** The first match. */
  exec(text: string): RegexpMatch | undefined;
  /** The text with each match replaced by what `replacement` makes of it. */
  replaceAll(text: string, replacement: (match: string) => string): string;
}

/** Throws a RegexpError: ``error parsing regexp: missing closing ): `(` ``. */
export function compileRegexp(pattern: string): Regexp {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    throw new RegexpError(goMessage(error), { cause: error });
  }
  const source = nativeSource(pattern);
  const linear = new LinearRegexp(pattern, compiled);
  return source === undefined ? linear : new NativeRegexp(linear, source.body, source.flags);
}

function goMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // the only message that Go prints with a quoted part that is empty
  return error instanceof RE2JSSyntaxException && error.getPattern() === null ? `${message}: \`\`` : message;
}

class Match implements RegexpMatch {
  readonly #text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];

  constructor(text: string, starts: readonly number[], ends: readonly number[]) {
    this.#text = text;
    this.starts = starts;
    this.ends = ends;
  }

  group(index: number): string {
    const start = this.starts[index] as number;
    return start < 0 ? '' : this.#text.slice(start, this.ends[index]);
  }
}

/** By automata: time grows with the text and nothing else, whatever the pattern. */
class LinearRegexp implements Regexp {
  readonly source: string;
  readonly groupNames: readonly string[];
  readonly #compiled: RE2JS;

  constructor(source: string, compiled: RE2JS) {
    this.source = source;
    this.#compiled = compiled;
    const names = new Array<string>(compiled.groupCount() + 1).fill('');
    for (const [name, index] of Object.entries(compiled.namedGroups())) names[index] = name;
    this.groupNames = names;
  }

  test(text: string): boolean {
    return this.#compiled.test(text);
  }

  exec(text: string): RegexpMatch | undefined {
    const matcher = this.#compiled.matcher(text);
    if (!matcher.find()) return undefined;
    const starts = this.groupNames.map((_, group) => matcher.start(group));
    const ends = this.groupNames.map((_, group) => matcher.end(group));
    return new Match(text, starts, ends);
  }

  replaceAll(text: string, replacement: (match: string) => string): string {
    const matcher = this.#compiled.matcher(text);
    return replaceMatches(text, replacement, (from) =>
      matcher.find(from) ? [matcher.start(0), matcher.end(0)] : undefined,
    );
  }
}

/**
 * By the regular expressions of JavaScript, for patterns and texts for which backtracking is known to end soon; all
 * others go to the automata.
 */
class NativeRegexp implements Regexp {
  readonly #linear: LinearRegexp;
  readonly #testing: RegExp;
  readonly #locating: RegExp;
  readonly #walking: RegExp;

  constructor(linear: LinearRegexp, body: string, flags: string) {
    this.#linear = linear;
    this.#testing = new RegExp(body, flags);
    this.#locating = new RegExp(body, `${flags}d`);
    this.#walking = new RegExp(body, `${flags}g`);
  }

  get source(): string {
    return this.#linear.source;
  }

  get groupNames(): readonly string[] {
    return this.#linear.groupNames;
  }

  test(text: string): boolean {
    return text.length <= LONGEST_NATIVE ? this.#testing.test(text) : this.#linear.test(text);
  }

  exec(text: string): RegexpMatch | undefined {
    if (text.length > LONGEST_NATIVE) return this.#linear.exec(text);
    const indices = this.#locating.exec(text)?.indices;
    if (indices === undefined) return undefined;
    return new Match(text, indices.map(startOf), indices.map(endOf));
  }

  replaceAll(text: string, replacement: (match: string) => string): string {
    if (text.length > LONGEST_NATIVE) return this.#linear.replaceAll(text, replacement);
    const walking = this.#walking;
    return replaceMatches(text, replacement, (from) => {
      walking.lastIndex = from;
      const found = walking.exec(text);
      return found === null ? undefined : [found.index, found.index + found[0].length];
    });
  }
}

/** What backtracking may cost is bounded by this and by what nativeSource lets through: about four million steps. */
const LONGEST_NATIVE = 256;

// a group that took no part is undefined, whatever the type says
const startOf = (range: [number, number] | undefined): number => range?.[0] ?? -1;
const endOf = (range: [number, number] | undefined): number => range?.[1] ?? -1;

/** Go's rule for matches of nothing: none right behind another match, and the search goes on a character later. */
function replaceMatches(
  text: string,
  replacement: (match: string) => string,
  find: (from: number) => readonly [start: number, end: number] | undefined,
): string {
  let result = '';
  let copied = 0;
  let position = 0;
  while (position <= text.length) {
    const match = find(position);
    if (match === undefined) break;
    const [start, end] = match;
    result += text.slice(copied, start);
    if (end > copied || start === 0) result += replacement(text.slice(start, end));
    copied = end;
    const width = (text.codePointAt(position) ?? 0) > 0xffff ? 2 : 1;
    position = Math.max(end, position + width);
  }
  return result + text.slice(copied);
}
