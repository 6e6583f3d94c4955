import { BytesMatcher } from '../match/bytes-matcher.ts';
import type { AttributeEditor } from '../otlp/edit/attribute-editor.ts';
import type { Regexp } from '../regexp.ts';
import type { AttributeStep } from './actions.ts';

/** Removes the attribute with a key (the first, where there are several) and all whose keys match a pattern. */
export class Delete implements AttributeStep {
  readonly #key: Buffer;
  readonly #pattern: BytesMatcher | undefined;

  constructor(key: string, pattern: Regexp | undefined) {
    this.#key = Buffer.from(key);
    this.#pattern = pattern && new BytesMatcher((text) => pattern.test(text));
  }

  apply(attributes: AttributeEditor): void {
    attributes.delete(this.#key);
    if (this.#pattern === undefined) return;
    for (let i = 0; i < attributes.count; i++) {
      if (attributes.has(i) && attributes.keyMatches(i, this.#pattern)) attributes.remove(i);
    }
  }
}
