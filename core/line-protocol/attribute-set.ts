import type { Attributes } from '../otlp/readers/attributes.ts';
import { jsonString, jsonValue } from './json-text.ts';
import { attributeText, keyText, setTag } from './line.ts';
import { SortedTexts } from './sorted-texts.ts';

/**
 * The attributes of an item, its scope and its resource together: those that are dimensions as tags, all others as one
 * JSON object. Of several with one key the last that was added stands.
 */
export class AttributeSet {
  readonly tags = new SortedTexts();
  readonly #json = new SortedTexts();
  readonly #dimensions: ReadonlySet<string>;
  readonly #options: AttributeSetOptions;
  #lost = 0;

  /** `dimensions` with one character for each byte. */
  constructor(dimensions: ReadonlySet<string>, options: AttributeSetOptions) {
    this.#dimensions = dimensions;
    this.#options = options;
  }

  /** Takes over what is in `other`. */
  reset(other?: AttributeSet): this {
    this.tags.reset(other?.tags);
    this.#json.reset(other === undefined ? undefined : other.#json);
    this.#lost = other === undefined ? 0 : other.#lost;
    return this;
  }

  add(list: Attributes): this {
    list.rewind();
    while (list.next()) {
      const key = keyText(list);
      if (key === '' && !this.#options.emptyKey) continue;
      if (!this.#dimensions.has(key)) this.#addJson(key, list);
      else {
        if (this.#options.repeatedInJson && this.tags.has(key)) this.#addJson(key, list);
        setTag(this.tags, key, attributeText(list));
      }
    }
    return this;
  }

  /** Attributes with a double in them that JSON cannot hold. */
  get lost(): number {
    return this.#lost;
  }

  /** The others as a JSON object; '' where there is none. */
  json(): string {
    return this.#json.size === 0 ? '' : `{${this.#json.join(',').slice(1)}}`;
  }

  #addJson(key: string, list: Attributes): void {
    const value = jsonValue(list.buffer, list.valueStart, list.valueEnd);
    if (value === undefined) this.#lost++;
    else this.#json.set(key, `${jsonString(key)}:${value}`);
  }
}

export interface AttributeSetOptions {
  /** Whether an attribute without key is taken. */
  readonly emptyKey: boolean;
  /** Whether a dimension that a scope or resource had already is in the JSON object too. */
  readonly repeatedInJson: boolean;
}
