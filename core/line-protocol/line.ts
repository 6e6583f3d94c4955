import type { Attributes } from '../otlp/readers/attributes.ts';
import { valueText } from '../otlp/value.ts';
import { SortedTexts } from './sorted-texts.ts';
import { encodeText, escapeMeasurement, escapeName, textOf } from './text.ts';

/** Nanoseconds in the units a timestamp may have. */
export const PRECISIONS = { ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n } as const;
export type Precision = keyof typeof PRECISIONS;

/** The line under construction: `begin`, tags and fields in any order, `end`. Made once and used for every line. */
export class Line {
  readonly tags = new SortedTexts();
  readonly #unit: bigint;
  #fields = '';

  constructor(precision: Precision) {
    this.#unit = PRECISIONS[precision];
  }

  get hasFields(): boolean {
    return this.#fields !== '';
  }

  /** With the tags that are in `shared`. */
  begin(shared?: SortedTexts): this {
    this.tags.reset(shared);
    this.#fields = '';
    return this;
  }

  tag(key: string, value: string): void {
    setTag(this.tags, key, value);
  }

  /** `value` as it stands in the line: a number, `1i` for an integer, `1u` for an unsigned one, a quoted string. */
  field(key: string, value: string): void {
    const escaped = escapeName(key);
    if (escaped !== '') this.#fields += this.#fields === '' ? `${escaped}=${value}` : `,${escaped}=${value}`;
  }

  /** Not for what the protocol has no number for: NaN and infinity. */
  float(key: string, value: number): void {
    if (Number.isFinite(value)) this.field(key, Object.is(value, -0) ? '-0' : String(value));
  }

  /** Undefined where there is no field or no measurement, which makes no line. Times are unsigned, as OTLP has them. */
  end(measurement: string, unixNanos: bigint): string | undefined {
    const name = escapeMeasurement(measurement);
    if (this.#fields === '' || name === '') return undefined;
    return `${name}${this.tags.join(',')} ${this.#fields} ${BigInt.asIntN(64, unixNanos) / this.#unit}`;
  }
}

/** An empty value takes the tag away, also one that is in the list already. */
export function setTag(tags: SortedTexts, key: string, value: string): void {
  const [name, text] = [escapeName(key), escapeName(value)];
  if (name !== '') tags.set(key, text === '' ? '' : `${name}=${text}`);
}

/** Every attribute of the list as a tag. */
export function setTags(tags: SortedTexts, list: Attributes): void {
  list.rewind();
  while (list.next()) setTag(tags, keyText(list), attributeText(list));
}

/** Of the current attribute of a list. */
export function keyText(list: Attributes): string {
  return textOf(list.buffer, list.keyStart, list.keyEnd);
}

const STRING = (1 << 3) | 2;

/** The value of the current attribute of a list as text, as the collector has it. */
export function attributeText({ buffer, valueStart, valueEnd }: Attributes): string {
  // nearly all are strings of up to 127 bytes
  if (buffer[valueStart] === STRING && valueStart + 2 <= valueEnd) {
    const length = buffer[valueStart + 1] as number;
    if (length < 0x80 && valueStart + 2 + length === valueEnd) return textOf(buffer, valueStart + 2, valueEnd);
  }
  return encodeText(valueText(buffer, valueStart, valueEnd));
}
