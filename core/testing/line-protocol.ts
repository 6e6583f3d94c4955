/** A point of InfluxDB's line protocol. Fields as in the line, texts in quotes and without escapes. */
export interface Point {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  readonly time: string;
}

/** Reads lines, in the order they are in. Texts may have `\n`, `\r` and `\t`, as some writers escape them. */
export function parseLines(bytes: Buffer): Point[] {
  const reader = new Reader(bytes.toString('utf8'));
  const points: Point[] = [];
  while (!reader.done) points.push(reader.point());
  return points;
}

const STRING_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  point(): Point {
    const measurement = this.#until(', ');
    const [tags, fields]: [Record<string, string>, Record<string, string>] = [{}, {}];
    while (this.#skip(',')) {
      const key = this.#until('=');
      this.#at++;
      tags[key] = this.#until(', ');
    }
    this.#at++;
    do {
      const key = this.#until('=');
      this.#at++;
      fields[key] = this.#skip('"') ? this.#string() : number(this.#until(', '));
    } while (this.#skip(','));
    this.#at++;
    const time = this.#until('\n');
    this.#at++;
    return { measurement, tags, fields, time };
  }

  #skip(character: string): boolean {
    const found = this.#text[this.#at] === character;
    if (found) this.#at++;
    return found;
  }

  #until(stops: string): string {
    let text = '';
    for (; !this.done && !stops.includes(this.#text[this.#at] as string); this.#at++) {
      if (this.#text[this.#at] === '\\' && ', ='.includes(this.#text[this.#at + 1] ?? '\0')) this.#at++;
      text += this.#text[this.#at];
    }
    return text;
  }

  #string(): string {
    let text = '"';
    for (; this.#text[this.#at] !== '"'; this.#at++) {
      const escaped = this.#text[this.#at] === '\\' ? this.#text[++this.#at] : undefined;
      text += escaped === undefined ? this.#text[this.#at] : (STRING_ESCAPES[escaped] ?? escaped);
    }
    this.#at++;
    return `${text}"`;
  }
}

/** One spelling for each number. */
function number(text: string): string {
  return /[iu]$/.test(text) || text === '-0' ? text : String(Number(text));
}
