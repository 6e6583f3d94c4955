import { CST, Lexer } from 'yaml';

/**
 * Where a tab stands that Go's yaml.v3 does not take, as an offset: before the first token of a line, or behind the
 * dash or question mark of an entry. Inside brackets and texts, behind values, and from one comment on a line of its
 * own to the next it may stand.
 */
export function tabFault(text: string): number | undefined {
  if (!text.includes('\t')) return undefined;
  const scan = new TabScan();
  for (const lexeme of new Lexer().lex(text)) {
    const fault = scan.next(lexeme);
    if (fault !== undefined) return fault;
  }
  return scan.pending;
}

/** Lexemes that mark what follows and take no place in the text. */
const MARKS: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

class TabScan {
  #offset = 0;
  #lineStart = 0;
  /** Column of the first token of the last line that had one. */
  #indent = 0;
  #brackets = 0;
  #scalar = false;
  #lineBegins = true;
  /** A key could begin here, where Go takes no tab. */
  #before = true;
  /** The last token is a plain text, which goes on over empty lines. */
  #afterText = false;
  /** The last token is a comment where a key could have begun. */
  #afterComment = false;
  /** A tab behind such a comment, which is a fault unless another comment follows. */
  pending: number | undefined;

  next(lexeme: string): number | undefined {
    if (MARKS.has(lexeme)) {
      this.#scalar = lexeme === CST.SCALAR;
      return undefined;
    }
    const fault = this.#scalar ? this.#text(lexeme) : this.#token(lexeme);
    this.#scalar = false;
    this.#offset += lexeme.length;
    return fault ?? (this.#afterComment ? undefined : this.pending);
  }

  #text(lexeme: string): undefined {
    this.#begin();
    // the text of a block ends with its last line break
    this.#before = lexeme.endsWith('\n');
    this.#lineBegins = this.#before;
    this.#afterText = !this.#before;
    const end = lexeme.lastIndexOf('\n');
    if (end >= 0) this.#lineStart = this.#offset + end + 1;
  }

  #begin(): void {
    if (this.#lineBegins) this.#indent = this.#offset - this.#lineStart;
    this.#lineBegins = false;
    this.#before = false;
    this.#afterText = false;
    this.#afterComment = false;
  }

  #token(lexeme: string): number | undefined {
    switch (CST.tokenType(lexeme)) {
      case 'space': {
        const tab = this.#before && this.#brackets === 0 ? lexeme.indexOf('\t') : -1;
        if (tab < 0 || (this.#afterText && this.#offset + tab - this.#lineStart > this.#indent)) return undefined;
        if (!this.#afterComment) return this.#offset + tab;
        this.pending ??= this.#offset + tab;
        return undefined;
      }
      case 'newline':
        this.#before = true;
        this.#lineBegins = true;
        this.#lineStart = this.#offset + lexeme.length;
        return undefined;
      case 'comment':
        this.#afterComment = this.#before;
        this.pending = undefined;
        return undefined;
      case 'seq-item-ind':
      case 'explicit-key-ind':
        this.#begin();
        this.#before = true;
        return undefined;
      case 'flow-map-start':
      case 'flow-seq-start':
        this.#begin();
        this.#brackets++;
        return undefined;
      case 'flow-map-end':
      case 'flow-seq-end':
        this.#brackets = Math.max(0, this.#brackets - 1);
        this.#begin();
        return undefined;
      default:
        this.#begin();
        return undefined;
    }
  }
}
