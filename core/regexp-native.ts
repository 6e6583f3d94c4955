/**
 * Translates patterns from Go's syntax (RE2) to JavaScript's, where both are sure to find the same matches and where
 * backtracking is sure to be cheap. Anything else is left to the automata: `undefined` is always a right answer.
 *
 * Left out: everything rare (flags other than a leading `(?i)`, POSIX and Unicode classes, octal and hexadecimal
 * escapes), repeated groups with a repetition, alternatives or a capturing group inside, and patterns for which
 * backtracking over LONGEST_NATIVE characters could take more than MOST_STEPS.
 */
export function nativeSource(pattern: string): { readonly body: string; readonly flags: string } | undefined {
  const folded = pattern.startsWith('(?i)');
  const translator = new Translator(folded ? pattern.slice(4) : pattern, folded);
  const body = translator.translate();
  return body === undefined ? undefined : { body, flags: folded ? 'iu' : 'u' };
}

/** As a power of two: 2^22 steps are some ten milliseconds. */
const MOST_STEPS = 22;
/** Places at which a repetition can end in a text of at most 256 characters, as a power of two. */
const STEPS_OF_REPETITION = 8;
/** A repetition up to so many times is as good as a few optional ones, a longer one as good as unbounded. */
const SHORT_REPETITION = 8;

/** What a group contains, which decides whether it may be repeated. */
interface Group {
  readonly capturing: boolean;
  alternatives: number;
  repeats: boolean;
  captures: boolean;
  /** Whether anything in it takes a character. */
  consumes: boolean;
}

