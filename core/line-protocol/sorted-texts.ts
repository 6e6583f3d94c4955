/**
 * Texts by key, in the order of the keys; of several with one key the last stands. The tags of a line, and the entries
 * of a JSON object, are made with it: what all items of a group share is set once and copied for each item.
 */
export class SortedTexts {
  readonly #keys: string[] = [];
  readonly #texts: string[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Takes over what is in `other`. */
  reset(other?: SortedTexts): this {
    this.#size = other === undefined ? 0 : other.#size;
    for (let i = 0; i < this.#size; i++) {
      this.#keys[i] = other!.#keys[i] as string;
      this.#texts[i] = other!.#texts[i] as string;
    }
    return this;
  }

  has(key: string): boolean {
    const at = this.#find(key);
    return at < this.#size && this.#keys[at] === key;
  }

  set(key: string, text: string): void {
    const keys = this.#keys;
    const texts = this.#texts;
    const at = this.#find(key);
    if (at === this.#size || keys[at] !== key) {
      for (let i = this.#size++; i > at; i--) {
        keys[i] = keys[i - 1] as string;
        texts[i] = texts[i - 1] as string;
      }
      keys[at] = key;
    }
    texts[at] = text;
  }

  /** Each text that is not empty, with `before` before it. */
  join(before: string): string {
    let joined = '';
    for (let i = 0; i < this.#size; i++) if (this.#texts[i] !== '') joined += before + this.#texts[i];
    return joined;
  }

  /** The first position whose key is not below `key`. */
  #find(key: string): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
