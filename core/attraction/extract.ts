import type { AttributeEditor } from '../otlp/edit/attribute-editor.ts';
import { ValueReader, ValueType } from '../otlp/value.ts';
import { encodeString } from '../otlp/value-encode.ts';
import type { Regexp } from '../regexp.ts';
import type { AttributeStep } from './actions.ts';

/** Makes an attribute of each group of a pattern that a text matches; the text stays. */
export class Extract implements AttributeStep {
  readonly #key: Buffer;
  readonly #pattern: Regexp;
  readonly #names: readonly Buffer[];
  readonly #value = new ValueReader();

  /** All groups have names. */
  constructor(key: string, pattern: Regexp) {
    this.#key = Buffer.from(key);
    this.#pattern = pattern;
    this.#names = pattern.groupNames.slice(1).map((name) => Buffer.from(name));
  }

  apply(attributes: AttributeEditor): void {
    const index = attributes.find(this.#key);
    if (index < 0) return;
    const value = this.#value.read(
      attributes.bufferOf(index),
      attributes.valueStart(index),
      attributes.valueEnd(index),
    );
    if (value.type !== ValueType.STRING) return;
    const match = this.#pattern.exec(value.string);
    if (match === undefined) return;
    for (const [group, name] of this.#names.entries()) attributes.upsert(name, encodeString(match.group(group + 1)));
  }
}