const CLASSES: Readonly<Record<string, string>> = { d: '0-9', w: '0-9A-Za-z_', s: '\\t\\n\\f\\r ' };
const CONTROLS = 'tnrfv';
/** All that may stand behind a backslash to mean itself. */
const PUNCTUATION = /[!-/:-@[-`{-~]/;
/** What has a meaning in JavaScript and so gets a backslash. */
const SYNTAX = /[\^$\\.*+?()[\]{}|/]/;
const REPETITION = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/;
const GROUP_START = /^\((?:\?:|\?P?<([A-Za-z_][A-Za-z0-9_]*)>)?/;

class Translator {
  readonly #pattern: string;
  readonly #folded: boolean;
  #position = 0;
  #body = '';
  /** The open groups; the first is the whole pattern. */
  readonly #open: Group[] = [emptyGroup(false)];
  /** The group that was closed just now. */
  #closed: Group | undefined;
  #repeatable = false;
  #steps: number;

  constructor(pattern: string, folded: boolean) {
    this.#pattern = pattern;
    this.#folded = folded;
    this.#steps = pattern.startsWith('^') ? 0 : STEPS_OF_REPETITION;
  }

  translate(): string | undefined {
    while (this.#position < this.#pattern.length) if (!this.#next()) return undefined;
    // with alternatives outside of any group, an anchor at the beginning holds for the first alone
    const [whole] = this.#open;
    const unanchored = (whole?.alternatives ?? 1) > 1 ? STEPS_OF_REPETITION : 0;
    const steps = this.#steps + unanchored + Math.log2(whole?.alternatives ?? 1);
    return steps <= MOST_STEPS ? this.#body : undefined;
  }

  /** Translates one element; false for one that is left to the automata. */
  #next(): boolean {
    const char = String.fromCodePoint(this.#pattern.codePointAt(this.#position) as number);
    switch (char) {
      case '(':
        return this.#openGroup();
      case ')':
        return this.#closeGroup();
      case '[':
        return this.#class();
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
      case '{':
        return this.#repeat();
      case '|':
        this.#group().alternatives++;
        return this.#emit('|', 1, false);
      case '^':
      case '$':
        return this.#emit(char, 1, false);
      case '.':
        return this.#emit('[^\\n]', 1);
      default:
        return this.#emit(literal(char), char.length);
    }
  }

  #group(): Group {
    return this.#open.at(-1) as Group;
  }

  #emit(text: string, length: number, repeatable = true): true {
    this.#body += text;
    this.#position += length;
    this.#repeatable = repeatable;
    this.#closed = undefined;
    if (repeatable) this.#group().consumes = true;
    return true;
  }

  #openGroup(): boolean {
    const [start, name] = GROUP_START.exec(this.#pattern.slice(this.#position)) ?? [''];
    // any other `(?` is a flag
    if (start === '(' && this.#pattern[this.#position + 1] === '?') return false;
    const capturing = start !== '(?:';
    this.#open.push(emptyGroup(capturing));
    return this.#emit(name === undefined ? start : `(?<${name}>`, start.length, false);
  }

  #closeGroup(): boolean {
    const group = this.#open.pop() as Group;
    const outer = this.#group();
    outer.repeats ||= group.repeats || group.alternatives > 1;
    outer.captures ||= group.captures || group.capturing;
    outer.consumes ||= group.consumes;
    this.#steps += Math.log2(group.alternatives);
    this.#emit(')', 1, false);
    this.#repeatable = group.consumes;
    this.#closed = group;
    return true;
  }

  #repeat(): boolean {
    const [text, least, range, most] = REPETITION.exec(this.#pattern.slice(this.#position)) ?? [];
    if (text === undefined || !this.#repeatable) return false;
    const group = this.#closed;
    if (text.startsWith('?')) {
      // captures inside of an optional group that matches nothing are reported differently
      const complex = group !== undefined && (group.repeats || group.alternatives > 1);
      if (complex && (group.captures || group.capturing)) return false;
      this.#steps += 1;
    } else {
      if (group !== undefined && (group.repeats || group.captures || group.alternatives > 1)) return false;
      this.#steps += stepsOf(least, range, most);
    }
    this.#group().repeats = true;
    return this.#emit(text, text.length, false);
  }

  #escape(): boolean {
    const char = this.#pattern[this.#position + 1] ?? '';
    const lower = char.toLowerCase();
    if (lower in CLASSES) {
      // folding extends what JavaScript takes for a word character
      if (this.#folded && lower === 'w') return false;
      return this.#emit(`[${char === lower ? '' : '^'}${CLASSES[lower]}]`, 2);
    }
    if (lower === 'b') return !this.#folded && this.#emit(`\\${char}`, 2, false);
    if (char === 'A') return this.#emit('^', 2, false);
    if (char === 'z') return this.#emit('$', 2, false);
    if (char !== '' && CONTROLS.includes(char)) return this.#emit(`\\${char}`, 2);
    return PUNCTUATION.test(char) && this.#emit(literal(char), 2);
  }

  #class(): boolean {
    const negated = this.#pattern[this.#position + 1] === '^';
    let position = this.#position + (negated ? 2 : 1);
    let body = '';
    for (;;) {
      const char = this.#pattern[position] ?? '';
      if (char === ']' && body !== '') break;
      // a class inside of the class, a closing bracket that means itself, or a character of two units
      if (char === '[' || char === ']' || char === '' || char > '\u{d7ff}') return false;
      if (char !== '\\') {
        body += char === '-' ? char : literal(char);
        position++;
        continue;
      }
      const escaped = this.#pattern[position + 1] ?? '';
      if (escaped in CLASSES) {
        // a hyphen behind it means itself, but would make a range of what stands here in its place
        if (this.#pattern[position + 2] === '-') return false;
        body += CLASSES[escaped];
      } else if (escaped !== '' && CONTROLS.includes(escaped)) body += `\\${escaped}`;
      else if (PUNCTUATION.test(escaped)) body += escaped === '-' ? '\\-' : literal(escaped);
      else return false;
      if (this.#folded && escaped === 'w') return false;
      position += 2;
    }
    return this.#emit(`[${negated ? '^' : ''}${body}]`, position + 1 - this.#position);
  }
}

function emptyGroup(capturing: boolean): Group {
  return { capturing, alternatives: 1, repeats: false, captures: false, consumes: false };
}

function stepsOf(least: string | undefined, range: string | undefined, most: string | undefined): number {
  if (least === undefined) return STEPS_OF_REPETITION;
  if (range === undefined) return 0;
  const spread = most === '' || most === undefined ? Number.POSITIVE_INFINITY : Number(most) - Number(least);
  return spread <= SHORT_REPETITION ? Math.log2(spread + 1) : STEPS_OF_REPETITION;
}

function literal(char: string): string {
  return SYNTAX.test(char) ? `\\${char}` : char;
}
