/**
 * A JSON body is not what it should be. The message says what was found and where, for the person who wrote the
 * client: `expected a string, found 1 at resourceSpans[0].scopeSpans[0].spans[3].name (line 1, column 97)`.
 */
export class JsonError extends Error {
  override readonly name = 'JsonError';
  /** In bytes, from 0. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  /** In bytes of the line, from 1. */
  readonly column: number;
  /** Empty at the root. */
  readonly path: string;

  constructor(reason: string, bytes: Buffer, offset: number, path: string) {
    const { line, column } = locate(bytes, offset);
    super(`${reason}${path === '' ? '' : ` at ${path}`} (line ${line}, column ${column})`);
    this.offset = offset;
    this.line = line;
    this.column = column;
    this.path = path;
  }
}

function locate(bytes: Buffer, offset: number): { line: number; column: number } {
  let line = 1;
  let lineStart = 0;
  for (let newline = bytes.indexOf(0x0a); newline !== -1 && newline < offset; ) {
    line++;
    lineStart = newline + 1;
    newline = bytes.indexOf(0x0a, lineStart);
  }
  return { line, column: offset - lineStart + 1 };
}

/** Thrown by the scanner, which knows no paths; the decoder makes a JsonError of it. */
export class ScanFailure extends Error {
  override readonly name = 'ScanFailure';
  readonly offset: number;

  constructor(reason: string, offset: number) {
    super(reason);
    this.offset = offset;
  }
}
